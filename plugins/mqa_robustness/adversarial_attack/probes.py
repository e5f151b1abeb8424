"""The probes of attacks.

`robustness/adversarial` finds rows whose prediction a small edit changes, `robustness/transfer` tells whether such edits
of one backend succeed on another.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Evidence, NotRunError, Probe, counted
from mqa_robustness.adversarial_attack.attack import ATTACKED, AttackOptions, Outcome, attack_rows
from mqa_robustness.adversarial_attack.results import (
    SCHEMA,
    SHARE,
    TEXTS,
    UNBOUNDED,
    describe_skipped,
    make_mean_statistic,
    read_outcomes,
    select_smallest_successes,
    to_example,
    to_record,
)
from mqa_robustness.adversarial_attack.victim import make_victim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ProbeContext
    from mqa_robustness.adversarial_attack.attack import AttackResult
    from mqa_robustness.adversarial_attack.victim import Victim

ADVERSARIAL_RANGES = {
    "value": SHARE,
    "queries": UNBOUNDED,
    "edits": UNBOUNDED,
    "changed_words": UNBOUNDED,
    "robust_accuracy": SHARE,
}
TRANSFER_RANGES = {"value": SHARE, "same_answer": SHARE, "queries": UNBOUNDED}
REPLAY_SCHEMA = pa.schema(
    [
        *SCHEMA,
        ("candidate_before", pa.string()),
        ("candidate_after", pa.string()),
        ("candidate_probability", pa.float64()),
        ("replayed", pa.bool_()),
    ]
)


class Adversarial(Probe[AttackOptions]):
    """The share of correctly predicted rows whose prediction a small edit changes.

    Where the data have no targets, every prediction counts as correct. A prediction that the edit turns into none, NaN
    or Inf, is changed too. The attack sees labels and probabilities alone, whatever runs the model: it deletes each word to
    see how much the prediction rests on it, then goes through the words in that order and keeps of each the edit that
    lowers the probability most, until the prediction changes. What is not needed for that is then undone, so that
    undoing any edit that is left brings the prediction back. A row on which this search failed may not be robust;
    another search may succeed.

    `queries` is the mean number of queries per row, `edits` the mean number of characters (Levenshtein) and
    `changed_words` that of words of an edit that succeeded, `robust_accuracy` the share of correctly predicted rows that
    stay so, of those that were not declined.
    """

    name = "adversarial"
    inputs = "runner"
    outputs = tuple(ADVERSARIAL_RANGES)
    ranges = ADVERSARIAL_RANGES
    text_columns = TEXTS
    schemas = ("label",)

    def observe(self, context: ProbeContext, options: AttackOptions) -> pa.Table:
        results = attack_rows(context, context.view, options)
        return pa.Table.from_pylist([to_record(result) for result in results], SCHEMA)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        outcomes = read_outcomes(table)
        succeeded, attacked = outcomes == Outcome.SUCCESS, np.isin(outcomes, ATTACKED)
        has_target = np.asarray(table.column("target").is_valid().to_numpy(), bool)
        judged = np.isin(outcomes, (*ATTACKED, Outcome.SKIPPED_WRONG)) & has_target
        return {
            "value": succeeded[attacked],
            "queries": make_mean_statistic(table, "queries", attacked, "no row was attacked"),
            "edits": make_mean_statistic(table, "edits", succeeded, "no attack succeeded"),
            "changed_words": make_mean_statistic(table, "changed_words", succeeded, "no attack succeeded"),
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
            for row in select_smallest_successes(rows)
        ]
        return Evidence(remarks=[*_describe_successes(rows), *describe_skipped(rows)], examples=examples)


class Transfer(Probe[AttackOptions]):
    """The share of the reference's adversarial edits that change the other backend's prediction as well.

    The reference is attacked as by `robustness/adversarial`, with the same edits if they are left out. Each row on which
    that succeeded is then run on this backend, as it is and with its edit. A row that this backend predicts otherwise
    from the start is ignored. `same_answer` is the share of the other edits for which both backends predict the same;
    `queries` is the mean number of queries of the reference per row.
    """

    name = "transfer"
    inputs = "runner"
    outputs = tuple(TRANSFER_RANGES)
    ranges = TRANSFER_RANGES
    compares = True
    text_columns = TEXTS
    schemas = ("label",)

    def observe(self, context: ProbeContext, options: AttackOptions) -> pa.Table:
        assert context.reference is not None
        victim = make_victim(context, context.view)
        results = attack_rows(context, context.reference, options)
        successes = [result for result in results if result.outcome is Outcome.SUCCESS]
        if not successes:
            raise NotRunError(
                f"no attack on `{context.reference.backend}` succeeded, so there is nothing to replay",
                hint="attack more `rows`, with a larger `budget` or `max_share`",
            )
        replays = _replay(successes, victim)
        records = [to_record(result) | replays.get(result.row.id, {}) for result in results]
        return pa.Table.from_pylist(records, REPLAY_SCHEMA)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        agreeing = _select_agreeing(table.to_pylist())
        attacked = np.isin(read_outcomes(table), ATTACKED)
        return {
            "value": np.array([_is_success(row) for row in agreeing], bool),
            "same_answer": np.array([row["candidate_after"] == row["after"] for row in agreeing], bool),
            "queries": make_mean_statistic(table, "queries", attacked, "no row was attacked"),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many edits were replayed, how many of them failed, and examples of those, else of the others."""
        rows = table.to_pylist()
        agreeing = _select_agreeing(rows)
        failures = [row for row in agreeing if not _is_success(row)]
        examples = [
            to_example(
                row,
                reference=(row["after"], row["after_probability"]),
                candidate=(row["candidate_after"], row["candidate_probability"]),
            )
            for row in select_smallest_successes(failures) or select_smallest_successes(agreeing)
        ]
        replayed = [row for row in rows if row["replayed"]]
        remarks = [*_describe_replays(replayed, agreeing, failures), *describe_skipped(rows)]
        return Evidence(remarks=remarks, examples=examples)


def _describe_successes(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
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


def _replay(successes: Sequence[AttackResult], victim: Victim) -> dict[str, dict[str, Any]]:
    """By row the candidate's predictions for it, as it is and with its edit."""
    row_ids = [result.row.id for result in successes]
    before = victim.predict(row_ids, [result.row.example for result in successes])
    after = victim.predict(row_ids, [result.perturbed for result in successes])
    return {
        row_id: {
            "candidate_before": original.label,
            "candidate_after": perturbed.label,
            "candidate_probability": perturbed.confidence,
            "replayed": True,
        }
        for row_id, original, perturbed in zip(row_ids, before, after, strict=True)
    }


def _select_agreeing(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The replayed rows for which both backends predict the same before the edit."""
    return [row for row in rows if row["replayed"] and row["candidate_before"] == row["before"]]


def _is_success(row: Mapping[str, Any]) -> bool:
    return bool(row["candidate_after"] != row["before"])


def _describe_replays(
    replayed: Sequence[Mapping[str, Any]], agreeing: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    edits = counted(len(agreeing), "edit")
    yield f"of {edits} that succeeded on the reference, {len(agreeing) - len(failures)} succeeded here"
    total = counted(len(replayed), "row")
    if ignored := len(replayed) - len(agreeing):
        yield f"ignored, as the row itself is predicted otherwise here: {ignored} of {total}"
    if missing := sum(row["candidate_after"] is None for row in replayed):
        yield f"edits without a prediction (NaN or Inf) here: {missing}"
