"""Decisions: whether two predictions of a row say the same, and how sure the reference was, by what their schema is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow.compute as pc

from mqa_parity.answer_flips import measure_answers, same_answers
from mqa_parity.label_flips import measure_labels
from mqa_parity.label_set_flips import measure_label_sets
from mqa_parity.mask_flips import MAX_PIXELS, measure_masks, same_masks
from mqa_parity.object_flips import measure_objects, same_objects
from mqa_parity.ranking_flips import measure_rankings, same_rankings
from mqa_parity.span_flips import measure_spans, measure_tokens, same_tokens
from mqa_registry import Boxes, Instances

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import numpy.typing as npt

    from mqa_parity.margins import Margins
    from mqa_registry import ImageObjects, Predictions

    Bools: TypeAlias = npt.NDArray[np.bool_]

OPERATING_SCORE = 0.5  # from which a detection is commonly taken for an object


@dataclass(frozen=True)
class DecisionRule:
    """What a prediction decides, where its schema leaves that open.

    `threshold` is the score from which a box or an instance counts; with `k`, a ranking is which are its first `k`; `max_pixels` is the
    share of pixels up to which masks are the same.
    """

    threshold: float = OPERATING_SCORE
    k: int | None = None
    max_pixels: float = MAX_PIXELS


@dataclass(frozen=True)
class Decision:
    """How predictions of one schema are compared: which rows are the same, and the margins, None where none are known."""

    same: Callable[[Predictions, Predictions], Bools]
    margins: Callable[[Predictions, Predictions], Margins | None] | None = None


def list_decisions(rule: DecisionRule) -> Mapping[str, Decision]:
    """How predictions are compared by a rule, by their schema."""
    return {
        "label": Decision(_same_values, measure_labels),
        "labels": Decision(_same_sets, measure_label_sets),
        "spans": Decision(_same_sets, measure_spans),
        "boxes": _decide_objects(Boxes, rule),
        "instances": _decide_objects(Instances, rule),
        "masks": Decision(
            partial(same_masks, max_pixels=rule.max_pixels), partial(measure_masks, max_pixels=rule.max_pixels)
        ),
        "answer": Decision(same_answers, measure_answers),
        "tokens": Decision(same_tokens, measure_tokens),
        "text": Decision(_same_values),
        "ranking": Decision(partial(same_rankings, k=rule.k), partial(measure_rankings, k=rule.k)),
    }


def same_decisions(reference: Predictions, candidate: Predictions, rule: DecisionRule) -> Bools:
    """Whether each row has the same prediction on both sides."""
    return list_decisions(rule)[reference.schema].same(reference, candidate)


def measure_margins(reference: Predictions, candidate: Predictions, rule: DecisionRule) -> Margins | None:
    """The margins of all rows; None where none are known."""
    measure = list_decisions(rule)[reference.schema].margins
    return None if measure is None else measure(reference, candidate)


def _decide_objects(kind: type[ImageObjects], rule: DecisionRule) -> Decision:
    return Decision(
        partial(same_objects, kind=kind, threshold=rule.threshold),
        partial(measure_objects, kind=kind, threshold=rule.threshold),
    )


def _same_values(reference: Predictions, candidate: Predictions) -> Bools:
    same = pc.equal(reference.main.combine_chunks(), candidate.main.combine_chunks())
    return np.asarray(pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False), bool)


def _same_sets(reference: Predictions, candidate: Predictions) -> Bools:
    pairs = zip(reference.to_pylist(), candidate.to_pylist(), strict=True)
    schema = reference.schema
    return np.array([_canonicalize(schema, one) == _canonicalize(schema, other) for one, other in pairs], bool)


def _canonicalize(schema: str, prediction: Any) -> Hashable:
    """Labels or spans in a form that is equal for equivalent ones; None stays None."""
    if prediction is None:
        return None
    if schema == "spans":
        return frozenset((span["start"], span["end"], span["label"]) for span in prediction)
    return frozenset(prediction)


SCHEMAS = tuple(list_decisions(DecisionRule()))  # of predictions that decide something
