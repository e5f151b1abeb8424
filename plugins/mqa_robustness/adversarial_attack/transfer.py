"""The probe `robustness/transfer`: whether adversarial edits of one backend succeed on another."""

from __future__ import annotations

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
    mean_statistic,
    outcomes_of,
    skipped_remarks,
    smallest_successes,
    to_example,
    to_record,
)
from mqa_robustness.adversarial_attack.victim import make_victim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ProbeContext
    from mqa_robustness.adversarial_attack.attack import AttackResult
    from mqa_robustness.adversarial_attack.victim import Victim

RANGES = {"value": SHARE, "same_answer": SHARE, "queries": UNBOUNDED}
REPLAY_SCHEMA = pa.schema(
    [
        *SCHEMA,
        ("candidate_before", pa.string()),
        ("candidate_after", pa.string()),
        ("candidate_probability", pa.float64()),
        ("replayed", pa.bool_()),
    ]
)


class Transfer(Probe[AttackOptions]):
    """The share of the reference's adversarial edits that change the other backend's prediction as well.

    The reference is attacked as by `robustness/adversarial`, with the same edits if they are left out. Each row on which
    that succeeded is then run on this backend, as it is and with its edit. A row that this backend predicts otherwise
    from the start is ignored. `same_answer` is the share of the other edits for which both backends predict the same;
    `queries` is the mean a row that the attack asked the reference.
    """

    name = "transfer"
    inputs = "runner"
    outputs = tuple(RANGES)
    ranges = RANGES
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
        agreeing = _agreeing(table.to_pylist())
        attacked = np.isin(outcomes_of(table), ATTACKED)
        return {
            "value": np.array([_is_success(row) for row in agreeing], bool),
            "same_answer": np.array([row["candidate_after"] == row["after"] for row in agreeing], bool),
            "queries": mean_statistic(table, "queries", attacked, "no row was attacked"),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many edits were replayed, how many of them failed, and examples of those, else of the others."""
        rows = table.to_pylist()
        agreeing = _agreeing(rows)
        failures = [row for row in agreeing if not _is_success(row)]
        examples = [
            to_example(
                row,
                reference=(row["after"], row["after_probability"]),
                candidate=(row["candidate_after"], row["candidate_probability"]),
            )
            for row in smallest_successes(failures) or smallest_successes(agreeing)
        ]
        replayed = [row for row in rows if row["replayed"]]
        remarks = [*_replay_remarks(replayed, agreeing, failures), *skipped_remarks(rows)]
        return Evidence(remarks=remarks, examples=examples)


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


def _agreeing(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The replayed rows for which both backends predict the same before the edit."""
    return [row for row in rows if row["replayed"] and row["candidate_before"] == row["before"]]


def _is_success(row: Mapping[str, Any]) -> bool:
    return bool(row["candidate_after"] != row["before"])


def _replay_remarks(
    replayed: Sequence[Mapping[str, Any]], agreeing: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    edits = counted(len(agreeing), "edit")
    yield f"of {edits} that succeeded on the reference, {len(agreeing) - len(failures)} succeeded here"
    total = counted(len(replayed), "row")
    if ignored := len(replayed) - len(agreeing):
        yield f"ignored, as the row itself is predicted otherwise here: {ignored} of {total}"
    if unanswered := sum(row["candidate_after"] is None for row in replayed):
        yield f"edits without a prediction (NaN or Inf) here: {unanswered}"
