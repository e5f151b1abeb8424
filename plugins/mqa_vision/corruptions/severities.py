"""Severities from 1 to 5, and the constants that are published for them.

Two sets are published. ImageNet-C's are for images of 224 pixels; `imagecorruptions` uses them for images of any size.
CIFAR-10-C's are for images of 32 pixels, of which ImageNet-C's would leave little. An image whose longer side has at most
64 pixels is corrupted with those of CIFAR-10-C, any other with those of ImageNet-C. No constant is scaled with the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, TypeAlias, TypeVar

from annotated_types import Ge, Le

if TYPE_CHECKING:
    from mqa_vision.pixels import Pixels

Severity: TypeAlias = Annotated[int, Ge(1), Le(5)]
T = TypeVar("T")
SMALL = 64  # pixels of the longer side, up to which CIFAR-10-C's constants are used


@dataclass(frozen=True)
class Constants(Generic[T]):
    """The constants of a corruption, one for each severity from 1 to 5."""

    imagenet: tuple[T, T, T, T, T]
    cifar: tuple[T, T, T, T, T]

    def at(self, severity: int, pixels: Pixels) -> T:
        """The one for a severity and for an image of this size."""
        return (self.cifar if is_small(pixels) else self.imagenet)[severity - 1]


def is_small(pixels: Pixels) -> bool:
    """Whether an image is corrupted with the constants of CIFAR-10-C."""
    height, width = pixels.shape[:2]
    return bool(max(height, width) <= SMALL)
