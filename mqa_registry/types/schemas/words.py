"""Predictions that are words, or lists of things by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from mqa_registry.types.schemas.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping


class TextSchema(Schema):
    """One text a row."""

    name = "text"
    column = "text"
    type = pa.string()
    may_quote_rows = True
    sample_predictions = ("one two three", "four five six")


class RankingSchema(Schema):
    """Things by their names, the best first."""

    name = "ranking"
    column = "ranking"
    type = pa.list_(pa.string())
    extra: ClassVar[Mapping[str, pa.DataType]] = {"scores": pa.list_(pa.float64())}
    may_quote_rows = True
