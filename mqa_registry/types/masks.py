"""Masks: which pixels of an image have which label, as run lengths of COCO and as maps of labels.

Run lengths count how many pixels are outside of a mask, then inside, then outside again and so on, column by column. `counts`
has them as the text that pycocotools writes (https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c): from the
fourth on each is the difference from the one before the last, in groups of five bits, the lowest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    Codes = npt.NDArray[np.int16]
    Ints = npt.NDArray[np.int64]

NO_LABEL, IGNORED = -1, -2  # of a pixel: in no mask, and in a mask of a target that has no label
MAX_DIFFERENCE = 0.01  # the share of pixels with another label up to which two predictions are equal
MAX_PIXELS = 89_478_485  # as of an image, above which Pillow warns of a decompression bomb
FIRST_CHARACTER = 48  # of the text of counts: `0` stands for 0
BITS, LOW, SIGN, MORE = 5, 0b011111, 0b010000, 0b100000  # of a character: five bits, and whether more follow
MAX_CHARACTERS = 12  # of a count: 60 bits
COUNTS_HINT = (
    "run lengths are those of COCO: `size` is the height and width, `counts` a text of pycocotools or a list of numbers"
)


def encode_mask(pixels: Bools) -> dict[str, Any]:
    """The `size` and `counts` of the pixels that are inside of a mask, shape (height, width)."""
    return {"size": list(pixels.shape), "counts": _write_counts(count_runs(pixels))}


def decode_mask(mask: Mapping[str, Any]) -> Bools:
    """Whether each pixel is inside of a mask, shape (height, width), of a mask as `normalize_mask` gives it."""
    height, width = mask["size"]
    counts = _read_counts(mask["counts"])
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def find_runs(mask: Mapping[str, Any]) -> Ints:
    """Where the runs of pixels inside of a mask start and end, column by column, shape (runs, 2)."""
    ends = np.cumsum(_read_counts(mask["counts"]))
    runs = ends[: len(ends) // 2 * 2].reshape(-1, 2)
    return runs[runs[:, 0] < runs[:, 1]]


def normalize_mask(mask: Mapping[str, Any]) -> dict[str, Any]:
    """The `size` and `counts` of a mask that was made elsewhere, checked.

    It has both, or has them under `segmentation`, as COCO's annotations do. Counts may be a text, its bytes, or a list of
    numbers. A DataError, whose message continues a sentence about what has the mask, where they cannot be.
    """
    given = mask if mask.get("segmentation") is None else mask["segmentation"]
    if isinstance(given, list):
        raise DataError(
            "a polygon in place of a mask", hint="`COCO.annToRLE` of pycocotools makes run lengths of polygons"
        )
    runs = given if isinstance(given, dict) else {}
    if lacking := [name for name in ("size", "counts") if runs.get(name) is None]:
        raise DataError(f"a mask without `{lacking[0]}`", hint=COUNTS_HINT)
    size, counts = runs["size"], runs["counts"]
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise DataError(f"a mask whose `size` is {size}", hint=COUNTS_HINT)
    n_pixels = size[0] * size[1]
    if n_pixels > MAX_PIXELS:
        raise DataError(f"a mask of {size[1]:,} x {size[0]:,} pixels", hint=f"{MAX_PIXELS:,} pixels are the most")
    numbers = _parse_counts(counts)
    if ((numbers < 0) | (numbers > n_pixels)).any() or int(numbers.sum()) != n_pixels:
        raise DataError(
            f"a mask whose runs are not those of its {size[1]:,} x {size[0]:,} pixels",
            hint="the counts of a mask sum to the pixels of its image, and none is negative",
        )
    return {"size": size, "counts": counts if isinstance(counts, str) else _write_counts(numbers)}


def encode_masks(codes: npt.NDArray[np.integer[Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """A mask of every label that a map of labels has, by the position of each pixel's label, shape (height, width).

    A pixel with a position below 0 is in none.
    """
    there = np.unique(codes)
    return [{"label": labels[code], **encode_mask(codes == code)} for code in there[there >= 0].tolist()]


def decode_masks(masks: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Codes:
    """The position of each pixel's label among `labels`, shape (height, width), and (0, 0) where there are no masks.

    It is -1 for a pixel in no mask, and -2 for one of a target that is in a mask without a label.
    """
    if not masks:
        return np.zeros((0, 0), np.int16)
    positions = {label: code for code, label in enumerate(labels)}
    codes = np.full(tuple(masks[0]["size"]), NO_LABEL, np.int16)
    for mask in masks:
        codes[decode_mask(mask)] = IGNORED if mask["label"] is None else positions[mask["label"]]
    return codes


def decode_pair(
    one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]], labels: Sequence[str] | None = None
) -> tuple[Codes, Codes]:
    """The labels of each pixel on two sides, by the same positions; a side without masks has none anywhere.

    Without `labels`, they are those of both sides. A DataError where the sides are of images of other sizes.
    """
    known = list_labels((one, other)) if labels is None else labels
    first, second = decode_masks(one, known), decode_masks(other, known)
    if not first.size:
        first = np.full_like(second, NO_LABEL)
    if not second.size:
        second = np.full_like(first, NO_LABEL)
    if first.shape != second.shape:
        sizes = [" x ".join(str(side) for side in codes.shape[::-1]) for codes in (first, second)]
        raise DataError(f"a mask of {sizes[1]} pixels, and its image has {sizes[0]}")
    return first, second


def check_sizes(masks: Sequence[Mapping[str, Any]]) -> None:
    """A DataError, whose message continues a sentence about what has the masks, where they are of several sizes."""
    if len({tuple(mask["size"]) for mask in masks}) > 1:
        raise DataError("masks of several sizes", hint="every mask of a row has the size of its image")


def labelled_pixels(masks: Sequence[Mapping[str, Any]]) -> Bools:
    """Whether each pixel is in a mask with a label, shape (height, width).

    A DataError, whose message continues a sentence about what has the masks, where they are of several sizes, or where a
    pixel has two labels.
    """
    check_sizes(masks)
    by_label: dict[str, Bools] = {}
    for mask in masks:
        if mask["label"] is None:
            continue
        pixels = decode_mask(mask)
        by_label[mask["label"]] = by_label.get(mask["label"], np.zeros_like(pixels)) | pixels
    covered = np.zeros(tuple(masks[0]["size"]) if masks else (0, 0), bool)
    for label, pixels in by_label.items():
        if (covered & pixels).any():
            raise DataError(
                f"a pixel of two labels, of which `{label}` is one",
                hint="a pixel has one label, the class that it is of",
            )
        covered |= pixels
    return covered


@dataclass(frozen=True)
class MaskComparison:
    """Two sides' labels of the pixels of an image, held against each other.

    `codes` tells the labels of the first side apart, and `differs` says whether a pixel that both sides count has another label
    on the other side, both of shape (height, width). `n_counted` pixels count: all but those that a target ignores.
    """

    codes: Codes
    differs: Bools
    n_counted: int

    @property
    def share(self) -> float:
        """The share of the counted pixels that differ; 0 where none count."""
        return float(self.differs.sum() / self.n_counted) if self.n_counted else 0.0


def compare_masks(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> MaskComparison:
    """The masks of a row on two sides, pixel by pixel. Where they are of images of other sizes, every pixel differs."""
    try:
        first, second = decode_pair(one, other)
    except DataError:
        codes = decode_masks(one, list_labels((one,)))
        return MaskComparison(codes, np.ones(codes.shape, bool), codes.size)
    counted = (first != IGNORED) & (second != IGNORED)
    return MaskComparison(first, (first != second) & counted, int(counted.sum()))


def count_pixels(
    predicted: Sequence[Mapping[str, Any]], target: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> Ints:
    """How many pixels of every label are right, are predicted, and are in the target: shape (3, labels).

    Pixels without a label in the target do not count. A DataError where the target is of an image of another size.
    """
    found, actual = decode_pair(predicted, target, labels)
    counted = actual >= 0
    found, actual = found[counted], actual[counted]
    parts = (actual[actual == found], found[found >= 0], actual)
    return np.stack([np.bincount(codes, minlength=len(labels)) for codes in parts])


def list_labels(rows: Iterable[Sequence[Mapping[str, Any]] | None]) -> list[str]:
    """The labels that masks of some rows have, in the order of the alphabet."""
    return sorted({mask["label"] for masks in rows for mask in masks or () if mask["label"] is not None})


def count_runs(pixels: Bools) -> Ints:
    """The lengths of the runs of pixels outside and inside of a mask by turns, column by column; the first is outside."""
    flat = pixels.ravel(order="F")
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    runs = np.diff(ends, prepend=0)
    return np.append(0, runs) if flat.size and flat[0] else runs


def _write_counts(counts: Ints) -> str:
    left = counts.astype(np.int64)
    left[3:] -= counts[1:-2]
    is_open, characters = np.ones(len(left), bool), []
    while is_open.any():
        low, left = left & LOW, left >> BITS
        goes_on = np.where(low & SIGN, left != -1, left != 0)
        characters.append(np.where(is_open, low + MORE * goes_on + FIRST_CHARACTER, 0))
        is_open &= goes_on
    table = np.stack(characters, axis=1).astype(np.uint8)
    return table[table > 0].tobytes().decode("ascii")


def _parse_counts(counts: Any) -> Ints:
    """The run lengths of a text, of bytes or of a list; a DataError where they are none."""
    if isinstance(counts, str | bytes):
        return _read_counts(counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
        raise DataError("a mask whose `counts` are no numbers", hint=COUNTS_HINT)
    return np.array(counts, np.int64)


def _read_counts(text: str | bytes) -> Ints:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    digits = np.frombuffer(content, np.uint8).astype(np.int64) - FIRST_CHARACTER
    if not len(digits):
        return digits
    is_last = (digits & MORE) == 0
    starts = np.append(0, np.flatnonzero(is_last)[:-1] + 1)
    lengths = np.diff(starts, append=len(digits))
    is_known = (digits >= 0) & (digits < 2 * MORE)
    if not is_known.all() or not is_last[-1] or lengths.max() > MAX_CHARACTERS:
        raise DataError("a mask whose `counts` are no run lengths", hint=COUNTS_HINT)
    places = BITS * (np.arange(len(digits)) - np.repeat(starts, lengths))
    counts = np.add.reduceat((digits & LOW) << places, starts)
    counts -= np.where(digits[is_last] & SIGN, np.int64(1) << BITS * lengths, 0)
    for first in (1, 2):
        counts[first::2] = np.cumsum(counts[first::2])
    return counts
