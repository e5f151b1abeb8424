"""FGSM and PGD: changes of images within a ball that raise the loss of a model, found along its gradient.

Pixels lie between 0 (black) and 1 (white), and the first axis of every array counts images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Gradient: TypeAlias = Callable[[Floats], Floats]  # of the loss by the pixels, for images

Norm: TypeAlias = Literal["linf", "l2"]

STEP = 2.5  # the steps of PGD add up to so many times epsilon: from any start they reach any place in the ball


@dataclass(frozen=True)
class Ball:
    """The images within `epsilon` of an image: each value (`linf`), or the square root of the sum of squares (`l2`)."""

    norm: Norm
    epsilon: float

    def steepest(self, gradients: Floats) -> Floats:
        """The change of length 1 that raises the loss most, to first order; none where the gradient is 0."""
        if self.norm == "linf":
            return np.sign(gradients)
        lengths = _measure(gradients)
        return np.divide(gradients, lengths, out=np.zeros_like(gradients), where=lengths > 0)

    def project(self, images: Floats, moved: Floats) -> Floats:
        """`moved` back in the ball around `images`, and between black and white."""
        change = moved - images
        if self.norm == "linf":
            change = np.clip(change, -self.epsilon, self.epsilon)
        else:
            change = change * (self.epsilon / np.maximum(_measure(change), max(self.epsilon, np.finfo(float).tiny)))
        return np.clip(images + change, 0.0, 1.0)  # which brings a value nearer to its image, as that lies between them

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> Floats:
        """A change of one image, drawn evenly from the ball."""
        if self.norm == "linf":
            return rng.uniform(-self.epsilon, self.epsilon, shape)
        direction = self.steepest(rng.standard_normal((1, *shape)))[0]
        return np.asarray(direction * self.epsilon * rng.uniform() ** (1 / direction.size))


def fgsm(images: Floats, gradient: Gradient, ball: Ball) -> Floats:
    """The fast gradient sign method of Goodfellow et al. (2015): one step to the border of the ball."""
    return ball.project(images, images + ball.epsilon * ball.steepest(gradient(images)))


def pgd(images: Floats, gradient: Gradient, ball: Ball, steps: int, rngs: Sequence[np.random.Generator]) -> Floats:
    """Projected gradient descent of Madry et al. (2018): `steps` of 2.5 epsilon / `steps`, from a random start.

    `rngs` has the generator of each image. The last step counts, whether or not an earlier one has a larger loss.
    """
    start = np.stack([ball.draw(rng, images.shape[1:]) for rng in rngs])
    moved = ball.project(images, images + start)
    for _ in range(steps):
        moved = ball.project(images, moved + STEP * ball.epsilon / steps * ball.steepest(gradient(moved)))
    return moved


def _measure(changes: Floats) -> Floats:
    """The Euclidean length of each change, in a shape that divides them."""
    lengths = np.sqrt(np.square(changes).sum(axis=tuple(range(1, changes.ndim)), keepdims=True))
    return np.asarray(lengths)
