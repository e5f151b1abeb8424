"""The evidence of `parity/tensors`: remarks, notes, examples, and the details of every output."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from mqa_parity.attribution.result import describe_divergence
from mqa_parity.examples import read_floats, round_for_report, select_worst_rows
from mqa_parity.sample_batches import MAX_BATCH_ROWS
from mqa_parity.tensors.channels import IGNORED
from mqa_parity.tensors.summary import (
    drop_ignored_rows,
    explain_missing_baseline,
    summarize_outputs,
)
from mqa_parity.tensors.weight_comparison import WeightSummary
from mqa_parity.tolerance import BOUND, in_units
from mqa_registry import Evidence, ExampleRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from mqa_parity.runners import Runners
    from mqa_parity.sample_batches import Batch
    from mqa_parity.tensors.summary import OutputSummary
    from mqa_registry import ProbeContext

MAX_ROW_IDS = 3  # in a remark
FEW_ELEMENTS = 100  # the largest error of fewer numbers does not show how large errors get
FEW_FACTOR = 10  # the largest factor by which a ratio of few numbers may be too large
MAX_NODES = 3  # in a note


def build_evidence(observations: pa.Table) -> Evidence:
    """Every output's summary, the rows that are farthest off, the first divergence, and remarks and notes in words."""
    outputs = summarize_outputs(observations)
    first = _read_first_divergence(observations)
    text = next((text for text in observations.column("notes").to_pylist() if text), "{}")
    observed = dict(json.loads(text))  # the probe's notes, and its lists of outputs and inputs
    ignored = _find_ignored_rows(observations)
    return Evidence(
        remarks=list(dict.fromkeys(_make_remarks(observations, outputs, first))),
        notes=[
            *observed.pop("notes", ()),
            *WeightSummary.from_observations(observations).notes(),
            *_describe_ties(observations),
            *_describe_ignored_rows(observations, ignored),
        ],
        examples=_select_examples(observations, {output.name: output.error_unit for output in outputs}),
        details={
            **({"first_divergence": first} if first else {}),
            "coverage": _count_observed(observations),
            **({"ignored_rows": ignored} if ignored else {}),
            **observed,
            "outputs": {output.name: _serialize_output(output) for output in outputs},
        },
    )


def _read_first_divergence(observations: pa.Table) -> dict[str, Any]:
    """The first divergence in the observations, else the first weight that differs; empty where there is neither."""
    text = next((text for text in observations.column("first_divergence").to_pylist() if text), "")
    return dict(json.loads(text)) if text else WeightSummary.from_observations(observations).first_divergence()


def describe_sides(context: ProbeContext, runners: Runners) -> Iterator[str]:
    """Inputs that only one side takes, nodes in training mode, and a model that was not in evaluation mode, in words."""
    if inputs := runners.candidate.facts.unread_inputs:
        yield f"the model is given {_join_names(inputs)}, which the file does not take"
    if inputs := runners.baseline.facts.unread_inputs:
        yield f"the file is given {_join_names(inputs)}, which the model does not take"
    if nodes := runners.candidate.facts.in_training:
        yield _describe_training(nodes)
    if mode := context.model_under_test and context.model_under_test.model.about.get("mode"):
        yield f"the model runs in {mode}"


def find_constant_inputs(batches: Sequence[Batch]) -> Iterator[str]:
    """The integer inputs that have one value in all batches: nothing is known about their other values."""
    for name, array in batches[0].arrays.items():
        arrays = [np.asarray(batch.arrays[name]) for batch in batches]
        if array.dtype.kind not in "biu" or sum(one.size for one in arrays) < 2:
            continue
        first = arrays[0].flat[0] if arrays[0].size else None
        if all(one.size and (one == first).all() for one in arrays):
            yield name


def _make_remarks(observations: pa.Table, outputs: Sequence[OutputSummary], first: Mapping[str, Any]) -> Iterator[str]:
    for output in outputs:
        if output.mismatches:
            rows = observations.filter(pc.equal(observations.column("output"), output.name))
            why = next(text for text in rows.column("mismatch").to_pylist() if text)
            yield f"`{output.name}`: {why}, in {output.mismatches:,} of {rows.num_rows:,} parts"
    precision, name = (observations.column(column)[0].as_py() for column in ("baseline_precision", "reference_name"))
    if not precision:
        yield (
            f"{explain_missing_baseline(observations)} to compare this with, so there is no `ratio`: bound another number, or"
            " predictions"
        )
    elif outputs and math.isfinite(outputs[0].ratio):
        yield _describe_distance(outputs[0], f"{name} in {precision}")
        unexplained = first.get("kind", "tolerance") == "tolerance"
        if BOUND < outputs[0].ratio <= FEW_FACTOR * BOUND and outputs[0].elements < FEW_ELEMENTS and unexplained:
            few = f"`{outputs[0].name}` has {outputs[0].elements} numbers in all"
            yield f"{few}, too few to know how far {name} errs: run more rows"
    yield from WeightSummary.from_observations(observations).remarks()
    yield from _describe_memory(observations.column("batch_rows")[0].as_py())
    yield from describe_divergence(first, has_baseline=bool(precision))
    yield _describe_coverage(observations)


