"""The probe `robustness/transfer`: whether adversarial edits of one backend succeed on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Le, MinLen

from mqa_registry import NotRunError, counted
from mqa_robustness.adversarial_attack.attack import ATTACKED, AttackOptions, Outcome, attack_rows
from mqa_robustness.adversarial_attack.candidates import EditName  # noqa: TC001 - a type of options, which the host reads at run time
from mqa_robustness.adversarial_attack.results import (
    SCHEMA,
    SHARE,
    UNBOUNDED,
    mean_statistic,
    outcomes_of,
    skipped_remarks,
    smallest_successes,
    to_example,
    to_record,
)
from mqa_robustness.adversarial_attack.search import SearchLimits
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


def transfer(
    context: ProbeContext,
    *,
    rows: Annotated[int, Ge(1)] = 50,
    budget: Annotated[int, Ge(4)] = 200,
    max_share: Annotated[float, Gt(0), Le(1)] = 0.2,
    edits: Annotated[list[EditName], MinLen(1)] | None = None,
    fields: Annotated[list[str], MinLen(1)] | None = None,
    tries: Annotated[int, Ge(1)] = 2,
) -> pa.Table:
    """The share of the reference's adversarial edits that change the other backend's prediction as well.

    The reference is attacked as by `robustness/adversarial`, and each row on which that succeeded is then run on this
    backend, as it is and with its edit. A row that this backend predicts otherwise from the start is ignored.
    `same_answer` is the share of the other edits for which both backends predict the same; `queries` is the mean a row
    that the attack asked the reference.

    `rows` are those that are attacked, drawn by the suite's seed. `budget` is the number of queries for each of them.
    `max_share` is the share of a row's words that may be edited, at least one. `edits` are named as for
    `robustness/adversarial`, and left out they are the same. `fields` are the texts that are edited, all of them if
    left out. `tries` is the number of edits of each kind that are tried on a word, of those that are drawn at random.
    """
    assert context.reference is not None
    options = AttackOptions(rows, SearchLimits(budget, max_share), edits, fields, tries)
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


def compute_numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `robustness/transfer`."""
    agreeing = _agreeing(observations.to_pylist())
    attacked = np.isin(outcomes_of(observations), ATTACKED)
    return {
        "value": np.array([_is_success(row) for row in agreeing], bool),
        "same_answer": np.array([row["candidate_after"] == row["after"] for row in agreeing], bool),
        "queries": mean_statistic(observations, "queries", attacked, "no row was attacked"),
    }


def collect_evidence(observations: pa.Table) -> dict[str, Any]:
    """How many edits were replayed, how many of them failed, and examples of those, else of the others."""
    rows = observations.to_pylist()
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
    return {"remarks": [*_replay_remarks(replayed, agreeing, failures), *skipped_remarks(rows)], "examples": examples}


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
