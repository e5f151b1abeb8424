"""The probe `parity/tensors`: every output, row by row, against the reference in float64."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.protocols import Reference, SupportsCaches
from mqa_parity.runners import check_determinism, check_oracle, open_runners, run_candidate, run_reference
from mqa_parity.sample_batches import (
    MAX_BATCH_ROWS,
    collate,
    make_batches,
    make_layout_batches,
    make_single_row_batches,
    make_two_row_batches,
    run_within_memory,
)
from mqa_parity.sampling import find_most_different_rows, find_token_limit, require_codec, sample_rows, select_rows
from mqa_parity.tensors.evidence import build_evidence, describe_sides, find_constant_inputs
from mqa_parity.tensors.observations import (
    Observation,
    TensorCheck,
    TensorOptions,
    add_groups,
    build_table,
    keep_worst_runs,
    observe_batch,
    require_defined_reference,
    set_columns,
    set_in_first_row,
)
from mqa_parity.tensors.output_matching import match_outputs_of_runs, require_outputs
from mqa_parity.tensors.summary import METRICS, compute_metrics, exceeds_bound
from mqa_parity.tensors.weight_comparison import WeightComparison
from mqa_registry import Probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.attribution.result import Attribution
    from mqa_parity.runners import Runners
    from mqa_parity.sample_batches import Batch, Row
    from mqa_parity.tensors.channels import RowErrors
    from mqa_parity.tensors.output_matching import OutputMatch
    from mqa_registry import Codec, Evidence, ProbeContext

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class _Comparison:
    """The three runners of a comparison, the rows that they run, and a comparison of both sides' weights."""

    context: ProbeContext
    options: TensorOptions
    runners: Runners
    sampled: Sequence[Row]
    weights: WeightComparison

    @property
    def codec(self) -> Codec:
        return require_codec(self.context)

    @property
    def backend(self) -> str:
        """The name of the reference."""
        assert self.context.reference is not None
        return self.context.reference.backend

    @property
    def budget(self) -> int:
        """The largest cost of a batch; float64 takes twice the memory."""
        return min(self.runners.baseline.budget, self.runners.candidate.budget) // 2


@dataclass(frozen=True)
class _BatchRun:
    """A batch with the candidate's outputs, or with the message of its crash."""

    batch: Batch
    candidate: Arrays | str


class TensorParity(Probe[TensorOptions]):
    """How far each output lies from PyTorch's in float64, in units of PyTorch's own error in the same precision.

    `ratio` needs no tolerance: it is the largest error of an output over PyTorch's own, of the whole output, of each
    channel and of each row, scaled so that 10 is a bound for every model and precision: 10 times PyTorch's error in
    float32, 4 times in 16 bits, more in a channel or row of few numbers. It is undefined where PyTorch does not have the
    precision. A row in which PyTorch itself has lost more than half of its digits, and that is far noisier than others,
    is named and decides nothing. A reference that is an ONNX file takes PyTorch's part: a copy of it with wider numbers
    is its float64, and there is no ratio where it has no such copy, or another precision. `mismatches` counts what no
    tolerance covers: NaN, Inf, another shape or type, a requested output that is missing, a crash. Every other number is
    then infinitely bad. An integer that was rounded may lie one step off where float64 has a tie; labels may not.

    Rows are run in padded batches, and padding is left out. The shortest, the longest and one of median length are also
    run alone. Outputs are matched by name, then by value, and one that only one side has is a remark. Keys and values of
    a decoder are compared where the candidate gives any, and then it must give all. Where memory runs out, batches get
    smaller.
    """

    name = "tensors"
    inputs = "runner"
    outputs = METRICS
    ranges = dict.fromkeys(METRICS, (0.0, math.inf)) | {"cosine": (-1.0, 1.0), "sqnr": (-math.inf, math.inf)}
    compares = True
    text_columns = ("fields",)
    version = 10

    def columns(self, options: TensorOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: TensorOptions) -> pa.Table:
        """Every output of every row that was run, one a row; columns of the whole check have values in the first row."""
        assert context.reference is not None
        weights = WeightComparison(context.reference.runner, context.view.runner)
        summary = weights.summary() if options.weights else None
        with open_runners(context.reference, context.view) as runners:
            sampled = sample_rows(context, options.rows, options.include_rows or ())
            comparison = _Comparison(context, options, runners, sampled, weights)
            batch_rows = MAX_BATCH_ROWS if context.batching.takes_batches else 1
            table = run_within_memory(partial(_observe_rows, comparison), batch_rows)
        table = set_in_first_row(table, weights=pa.scalar(summary.to_json() if summary else "", pa.string()))
        return set_columns(
            table,
            total_rows=pa.array([context.view.rows.table.num_rows] * table.num_rows, pa.int64()),
            max_tokens=pa.array([find_token_limit(context)] * table.num_rows, pa.int64()),
        )

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        return compute_metrics(table)

    def evidence(self, table: pa.Table) -> Evidence:
        return build_evidence(table)

    def check(self, context: ProbeContext, options: TensorOptions) -> None:
        """Raises DataError for a requested output that the model does not give for one row."""
        if not options.outputs:
            return
        assert context.reference is not None
        runner, codec = context.reference.runner, require_codec(context)
        if isinstance(runner, SupportsCaches):
            runner = runner.with_cache_outputs(options.outputs)
        outputs = run_reference(runner, context.reference.backend, collate(codec, sample_rows(context, 1)))
        require_outputs(options.outputs, list(outputs))


