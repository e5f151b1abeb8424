"""Rows in a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqa_registry import read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from mqa_registry import Conditions


def rows_in_file(
    conditions: Conditions,
    *,
    path: Path,
    format: Literal["csv", "jsonl", "parquet", "arrow"] | None = None,  # noqa: A002 - the word that suites use
) -> pa.Table:
    """Rows of a csv, tsv, jsonl, parquet or arrow file.

    `format` is told by the name unless it is given. A csv or jsonl may be packed (.gz, .bz2, .zst) and in UTF-8 or
    UTF-16. In a csv a column holds numbers where every value is plainly one, else text just as it stands: `007`, `True`
    and `2026-11-21` stay text, and an empty cell is a missing value. Its cells are parted by commas, a .tsv's by tabs,
    unless the header has none of these but semicolons, tabs or bars. In a jsonl every string stays text; a .json may be
    one array of rows. Class labels come by their names where the file, or a `dataset_info.json` beside it, has them.
    """
    return read_table(path, format)
