"""Predictions and targets in one line: labels, numbers, spans, boxes and what is relevant, as people read them."""

from __future__ import annotations

from typing import Any

from mqa_registry.reports.number_format import format_number

NONE = "none"  # no label, no object and no answer
CORNERS = ("x0", "y0", "x1", "y1")


def format_prediction(prediction: Any) -> str:
    """A prediction or a target in one line.

    Several are separated by commas; `none` where there are none. A span has its characters, as `PER 14-26`, a box its corners in
    pixels, as `disc (12, 30, 56, 75)`, and behind each is its score, where it has one. What is relevant to a query has its name.
    """
    match prediction:
        case "" | []:
            return NONE
        case float():
            return format_number(prediction)
        case [*items]:
            return ", ".join(map(format_prediction, items))
        case {"start": start, "end": end, "label": label, **others}:
            return f"{label} {start}-{end}{_format_score(others.get('score'))}"
        case {"x0": _, "y0": _, "x1": _, "y1": _, "label": label, **others}:
            corners = ", ".join(f"{prediction[side]:.0f}" for side in CORNERS)
            return f"{label} ({corners}){_format_score(others.get('score'))}"
        case {"id": plain, "relevance": _} | plain:
            return str(plain)


def _format_score(score: Any) -> str:
    return "" if score is None else f" ({format_number(score)})"
