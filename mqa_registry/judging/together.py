"""Groups judged together: by a metric that makes one number of all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mqa_registry.contributions import Statistic
from mqa_registry.judging.answers import Answers
from mqa_registry.judging.conclusion import Judged
from mqa_registry.judging.estimates import Undefined
from mqa_registry.judging.finding import Finding, find, refuse_many
from mqa_registry.judging.measured import Measured, estimate
from mqa_registry.judging.widest import widest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.estimates import Estimate
    from mqa_registry.judging.reading import Reading, Selection
    from mqa_registry.judging.resampling import Resampling
    from mqa_registry.suite import Expect

LONE = "is undefined, since it takes two groups with enough rows"


def together(
    reading: Reading, groups: Mapping[str, Selection], small: frozenset[str], expect: Expect, how: Resampling
) -> Judged:
    """The number of all groups but the small ones; each group is there to be looked at, and has no claim of its own."""
    large = {name: rows for name, rows in groups.items() if name not in small}
    refuse_many(len(large))
    if len(large) > 1:
        answers = Answers.of(replace(reading, groups=large), expect)
        found = {name: _one(answers, rows, how) for name, rows in groups.items()}
        whole = find(answers, expect, how, partial(_refined, answers, [found[name] for name in large]))
    else:
        answers = Answers(reading, Measured(math.nan), None)
        found = {name: _one(answers, rows, how) for name, rows in groups.items()}
        whole = Finding(answers, {"value": Undefined(answers.rows, LONE)})
    return Judged(whole, found, None, small, between=True)


def _refined(answers: Answers, groups: Sequence[Finding], value: Estimate) -> Estimate:
    answer = answers.measured.answer
    return widest(value, answer, [group.numbers for group in groups]) if isinstance(answer, Statistic) else value


def _one(answers: Answers, rows: Selection, how: Resampling) -> Finding:
    """What there is to see of one group: the mean of the scores that the metric shows."""
    alone = Answers(answers.whole, answers.measured, None, rows)
    answer = answers.measured.answer
    shown = answer.shown if isinstance(answer, Statistic) else {}
    how = replace(how, clusters=alone.clusters)
    numbers: dict[str, Estimate] = {
        name: estimate(Measured(scores[rows.view]), len(rows.view), how) for name, scores in shown.items()
    }
    return Finding(alone, numbers)
