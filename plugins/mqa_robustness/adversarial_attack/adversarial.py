"""The probe `robustness/adversarial`: rows whose prediction a small edit changes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Evidence, Probe, counted
from mqa_robustness.adversarial_attack.attack import ATTACKED, AttackOptions, Outcome, attack_rows
from mqa_robustness.adversarial_attack.results import (
    SCHEMA,
    SHARE,
    TEXTS,
    UNBOUNDED,
    mean_statistic,
    outcomes_of,
    skipped_remarks,
    smallest_successes,
    to_example,
    to_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ProbeContext

RANGES = {
    "value": SHARE,
    "queries": UNBOUNDED,
    "edits": UNBOUNDED,
    "changed_words": UNBOUNDED,
    "robust_accuracy": SHARE,
}


class Adversarial(Probe[AttackOptions]):
    """The share of rows predicted right whose prediction a small edit changes.

    Where the data have no targets, every prediction counts as right. A prediction that the edit turns into none, NaN or
    Inf, is changed too. The attack sees labels and probabilities alone, whatever runs the model: it deletes each word to
    see how much the prediction rests on it, then goes through the words in that order and keeps of each the edit that
    lowers the probability most, until the prediction changes. What is not needed for that is then undone, so that
    undoing any edit that is left brings the prediction back. A row on which this search failed may not be robust;
    another search may succeed.

    `queries` is the mean a row, `edits` the mean number of characters (Levenshtein) and `changed_words` that of words of
    an edit that succeeded, `robust_accuracy` the share of rows predicted right that stay so, of those that were not
    declined.
    """

    name = "adversarial"
    inputs = "runner"
    outputs = tuple(RANGES)
    ranges = RANGES
    text_columns = TEXTS
    schemas = ("label",)

    def observe(self, context: ProbeContext, options: AttackOptions) -> pa.Table:
        results = attack_rows(context, context.view, options)
        return pa.Table.from_pylist([to_record(result) for result in results], SCHEMA)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        outcomes = outcomes_of(table)
        succeeded, attacked = outcomes == Outcome.SUCCESS, np.isin(outcomes, ATTACKED)
        has_target = np.asarray(table.column("target").is_valid().to_numpy(), bool)
        judged = np.isin(outcomes, (*ATTACKED, Outcome.SKIPPED_WRONG)) & has_target
        return {
            "value": succeeded[attacked],
            "queries": mean_statistic(table, "queries", attacked, "no row was attacked"),
            "edits": mean_statistic(table, "edits", succeeded, "no attack succeeded"),
            "changed_words": mean_statistic(table, "changed_words", succeeded, "no attack succeeded"),
            "robust_accuracy": (outcomes == Outcome.FAILED)[judged],
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many attacks succeeded and by what, what was not attacked, and the successes by the smallest edits."""
        rows = table.to_pylist()
        examples = [
            to_example(
                row,
                before=(row["before"], row["before_probability"]),
                after=(row["after"], row["after_probability"]),
            )
            for row in smallest_successes(rows)
        ]
        return Evidence(remarks=[*_success_remarks(rows), *skipped_remarks(rows)], examples=examples)


def _success_remarks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    successes = [row for row in rows if row["state"] == Outcome.SUCCESS]
    attacked = [row for row in rows if row["state"] in ATTACKED]
    total = counted(len(attacked), "row")
    if not successes:
        yield f"the attack succeeded on none of {total}, in {_mean(attacked, 'queries'):.3g} queries on average"
        return
    yield (
        f"the attack succeeded on {len(successes)} of {total}, by {_mean(successes, 'changed_words'):.2g} words, "
        f"{_mean(successes, 'edits'):.2g} characters and {_mean(successes, 'queries'):.3g} queries on average"
    )
    kinds = Counter(kind for row in successes for kind in set(row["kinds"]))
    yield f"edits that succeeded: {', '.join(f'{kind} ({count})' for kind, count in kinds.most_common())}"


def _mean(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    return float(np.mean([row[column] for row in rows])) if rows else 0.0
