"""Spans as sets of entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mqa_registry import Predictions

Entity: TypeAlias = "tuple[int, int, str]"


def entities(predictions: Predictions) -> list[frozenset[Entity]]:
    """Per row its entities as (start, end, label), each once."""
    return [frozenset((span["start"], span["end"], span["label"]) for span in row) for row in predictions.answers()]
