"""The scale of pixels, from 0 (black) to 1 (white), in the inputs that a model's preprocessing makes of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import NotRunError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Codec

    Floats: TypeAlias = npt.NDArray[np.float64]

PROBED_SIZE = 64  # pixels of a side of the black and the white image


@dataclass(frozen=True)
class PixelScale:
    """What black and white are in the input of a model, an array for each that its pixels are held against."""

    name: str
    black: Floats
    white: Floats

    @classmethod
    def measure(cls, codec: Codec, field: str) -> PixelScale:
        """The scale that the preprocessing has, whatever its settings are; a NotRunError where the input is no image."""
        shape = (PROBED_SIZE, PROBED_SIZE, 3)
        black, white = codec.encode([{field: np.full(shape, value, np.uint8)} for value in (0, 255)])
        names = [name for name, array in black.items() if array.dtype.kind == "f" and array.ndim >= 2]
        if len(names) != 1:
            raise NotRunError(f"the model is fed {len(names)} arrays of pixels, and an attack changes one")
        ends = [_middle(np.asarray(arrays[names[0]], np.float64)) for arrays in (black, white)]
        if not (ends[1] > ends[0]).all():
            raise NotRunError(
                "a white image gives the model no larger inputs than a black one, so pixels have no scale"
            )
        return cls(names[0], *ends)

    def to_pixels(self, inputs: npt.NDArray[Any]) -> Floats:
        return np.clip((inputs - self.black) / (self.white - self.black), 0.0, 1.0)

    def change(self, inputs: npt.NDArray[Any], change: Floats) -> npt.NDArray[Any]:
        """Inputs after a change of their pixels; where that is 0, the very same."""
        moved = np.clip(inputs + change * (self.white - self.black), self.black, self.white)
        return np.where(change == 0, inputs, moved).astype(inputs.dtype)


def _middle(array: Floats) -> Floats:
    """The pixel in the middle of the two last axes, which an image of one colour is not padded in."""
    height, width = array.shape[-2:]
    return array[..., height // 2 : height // 2 + 1, width // 2 : width // 2 + 1]