def _describe_distance(output: OutputSummary, baseline: str) -> str:
    """How far off an output is, or the channel or row of it that decides, and how far it may be."""
    group = output.group
    units = group.units if group else output.units
    allowed = group.allowed_units if group else output.allowed_units
    number = f"{units:,.0f}" if units >= 100 else f"{units:.1f}"
    distance = f"{_describe_part(output)} is {number} times as far from float64 as {baseline}"
    return distance if allowed == BOUND else f"{distance}, and {allowed:.2g} times are allowed"


def _describe_part(output: OutputSummary) -> str:
    """As `channel 4 of 85 of `boxes` (`boxes[:, :, 4]`)`."""
    group = output.group
    if group is None:
        return f"`{output.name}`"
    if group.row is not None:
        return f"row `{group.row}` of `{output.name}`"
    index = ", ".join([*[":"] * (group.axis or 0), str(group.index)])
    return f"channel {group.index} of {group.total} of `{output.name}` (`{output.name}[{index}]`)"


def _describe_memory(batch_rows: int) -> Iterator[str]:
    """That memory ran out, and what was not tried because of that."""
    if batch_rows < MAX_BATCH_ROWS:
        rows = "one row was" if batch_rows == 1 else f"{batch_rows} rows were"
        yield f"memory ran out: {rows} run at a time" + (", so that no padding was tried" if batch_rows == 1 else "")


def _count_observed(observations: pa.Table) -> dict[str, int]:
    """The number of observed rows and of all rows, and the length of the longest and the model's limit, where known.

    `screened_rows` is how many rows both sides ran to find the rows that differ most.
    """
    counts = {
        "longest_row": pc.max(observations.column("tokens")).as_py(),
        "screened_rows": pc.max(observations.column("screened_rows")).as_py(),
        "rows": len(set(observations.column("id").to_pylist()) - {None}),
        "total_rows": observations.column("total_rows")[0].as_py(),
        "max_tokens": observations.column("max_tokens")[0].as_py(),
    }
    return {name: int(number) for name, number in counts.items() if number is not None}


def _describe_coverage(observations: pa.Table) -> str:
    counts = _count_observed(observations)
    rows = f"compared {counts['rows']:,} of {max(counts['rows'], counts.get('total_rows', 0)):,} rows"
    if counts.get("screened_rows", 0) > counts["rows"]:
        rows += f", the most different of {counts['screened_rows']:,} among them"
    if "longest_row" not in counts:
        return rows
    limit = f" of the {counts['max_tokens']:,} that the model takes" if "max_tokens" in counts else ""
    return f"{rows}, the longest of {counts['longest_row']:,} tokens{limit}"


def _find_ignored_rows(observations: pa.Table) -> list[str]:
    """The ids of the rows that decide nothing."""
    rows = observations.filter(pc.equal(observations.column("row_status"), IGNORED)).column("id").to_pylist()
    return list(dict.fromkeys(rows))


def _describe_ties(observations: pa.Table) -> Iterator[str]:
    rows = observations.filter(pc.greater(observations.column("ties"), 0))
    for name in pc.unique(rows.column("output")).to_pylist():
        number = pc.sum(rows.filter(pc.equal(rows.column("output"), name)).column("ties")).as_py()
        off = "1 integer lies" if number == 1 else f"{number:,} integers lie"
        yield f"`{name}`: {off} one step off, where the number that is rounded is a tie"


def _describe_ignored_rows(observations: pa.Table, rows: Sequence[str]) -> Iterator[str]:
    if rows:
        names = ", ".join(f"`{row}`" for row in rows[:MAX_ROW_IDS]) + (" ..." if len(rows) > MAX_ROW_IDS else "")
        reference = observations.column("reference_name")[0].as_py()
        what = "1 row decides nothing" if len(rows) == 1 else f"{len(rows):,} rows decide nothing"
        yield f"{what}, since {reference} itself has lost more than half of its digits there: {names}"


def _select_examples(observations: pa.Table, error_units: Mapping[str, float]) -> list[ExampleRow]:
    """The rows that are farthest off for their output."""
    observations = drop_ignored_rows(observations)
    names = observations.column("output").to_pylist()
    errors = zip(names, read_floats(observations, "error"), strict=True)
    badness = np.array([in_units(error, error_units[name]) for name, error in errors])
    return select_worst_rows(observations, badness, ("output", "error", "baseline_error", "mismatch"))


def _serialize_output(output: OutputSummary) -> dict[str, Any]:
    fields = {name: round_for_report(value) for name, value in asdict(output).items() if name not in {"name", "group"}}
    if output.group is None:
        return fields
    group = {name: round_for_report(value) for name, value in asdict(output.group).items() if value is not None}
    return fields | {"group": group}


def _describe_training(nodes: Sequence[Any]) -> str:
    more = f" and {len(nodes) - MAX_NODES} more" if len(nodes) > MAX_NODES else ""
    return (
        "it was exported in training mode, and a runtime that does as the file says drops at random or normalizes by"
        f" the batch: {', '.join(nodes[:MAX_NODES])}{more}; export the model after `eval()`"
    )


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
