"""The probes of attacks.

`robustness/adversarial` finds rows whose prediction a small edit changes, `robustness/transfer` tells whether such edits
of one backend succeed on another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Evidence, NotRunError, Probe, counted
from mqa_robustness.adversarial_attack.attack import AttackOptions, attack_rows, make_victim
from mqa_robustness.adversarial_attack.results import (
    ATTACKED,
    SCHEMA,
    SHARE,
    TEXTS,
    UNBOUNDED,
    AttackRecord,
    Outcome,
    describe_skipped,
    make_example,
    make_mean_statistic,
    make_record,
    read_outcomes,
    select_smallest_successes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ProbeContext
    from mqa_robustness.adversarial_attack.attack import Victim
    from mqa_robustness.adversarial_attack.results import AttackResult

ADVERSARIAL_RANGES = {
    "value": SHARE,
    "queries": UNBOUNDED,
    "edit_distance": UNBOUNDED,
    "perturbed_words": UNBOUNDED,
    "robust_accuracy": SHARE,
}
TRANSFER_RANGES = {"value": SHARE, "same_prediction": SHARE, "queries": UNBOUNDED}
REPLAY_SCHEMA = pa.schema(
    [
        *SCHEMA,
        ("candidate_original_label", pa.string()),
        ("candidate_perturbed_label", pa.string()),
        ("candidate_perturbed_probability", pa.float64()),
        ("replayed", pa.bool_()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class ReplayRecord(AttackRecord):
    """One row of the observations of `robustness/transfer`, with a field for each column of REPLAY_SCHEMA.

    `candidate_original_label` and `candidate_perturbed_label` are what the other backend predicts for the row as it is
    and with the edit of the reference; all is None where there is no such edit to replay.
    """

    candidate_original_label: str | None = None
    candidate_perturbed_label: str | None = None
    candidate_perturbed_probability: float | None = None
    replayed: bool | None = None

    @property
    def succeeds_on_candidate(self) -> bool:
        return self.candidate_perturbed_label != self.original_label


class Adversarial(Probe[AttackOptions]):
    """The share of correctly predicted rows whose prediction a small edit changes.

    Where the data have no targets, every prediction counts as correct. A prediction that the edit turns into none, NaN
    or Inf, is changed too. The attack sees labels and probabilities alone, whatever runs the model: it deletes each word to
    see how much the prediction rests on it, then goes through the words in that order and keeps of each the edit that
    lowers the probability most, until the prediction changes. What is not needed for that is then undone, so that
    undoing any edit that is left brings the prediction back. A row on which this search failed may not be robust;
    another search may succeed.

    `queries` is the mean number of queries per row, `edit_distance` the mean number of characters (Levenshtein) and
    `perturbed_words` that of words of an edit that succeeded, `robust_accuracy` the share of correctly predicted rows that
    stay so, of those that were not declined.
    """

    name = "adversarial"
    version = 2
    inputs = "runner"
    outputs = tuple(ADVERSARIAL_RANGES)
    ranges = ADVERSARIAL_RANGES
    text_columns = TEXTS
    schemas = ("label",)

    def columns(self, options: AttackOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: AttackOptions) -> pa.Table:
        results = attack_rows(context, context.view, options)
        return pa.Table.from_pylist([asdict(make_record(result)) for result in results], SCHEMA)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        outcomes = read_outcomes(table)
        succeeded, attacked = outcomes == Outcome.SUCCESS, np.isin(outcomes, ATTACKED)
        has_target = np.asarray(table.column("target").is_valid().to_numpy(), bool)
        judged = np.isin(outcomes, (*ATTACKED, Outcome.SKIPPED_WRONG)) & has_target
        return {
            "value": succeeded[attacked],
            "queries": make_mean_statistic(table, "queries", attacked, "no row was attacked"),
            "edit_distance": make_mean_statistic(table, "edit_distance", succeeded, "no attack succeeded"),
            "perturbed_words": make_mean_statistic(table, "perturbed_words", succeeded, "no attack succeeded"),
            "robust_accuracy": (outcomes == Outcome.FAILED)[judged],
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many attacks succeeded and by what, what was not attacked, and the successes by the smallest edits."""
        records = [AttackRecord(**row) for row in table.to_pylist()]
        examples = [
            make_example(
                record,
                reference=(record.original_label, record.original_probability),
                prediction=(record.perturbed_label, record.perturbed_probability),
            )
            for record in select_smallest_successes(records)
        ]
        return Evidence(remarks=[*_describe_successes(records), *describe_skipped(records)], examples=examples)


