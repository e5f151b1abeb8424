"""Metrics and comparisons: numbers within their range, which do not depend on the order of rows."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Comparison, Metric
from mqa_registry.errors import ContributionError
from mqa_registry.testing.measure_calls import (
    ROUNDING,
    WRITES,
    accepted_pairs,
    are_equal,
    find_failure,
    list_schemas,
    make_groups,
    measure,
    number_of,
    row_scores,
    take,
    to_number,
)
from mqa_registry.testing.predictions import ROWS, make_pair
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import CallError, NotTriedError, RefusalError, show
from mqa_registry.types import Predictions

if TYPE_CHECKING:
    from mqa_registry.testing.measure_calls import Pair
    from mqa_registry.testing.subject import Subject


def make_inputs(subject: Subject, schema: str) -> Pair:
    """Predictions and targets for a metric; for a comparison, predictions of the same rows by two backends."""
    pair = make_pair(schema)
    return pair if isinstance(subject.contribution, Metric) else (pair[0], make_pair(schema, shift=1)[0])


def work(subject: Subject) -> None:
    """Call it with predictions of every schema, as a process of its own does."""
    for pair in _pairs(subject):
        measure(subject, pair)


def _pairs(subject: Subject) -> list[Pair]:
    return accepted_pairs(subject, partial(make_inputs, subject))


def _find_failure(subject: Subject) -> str:
    return find_failure(subject, partial(make_inputs, subject))


def _find_other_number(subject: Subject) -> str:
    for pair in _pairs(subject):
        one, other = (number_of(subject, pair) for _ in range(2))
        if one != other and not (math.isnan(one) and math.isnan(other)):
            return f"{one:g} and then {other:g}"
    return ""


def _find_changed_input(subject: Subject) -> str:
    for schema in list_schemas(subject):
        groups = make_groups(ROWS)
        try:
            measure(subject, make_inputs(subject, schema), groups)
        except RefusalError:
            continue
        except CallError as error:
            if WRITES in str(error):
                return f"it {error}"
            raise
        if list(groups) != list(make_groups(ROWS)):
            return f"the groups had become {show(list(groups))}"
    return ""


def _find_value_beyond_range(subject: Subject) -> str:
    low, high = subject.expect(MEASURES).range
    for pair in _pairs(subject):
        schema = pair[0].schema
        others = [make_pair(schema, quality) for quality in ("right", "wrong")]
        if isinstance(subject.contribution, Comparison):
            others = [(one, make_pair(schema, "wrong")[0]) for one, _ in others]
        for each in (pair, *others):
            raw = measure(subject, each)
            scores = row_scores(raw)
            numbers = [to_number(raw, len(each[0])), *([] if scores is None else scores)]
            beyond = [x for x in numbers if x < low - ROUNDING or x > high + ROUNDING]
            if beyond:
                return f"{beyond[0]:g}, and `range` is from {low:g} to {high:g}"
    return ""


def _steady_pairs(subject: Subject) -> list[Pair]:
    """The pairs that the same number is given for each time; not tried where it is not."""
    if _find_other_number(subject):
        raise NotTriedError("it gives another number each time; see the rule `deterministic`")
    return _pairs(subject)


def _find_order(subject: Subject) -> str:
    for pair in _steady_pairs(subject):
        order = np.random.default_rng(0).permutation(len(pair[0]))
        if isinstance(subject.contribution, Metric) and subject.contribution.takes_groups:
            order = np.concatenate([order[order % 2 == 0], order[order % 2 == 1]])[_interleave(len(order))]
        one, other = number_of(subject, pair), number_of(subject, take(pair, order))
        if not are_equal(one, other):
            return f"{one:g}, and {other:g} of the same rows in another order"
    return ""


def _interleave(rows: int) -> np.ndarray[Any, Any]:
    """Positions that take the two halves of a list by turns, so that rows stay in their groups."""
    half = (rows + 1) // 2
    return np.array([n // 2 + (half if n % 2 else 0) for n in range(rows)])


def _find_dependent_row(subject: Subject) -> str:
    for pair in _steady_pairs(subject):
        half = np.arange(0, len(pair[0]), 2)
        whole, part = row_scores(measure(subject, pair)), row_scores(measure(subject, take(pair, half)))
        if whole is None or part is None:
            return "it gives no score a row"
        if not np.allclose(whole[half], part, rtol=ROUNDING, atol=ROUNDING, equal_nan=True):
            row = int(np.flatnonzero(~np.isclose(whole[half], part, equal_nan=True))[0])
            return f"a row scores {whole[half][row]:g}, and {part[row]:g} among half of the rows"
    return ""


def _find_failure_of_one_row(subject: Subject) -> str:
    _pairs(subject)
    for number in range(3):
        try:
            found = find_failure(subject, lambda schema, n=number: take(make_inputs(subject, schema), np.array([n])))  # type: ignore[misc]
        except NotTriedError:
            continue  # an error for the user: one row is too few for it
        if found:
            return found
    return ""


def _find_failure_of_labels(subject: Subject) -> str:
    for pair in _pairs(subject):
        if "probability" not in pair[0].table.column_names:
            continue
        bare = tuple(
            Predictions(side.schema, side.table.drop_columns(["probability"]), side.classes)
            if "probability" in side.table.column_names
            else side
            for side in pair
        )
        try:
            measure(subject, bare)  # type: ignore[arg-type]
        except RefusalError:
            continue
        except CallError as error:
            return f"it {error}"
        except ContributionError as error:
            return f"it {error.fault}"
    return ""


def _find_wrong_end(subject: Subject, *, perfect: bool) -> str:
    expected = subject.trial.perfect if perfect else subject.trial.worst
    assert expected is not None  # else the rule is not for it
    accepted = {pair[0].schema for pair in _pairs(subject)}
    for schema in accepted:
        number = number_of(subject, make_pair(schema, "right" if perfect else "wrong"))
        if not are_equal(number, expected):
            quality = "right" if perfect else "wrong"
            return f"{number:g}, and not {expected:g}, where all predictions of schema `{schema}` are {quality}"
    return ""


METRICS, MEASURES = (Metric,), (Metric, Comparison)
RULES = (
    Rule(
        "works",
        "A measure gives a finite score for each row, NaN for one that is ignored, a `Statistic`, a `Quantile` or one number.",
        "Follow what was seen; for input that it does not take, raise a `DataError`.",
        _find_failure,
        MEASURES,
    ),
    Rule(
        "deterministic",
        "The same predictions give the same number.",
        "Draw nothing, or from a generator with a seed of its own; do not rely on the order of a set.",
        _find_other_number,
        MEASURES,
    ),
    Rule(
        "input-kept",
        "A measure leaves predictions, targets and groups as they are: other checks read them, too.",
        "Copy an array or a dict before changing it.",
        _find_changed_input,
        MEASURES,
    ),
    Rule(
        "within-range",
        "No number and no score of a row lies beyond the `range` that the measure declares.",
        "Declare the range that it has: intervals and bounds rely on it.",
        _find_value_beyond_range,
        MEASURES,
    ),
    Rule(
        "order-free",
        "The number does not depend on the order of rows.",
        "Join by nothing but the position within both columns, and break ties otherwise than by position.",
        _find_order,
        MEASURES,
    ),
    Rule(
        "rows-apart",
        'With `reads="rows"`, the score of a row depends on that row alone.',
        "Leave `reads` out: then all rows come at once. Or read only the row, as in `predictions.codes == targets.codes`.",
        _find_dependent_row,
        MEASURES,
        lambda subject: subject.expect(MEASURES).reads == "rows",
    ),
    Rule(
        "single-row",
        "One row is no error: a group may be as small.",
        "Give NaN, or a `Statistic` with `undefined`, where one row is too few.",
        _find_failure_of_one_row,
        MEASURES,
    ),
    Rule(
        "labels-alone",
        "Predictions without probabilities are no crash: replayed ones may have none.",
        "Raise a `DataError` where `predictions.probabilities` is None and the measure needs them.",
        _find_failure_of_labels,
        MEASURES,
        lambda subject: bool({"label", "labels"} & set(subject.expect(MEASURES).schemas)),
    ),
    Rule(
        "perfect",
        "The number is right where every prediction is right and sure.",
        "Mend the metric, or `perfect` of its trial, whichever is wrong.",
        partial(_find_wrong_end, perfect=True),
        METRICS,
        lambda subject: subject.trial.perfect is not None,
    ),
    Rule(
        "worst",
        "The number is right where every prediction is wrong and sure.",
        "Mend the metric, or `worst` of its trial, whichever is wrong.",
        partial(_find_wrong_end, perfect=False),
        METRICS,
        lambda subject: subject.trial.worst is not None,
    ),
)
