"""Rows of several texts that are run one by one: their tokens stand end to end, with the number of those of each text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_transformers.tasks.tokenization import IDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

LENGTHS = "lengths"  # of a row: the number of tokens of each text


def join_texts(texts: Sequence[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Encoded texts as one row."""
    row: dict[str, npt.NDArray[Any]] = {name: np.concatenate([text[name] for text in texts]) for name in texts[0]}
    return row | {LENGTHS: np.array([len(text[IDS]) for text in texts])}


def split_texts(row: Arrays, apart: Collection[str] = ()) -> list[Arrays]:
    """The encoded texts of a row; arrays that are not of their tokens are named in `apart`."""
    ends = np.cumsum(row[LENGTHS])
    tokens = [name for name in row if name != LENGTHS and name not in apart]
    return [{name: row[name][end - n : end] for name in tokens} for end, n in zip(ends, row[LENGTHS], strict=True)]


def longest_text(row: Arrays) -> int:
    """The number of tokens of a text, or of the longest one of a row."""
    return int(row[LENGTHS].max()) if LENGTHS in row else len(row[IDS])
