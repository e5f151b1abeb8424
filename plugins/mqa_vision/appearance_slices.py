"""Slices by what images look like: equally large parts of the data, ranges with given edges, or clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
from annotated_types import Ge, Le

from mqa_registry import BlobMeasures, DataError, Trait, did_you_mean, group_by_number, group_by_vector
from mqa_vision.appearance import measure_appearance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mqa_registry import Example

Bins: TypeAlias = Annotated[int, Ge(2), Le(9)]
Clusters: TypeAlias = Annotated[int, Ge(2), Le(50)]
Groups: TypeAlias = "list[str | None]"
TRAITS = (
    ("dark", "bright", "brightness"),
    ("low contrast", "high contrast", "contrast"),
    ("pale", "colourful", "colourfulness"),
)
_LOOKS = BlobMeasures(measure_appearance)


def brightness(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "image"
) -> Groups:
    """How bright an image is: the mean of its luma, from 0 (black) to 1 (white).

    `edges` are where one range ends and the next begins, as `[0.3, 0.7]`; left out, the groups are equally large parts of
    the data, `n_bins` of them, or 4. `column` is the field with the image. An image that cannot be read is in no group.
    """
    return _group(examples, "brightness", edges, n_bins, column)


def contrast(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "image"
) -> Groups:
    """How much contrast an image has: the standard deviation of its luma, from 0 to 0.5.

    `edges` are where one range ends and the next begins, as `[0.1, 0.2]`; left out, the groups are equally large parts of
    the data, `n_bins` of them, or 4. `column` is the field with the image. An image that cannot be read is in no group.
    """
    return _group(examples, "contrast", edges, n_bins, column)


def sharpness(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "image"
) -> Groups:
    """How sharp an image is: the variance of the Laplacian of its luma, which is 0 to 255.

    It grows with noise, too, and depends on the size: compare images of one size. `edges` are where one range ends and the
    next begins, as `[100, 1000]`; left out, the groups are equally large parts of the data, `n_bins` of them, or 4. `column`
    is the field with the image. An image that cannot be read is in no group.
    """
    return _group(examples, "sharpness", edges, n_bins, column)


def size(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "image"
) -> Groups:
    """How large an image is: its shorter side in pixels.

    `edges` are where one range ends and the next begins, as `[224, 640]`; left out, the groups are equally large parts of
    the data, `n_bins` of them, or 4. `column` is the field with the image. An image that cannot be read is in no group.
    """
    return _group(examples, "size", edges, n_bins, column)


def aspect_ratio(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "image"
) -> Groups:
    """How wide an image is: its width by its height.

    `edges` are where one range ends and the next begins, as `[0.9, 1.1]` for upright, square and wide; left out, the groups
    are equally large parts of the data, `n_bins` of them, or 4. `column` is the field with the image. An image that cannot be
    read is in no group.
    """
    return _group(examples, "aspect_ratio", edges, n_bins, column)


def clusters(examples: Iterable[Example], *, n_clusters: Clusters = 8, column: str = "image") -> Groups:
    """Which images look alike: clusters by k-means over a small grey picture of each and a histogram of its colours.

    `n_clusters` is how many there are: say it before you look at errors. The clusters follow from the images alone, and not
    from predictions or targets: so the worst of them is a weak slice whose interval holds as that of any other group.
    `cluster 3 of 8: dark, low contrast` is the third largest, and most of its images are darker and flatter than three
    quarters of all. There are fewer where fewer images differ. `column` is the field with the image. An image that cannot
    be read is in no group.
    """
    looks = list(_LOOKS.of_all(_select(examples, column)))
    traits = [
        Trait(low, high, [np.nan if one is None else getattr(one, quantity) for one in looks])
        for low, high, quantity in TRAITS
    ]
    return group_by_vector([None if one is None else one.embedding for one in looks], n_clusters, traits=traits)


def _group(
    examples: Iterable[Example], quantity: str, edges: list[float] | None, n_bins: int | None, column: str
) -> Groups:
    """The group of each image by one of its numbers; None of one that cannot be read."""
    looks = _LOOKS.of_all(_select(examples, column))
    numbers = np.array([np.nan if one is None else getattr(one, quantity) for one in looks])
    return group_by_number(numbers, quantity.replace("_", " "), edges, n_bins)


def _select(examples: Iterable[Example], column: str) -> Iterator[object]:
    for example in examples:
        if column not in example:
            listed = ", ".join(f"`{name}`" for name in example)
            hint = f"{did_you_mean(column, list(example))} the fields are {listed}".strip()
            raise DataError(f"the rows have no field `{column}`", hint=hint)
        yield example[column]


def name_no_columns() -> list[str]:
    """The columns that the slices read besides the fields of the model: none."""
    return []