class Transfer(Probe[AttackOptions]):
    """The share of the reference's adversarial edits that change the other backend's prediction as well.

    The reference is attacked as by `robustness/adversarial`, with the same transformations if they are left out. Each row on which
    that succeeded is then run on this backend, as it is and with its edit. A row that this backend predicts otherwise
    from the start is ignored. `same_prediction` is the share of the other edits for which both backends predict the same;
    `queries` is the mean number of queries of the reference per row.
    """

    name = "transfer"
    version = 2
    inputs = "runner"
    outputs = tuple(TRANSFER_RANGES)
    ranges = TRANSFER_RANGES
    compares = True
    text_columns = TEXTS
    schemas = ("label",)

    def columns(self, options: AttackOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: AttackOptions) -> pa.Table:
        assert context.reference is not None
        victim = make_victim(context, context.view)
        results = attack_rows(context, context.reference, options)
        successes = [result for result in results if result.outcome is Outcome.SUCCESS]
        if not successes:
            raise NotRunError(
                f"no attack on `{context.reference.backend}` succeeded, so there is nothing to replay",
                hint="attack more `rows`, with a larger `query_budget` or `max_perturbed_share`",
            )
        replays = {replay.id: replay for replay in _replay(successes, victim)}
        records = [replays.get(result.row.id) or make_record(result) for result in results]
        return pa.Table.from_pylist([asdict(record) for record in records], REPLAY_SCHEMA)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        agreeing = _select_agreeing(_read_replays(table))
        attacked = np.isin(read_outcomes(table), ATTACKED)
        return {
            "value": np.array([replay.succeeds_on_candidate for replay in agreeing], bool),
            "same_prediction": np.array(
                [replay.candidate_perturbed_label == replay.perturbed_label for replay in agreeing], bool
            ),
            "queries": make_mean_statistic(table, "queries", attacked, "no row was attacked"),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many edits were replayed, how many of them failed, and examples of those, else of the others."""
        records = _read_replays(table)
        agreeing = _select_agreeing(records)
        failures = [replay for replay in agreeing if not replay.succeeds_on_candidate]
        examples = [
            make_example(
                replay,
                reference=(replay.perturbed_label, replay.perturbed_probability),
                prediction=(replay.candidate_perturbed_label, replay.candidate_perturbed_probability),
            )
            for replay in select_smallest_successes(failures) or select_smallest_successes(agreeing)
        ]
        replayed = [record for record in records if record.replayed]
        remarks = [*_describe_replays(replayed, agreeing, failures), *describe_skipped(records)]
        return Evidence(remarks=remarks, examples=examples)


def _describe_successes(records: Sequence[AttackRecord]) -> Iterator[str]:
    successes = [record for record in records if record.is_success]
    attacked = [record for record in records if record.outcome in ATTACKED]
    total = counted(len(attacked), "row")
    if not successes:
        queries = float(np.mean([record.queries for record in attacked])) if attacked else 0.0
        yield f"the attack succeeded on none of {total}, in {queries:.3g} queries on average"
        return
    sizes = [(one.perturbed_words or 0, one.edit_distance or 0, one.queries) for one in successes]
    words, characters, queries = np.mean(sizes, axis=0)
    yield (
        f"the attack succeeded on {len(successes)} of {total}, by {words:.2g} words, "
        f"{characters:.2g} characters and {queries:.3g} queries on average"
    )
    transformations = Counter(
        transformation for record in successes for transformation in set(record.transformations or ())
    )
    yield f"edits that succeeded: {', '.join(f'{transformation} ({count})' for transformation, count in transformations.most_common())}"


def _replay(successes: Sequence[AttackResult], victim: Victim) -> Iterator[ReplayRecord]:
    """The record of every success, with the candidate's predictions for the row as it is and with its edit."""
    row_ids = [result.row.id for result in successes]
    before = victim.predict(row_ids, [result.row.example for result in successes])
    after = victim.predict(row_ids, [result.perturbed_example for result in successes])
    for result, original, perturbed in zip(successes, before, after, strict=True):
        yield ReplayRecord(
            **asdict(make_record(result)),
            candidate_original_label=original.label,
            candidate_perturbed_label=perturbed.label,
            candidate_perturbed_probability=perturbed.confidence,
            replayed=True,
        )


def _read_replays(table: pa.Table) -> list[ReplayRecord]:
    return [ReplayRecord(**row) for row in table.to_pylist()]


def _select_agreeing(records: Sequence[ReplayRecord]) -> list[ReplayRecord]:
    """The replayed rows for which both backends predict the same before the edit."""
    return [
        record for record in records if record.replayed and record.candidate_original_label == record.original_label
    ]


def _describe_replays(
    replayed: Sequence[ReplayRecord], agreeing: Sequence[ReplayRecord], failures: Sequence[ReplayRecord]
) -> Iterator[str]:
    edits = counted(len(agreeing), "edit")
    yield f"of {edits} that succeeded on the reference, {len(agreeing) - len(failures)} succeeded here"
    total = counted(len(replayed), "row")
    if ignored := len(replayed) - len(agreeing):
        yield f"ignored, as the row itself is predicted otherwise here: {ignored} of {total}"
    if missing := sum(replay.candidate_perturbed_label is None for replay in replayed):
        yield f"edits without a prediction (NaN or Inf) here: {missing}"
