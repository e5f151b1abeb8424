"""The probe `parity/tensors`: every output, row by row, against the reference in float64."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_parity.protocols import SupportsCaches
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
from mqa_parity.tensors.divergence_record import find_first_divergence
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
)
from mqa_parity.tensors.output_errors import find_form_mismatch
from mqa_parity.tensors.output_matching import (
    OutputMatch,
    match_outputs,
    measure_noise_distance,
    measure_power_distance,
    require_outputs,
)
from mqa_parity.tensors.summary import METRICS, compute_metrics, exceeds_bound
from mqa_parity.tensors.weight_comparison import WeightComparison
from mqa_registry import Probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.runners import Runners
    from mqa_parity.sample_batches import Batch, Row
    from mqa_parity.tensors.channels import RowErrors
    from mqa_parity.tensors.output_matching import Samples
    from mqa_registry import Evidence, ProbeContext

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MATCHING_BATCHES = 2  # outputs are matched by their values in the first two, which differ in rows and positions


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
    version = 9

    def observe(self, context: ProbeContext, options: TensorOptions) -> pa.Table:
        """Every output of every row that was run, one a row; columns of the whole check have values in the first row."""
        assert context.reference is not None
        comparison = WeightComparison(context.reference.runner, context.view.runner)
        weight_summary = comparison.summary() if options.weights else None
        with open_runners(context.reference, context.view) as runners:
            sampled = sample_rows(context, options.rows, options.including or ())
            batch_rows = MAX_BATCH_ROWS if context.batching.takes_batches else 1

            def observe_batches(batch_rows: int) -> pa.Table:
                return _observe_rows(context, runners, sampled, options, weights=comparison, batch_rows=batch_rows)

            table = run_within_memory(observe_batches, batch_rows)
        summary = weight_summary.to_json() if weight_summary else ""
        return _set_columns(
            table,
            weights=pa.array([summary, *[None] * (table.num_rows - 1)], pa.string()),
            of_rows=pa.array([context.view.rows.table.num_rows] * table.num_rows, pa.int64()),
            of_longest=pa.array([find_token_limit(context)] * table.num_rows, pa.int64()),
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


def _observe_rows(
    context: ProbeContext,
    runners: Runners,
    sampled: Sequence[Row],
    options: TensorOptions,
    *,
    weights: WeightComparison,
    batch_rows: int,
) -> pa.Table:
    """The observations of the sampled rows, with so many in a batch at most."""
    assert context.reference is not None
    codec, backend = require_codec(context), context.reference.backend
    budget = min(runners.baseline.budget, runners.candidate.budget) // 2  # float64 takes twice the memory
    batches = list(make_batches(codec, sampled, budget, batch_rows))
    batches += make_single_row_batches(codec, sampled, batches)
    batches += make_two_row_batches(codec, sampled, batches, batch_rows)
    runs = [_BatchRun(batch, run_candidate(runners.candidate, batch)) for batch in batches]
    given = next((run.candidate for run in runs if isinstance(run.candidate, Mapping)), None)
    runners = runners if given is None else runners.with_matching_caches(list(given))
    determinism = check_determinism(
        runners.baseline, backend, make_layout_batches(codec, sampled, batches), runners.precision.eps
    )
    runners = check_oracle(runners, batches[0].arrays)
    check = TensorCheck(runners, determinism, backend, options, batch_rows)
    match = _match_outputs(check, runs, None if given is None else list(given))
    compared = None
    if options.screen:
        different, screened = find_most_different_rows(context, check, match.pairs, sampled, budget)
        more = make_batches(codec, select_rows(context, different), budget, batch_rows) if different else ()
        runs += [_BatchRun(batch, run_candidate(runners.candidate, batch)) for batch in more]
        compared = len(sampled) + screened
    observations = _observe_runs(check, runs, match)
    table = build_table(check, observations)
    if options.blame and exceeds_bound(table):
        first = find_first_divergence(
            runners,
            [run.batch for run in runs],
            codec.padding_mask,
            _find_repro_folder(context) if options.repro else None,
            outputs=None if given is None else match,  # a file that always crashes does not show its outputs' names
            weights=weights,
        )
        table = _set_in_first_row(table, blame=pa.scalar(first, pa.string()))
    notes = {
        "notes": [*match.notes, *describe_sides(context, runners)],
        "unheld": match.unmatched,
        "unvaried": list(find_constant_inputs([run.batch for run in runs])),
    }
    return _set_in_first_row(table, notes=pa.scalar(json.dumps(notes)), compared=pa.scalar(compared, pa.int64()))


def _observe_runs(check: TensorCheck, runs: Sequence[_BatchRun], match: OutputMatch) -> list[Observation]:
    """Every output of every row that was run, with its standing among the others."""
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


def _match_outputs(check: TensorCheck, runs: Sequence[_BatchRun], candidate: Sequence[str] | None) -> OutputMatch:
    """Which outputs are compared; a candidate that crashes on everything is taken to have the reference's."""
    ours, requested = list(check.determinism.rerun), check.options.outputs
    require_outputs(requested or (), ours)
    if candidate is None:
        return OutputMatch({name: name for name in (ours if requested is None else requested)})
    runners, precision = check.runners, check.runners.precision
    completed = [(run.batch, run.candidate) for run in runs if isinstance(run.candidate, Mapping)][:MATCHING_BATCHES]

    @cache
    def reference_outputs(index: int) -> tuple[Arrays, Arrays]:
        batch = completed[index][0]
        oracle, baseline = (run_reference(one, check.backend, batch) for one in (runners.oracle, runners.baseline))
        return oracle, baseline

    def samples(name: str, theirs: str) -> Samples | None:
        found: list[tuple[Array, Array, Array]] = []
        for index, (batch, outputs) in enumerate(completed):
            oracle, baseline = (arrays[name] for arrays in reference_outputs(index))
            if find_form_mismatch(baseline, outputs[theirs]):
                return None
            cuts = [cut for _, cut in check.determinism.layout.row_slices(name, batch)]
            found += [(cut(oracle), cut(baseline), cut(outputs[theirs])) for cut in cuts]
        return found

    by_noise = partial(measure_noise_distance, allowed=precision.allowed, floor=precision.floor)
    distance = by_noise if runners.is_comparable else measure_power_distance
    return match_outputs(ours, candidate, samples, requested=requested, distance=distance)


def _set_columns(table: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _set_in_first_row(table: pa.Table, **values: pa.Scalar) -> pa.Table:
    """The table with values in its first row; the others have none."""
    nulls = {name: pa.nulls(table.num_rows - 1, table.schema.field(name).type) for name in values}
    columns = {name: pa.concat_arrays([pa.array([one.as_py()], one.type), nulls[name]]) for name, one in values.items()}
    return _set_columns(table, **columns)


def _find_repro_folder(context: ProbeContext) -> Path | None:
    return context.model_under_test.run_context.exports.parent / "repro" if context.model_under_test else None
