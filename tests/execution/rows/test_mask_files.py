"""Targets of masks as PNG files: paths, bytes and both, whatever their mode, and what is said of those that cannot be read."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mqa_registry import DataError, decode_mask
from mqa_registry.execution.rows.mask_files import read_mask_files
from mqa_registry.types import Rows
from mqa_registry.types.blobs import BlobFolder
from mqa_registry.types.targets import TargetColumn

VALUES = np.array([[0, 0, 2], [1, 255, 2]], np.uint8)


def png(values=VALUES, mode=None, kind="PNG"):
    content = BytesIO()
    image = Image.fromarray(values)
    if mode == "P":
        image = image.convert("L")
        image.putpalette([200, 10, 30] * 256)
    image.save(content, kind)
    return content.getvalue()


def read(column, folder, numbers=None):
    targets = TargetColumn(Rows(pa.table({"target": column}), (), numbers=numbers), "street")
    return read_mask_files(targets, BlobFolder(folder), None).to_pylist()


def values_of(row):
    values = np.full(tuple(row[0]["size"]), 255)
    for mask in row:
        values[decode_mask(mask)] = int(mask["label"])
    return values.tolist()


def test_a_path_bytes_and_both_are_read_and_nothing_is_a_null(tmp_path):
    (tmp_path / "one.png").write_bytes(png())
    for column in (
        ["one.png", None],
        [png(), None],
        [{"bytes": None, "path": "one.png"}, {"bytes": None, "path": None}],
    ):
        one, missing = read(column, tmp_path)
        assert values_of(one) == VALUES.tolist()
        assert {mask["label"] for mask in one} == {"0", "1", "2"}
        assert missing is None


@pytest.mark.parametrize(
    ("values", "mode"),
    [(VALUES, "P"), (VALUES.astype(np.uint16) * 100, None), (VALUES > 1, None)],
    ids=["palette", "16 bits", "1 bit"],
)
def test_the_numbers_of_pixels_count_and_no_colours(tmp_path, values, mode):
    (row,) = read([png(values, mode)], tmp_path)
    assert values_of(row) == values.astype(int).tolist()


def test_only_of_8_bits_does_255_mean_that_a_pixel_does_not_count(tmp_path):
    assert [mask["label"] for mask in read([png(np.full((2, 2), 255, np.uint16))], tmp_path)[0]] == ["255"]
    assert read([png(np.full((2, 2), 255, np.uint8))], tmp_path) == [[]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: it has no bytes"),
        (b"GIF89a", "is no PNG"),
        (png(kind="TIFF"), "is no PNG"),
        (png()[:45], "is a damaged PNG"),
        (png(np.zeros((2, 3, 3), np.uint8)), "has colours, and no positions of classes"),
        (None, "is missing"),
    ],
    ids=["empty", "no image", "another format", "cut", "colours", "missing"],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_row(tmp_path, content, said):
    (tmp_path / "whole.png").write_bytes(png())
    if content is not None:
        (tmp_path / "two.png").write_bytes(content)
    with pytest.raises(DataError) as refused:
        read(["whole.png", "two.png"], tmp_path, numbers=[3, 8])
    assert refused.value.message == f"row 8 of the data set `street` has a target that {said}: `two.png`"