def _observe_rows(comparison: _Comparison, batch_rows: int) -> pa.Table:
    """The observations of the sampled rows, with so many in a batch at most."""
    codec, options = comparison.codec, comparison.options
    batches = _make_batches(comparison, batch_rows)
    runs = [_BatchRun(batch, run_candidate(comparison.runners.candidate, batch)) for batch in batches]
    given = next((list(run.candidate) for run in runs if isinstance(run.candidate, Mapping)), None)
    runners = comparison.runners if given is None else comparison.runners.with_matching_caches(given)
    layout_batches = make_layout_batches(codec, comparison.sampled, batches)
    determinism = check_determinism(runners.baseline, comparison.backend, layout_batches, runners.precision.eps)
    runners = check_oracle(runners, batches[0].arrays)
    check = TensorCheck(runners, determinism, comparison.backend, options, batch_rows)
    completed = [(run.batch, run.candidate) for run in runs if isinstance(run.candidate, Mapping)]
    match = match_outputs_of_runs(check, completed, given)
    screened_rows = None
    if options.screen:
        screened_rows, more = _screen_other_rows(comparison, check, match)
        runs += more
    table = build_table(check, _observe_runs(check, runs, match))
    if options.attribute and exceeds_bound(table):
        divergence = find_first_divergence(
            runners,
            [run.batch for run in runs],
            codec.padding_mask,
            _find_reproductions_folder(comparison.context) if options.reproduction else None,
            outputs=None if given is None else match,  # a file that always crashes does not show its outputs' names
            weights=comparison.weights,
        )
        table = set_in_first_row(table, first_divergence=pa.scalar(divergence, pa.string()))
    notes = {
        "notes": [*match.notes, *describe_sides(comparison.context, runners)],
        "unmatched_outputs": match.unmatched,
        "constant_inputs": list(find_constant_inputs([run.batch for run in runs])),
    }
    return set_in_first_row(
        table, notes=pa.scalar(json.dumps(notes)), screened_rows=pa.scalar(screened_rows, pa.int64())
    )


def _make_batches(comparison: _Comparison, batch_rows: int) -> list[Batch]:
    """The sampled rows in batches, and some of them alone or in twos."""
    codec, sampled = comparison.codec, comparison.sampled
    batches = list(make_batches(codec, sampled, comparison.budget, batch_rows))
    batches += make_single_row_batches(codec, sampled, batches)
    return batches + make_two_row_batches(codec, sampled, batches, batch_rows)


def _screen_other_rows(comparison: _Comparison, check: TensorCheck, match: OutputMatch) -> tuple[int, list[_BatchRun]]:
    """How many rows both sides have run once, and runs of those that were not sampled and differ most."""
    context, sampled, budget = comparison.context, comparison.sampled, comparison.budget
    different, others = find_most_different_rows(context, check, match.pairs, sampled, budget)
    rows = select_rows(context, different)
    batches = make_batches(comparison.codec, rows, budget, check.batch_rows) if rows else ()
    runs = [_BatchRun(batch, run_candidate(check.runners.candidate, batch)) for batch in batches]
    return len(sampled) + others, runs


def _observe_runs(check: TensorCheck, runs: Sequence[_BatchRun], match: OutputMatch) -> list[Observation]:
    """Every output of every row that was run, with its status among the others."""
    observations = [Observation(None, name, reason) for name, reason in match.missing.items()]
    parts: dict[str, list[RowErrors]] = {}
    for run in runs:
        for observation, part in observe_batch(check, run.batch, match.pairs, run.candidate):
            observations.append(observation)
            if part is not None:
                parts.setdefault(observation.output, []).append(part)
    observations = add_groups(keep_worst_runs(observations), parts, check.runners)
    require_defined_reference(check, observations)
    return observations


def find_first_divergence(
    runners: Runners,
    batches: Sequence[Batch],
    mask: str,
    folder: Path | None = None,
    *,
    outputs: OutputMatch | None = None,
    weights: WeightComparison | None = None,
) -> str:
    """The first module that differs and the root cause, as JSON; empty where the reference shows no modules.

    A reproduction is written to `folder`, if one is given, under a name that equal attributions share. An error on the
    way becomes the `reason` in the JSON, since the difference exists whether or not its cause is found.
    """
    if not isinstance(runners.baseline, Reference) or not isinstance(runners.oracle, Reference):
        return ""
    try:
        attribution = attribute_difference(
            runners.baseline,
            runners.candidate,
            [batch.arrays for batch in batches],
            mask=mask,
            precision=runners.precision,
            oracle=runners.oracle,
            bundle=None if folder is None else partial(_name_bundle, folder),
            outputs=outputs,
            weights=weights,
        )
    except Exception as error:
        return json.dumps({"reason": f"the cause of the difference could not be found out: {error}"})
    if attribution is None:
        return ""
    bundle = None if folder is None else _name_bundle(folder, attribution)
    has_bundle = bundle is not None and bundle.exists()  # not where only the form of an output differs
    return json.dumps(attribution.evidence() | ({"reproduction": str(bundle)} if has_bundle else {}))


def _name_bundle(folder: Path, attribution: Attribution) -> Path:
    digest = hashlib.blake2b(json.dumps(attribution.evidence()).encode(), digest_size=6)
    return folder / digest.hexdigest()


def _find_reproductions_folder(context: ProbeContext) -> Path | None:
    return context.model_under_test.run_context.exports.parent / "reproductions" if context.model_under_test else None
