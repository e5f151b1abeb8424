"""The numbers of `parity/tensors`: each output over all rows that were observed, and the worst of all outputs.

Per output, where y are the candidate's values over all rows, p those of PyTorch in the same precision, e those of
PyTorch in float64, and eps the step from 1 to the next number of that precision:

    units = max|y - e| / max(max|p - e|, roundings/allowed eps max|e|)
    ratio = units where that is below 1, else 1 + 9 (units - 1) / (allowed - 1)

`allowed` and `roundings` are 10 and 8 in float32, and 4 and 2 in 16 bits (`tolerance.py`). So 10, the bound by
convention, allows ten times PyTorch's own error in float32, and always 8 eps of the largest value: an output that
PyTorch happens to have exact must not make every rounding a fault. Numbers that PyTorch has exact among others that it
rounded, such as a mask's -10000, do not count for max|e|. Each channel and each row of an output is compared likewise,
with more allowed where it has few numbers (`channels.py`), and the worst of all decides. Rows much noisier than most
count in their own group alone, and those in which PyTorch itself has no digits left count nowhere. Float64 as the truth,
and PyTorch's distance from it as the unit, are also what PyTorch's own accuracy tests use (`torch._dynamo.utils.same`,
`fp64_ref`); they take root mean squares where this takes the largest errors too.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.examples import read_floats
from mqa_parity.tensors.channels import IGNORED, NOISY, GroupError
from mqa_parity.tensors.weight_comparison import WeightSummary
from mqa_parity.tolerance import BOUND, allowed_units, as_ratio, error_unit, in_units
from mqa_registry import Statistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

METRICS = ("ratio", "max_abs", "p999", "mean", "cosine", "sqnr", "mismatches", "outside", "rerun")
MAX_SQNR = 313.0  # dB: the signal over the rounding of float64, 20 log10(2^52)


@dataclass(frozen=True)
class OutputSummary:
    """One output over all rows. `ratio` is that of the whole or of its worst channel or row, NaN without a baseline.

    `units` is the `error` of the whole in units of `error_unit`, of which `allowed_units` are allowed. `group` is the
    channel or row that decides, None where the whole output does.
    """

    name: str
    elements: int
    mismatches: int
    error: float
    baseline_error: float
    error_unit: float
    units: float
    allowed_units: float
    ratio: float
    p999: float
    mean: float
    cosine: float
    sqnr: float
    outside: int
    rerun: float
    group: GroupError | None = None


def summarize_outputs(observations: pa.Table) -> list[OutputSummary]:
    """Every output over all its rows that decide, the worst first."""
    observations = drop_ignored_rows(observations)
    names = pc.unique(observations.column("output")).to_pylist()
    outputs = [
        _summarize_output(name, observations.filter(pc.equal(observations.column("output"), name))) for name in names
    ]
    return sorted(outputs, key=lambda one: (-one.mismatches, -one.ratio if one.ratio >= 0 else 0.0, -one.error))


def _summarize_output(name: str, rows: pa.Table) -> OutputSummary:
    columns = {
        one: read_floats(rows, one)
        for one in ("error", "baseline_error", "magnitude", "p999", "outside", "rerun", "floor")
    }
    largest = {one: float(values.max()) for one, values in columns.items()}
    mismatches = sum(bool(text) for text in rows.column("mismatch").to_pylist())
    usual = np.array([one != NOISY for one in rows.column("row_status").to_pylist()], bool)
    usual = usual if usual.any() else ~usual
    noise, error, magnitude = (float(columns[one][usual].max()) for one in ("baseline_error", "error", "magnitude"))
    unit = float(error_unit(noise, magnitude, largest["floor"]))
    elements = int(read_floats(rows, "elements").sum())
    allowed = allowed_units(elements, rows.column("allowed_units")[0].as_py())
    has_ratio = mismatches or rows.column("baseline_precision")[0].as_py()
    units = in_units(error, unit)
    ratio = as_ratio(units, allowed)
    group = _read_worst_group(rows) if has_ratio and not mismatches else None
    group_ratio = as_ratio(group.units, group.allowed_units) if group else -math.inf
    return OutputSummary(
        name=name,
        elements=elements,
        mismatches=mismatches,
        error=largest["error"],
        baseline_error=largest["baseline_error"],
        error_unit=unit,
        units=units if has_ratio else math.nan,
        allowed_units=allowed,
        ratio=max(ratio, group_ratio) if has_ratio else math.nan,
        p999=largest["p999"],
        mean=float(read_floats(rows, "mean").mean()),
        cosine=float(np.fmin.reduce(read_floats(rows, "cosine"))),
        sqnr=_compute_sqnr(read_floats(rows, "signal").sum(), read_floats(rows, "distortion").sum()),
        outside=int(columns["outside"].sum()),
        rerun=largest["rerun"],
        group=group if group_ratio > ratio else None,
    )


def _read_worst_group(rows: pa.Table) -> GroupError | None:
    """The channel or row of an output that is farthest off."""
    text = next((text for text in rows.column("group").to_pylist() if text), "")
    return GroupError(**json.loads(text)) if text else None


def _compute_sqnr(signal: float, distortion: float) -> float:
    """The signal-to-quantization-noise ratio in decibels, 10 log10(signal / distortion), as far as float64 resolves it."""
    if not distortion:
        return MAX_SQNR
    return float(np.clip(10 * (_log10(signal) - _log10(distortion)), -math.inf, MAX_SQNR))


def _log10(number: float) -> float:
    return math.log10(number) if number else -math.inf


def compute_metrics(observations: pa.Table) -> dict[str, Any]:
    """The metrics of `parity/tensors`, each of its worst output; all are infinitely bad after a mismatch.

    There is no `ratio`, on any rows, where the reference does not have the precision. `mean` and `cosine` are given per
    row, and so have an interval; the others are extremes and counts.
    """
    outputs = summarize_outputs(observations)
    if different := WeightSummary.from_observations(observations).differences:
        return _after_weight_mismatch(len(different) + sum(output.mismatches for output in outputs), outputs)
    mismatches = sum(output.mismatches for output in outputs)
    ratio = float(np.fmax.reduce([output.ratio for output in outputs]))
    return {
        "ratio": _make_undefined_ratio(observations) if math.isnan(ratio) else ratio,
        "max_abs": max(output.error for output in outputs),
        "p999": max(output.p999 for output in outputs),
        "mean": math.inf if mismatches else _find_worst_by_row(observations, "mean", np.fmax),
        "cosine": -1.0 if mismatches else _find_worst_by_row(observations, "cosine", np.fmin),
        "sqnr": min(output.sqnr for output in outputs),
        "mismatches": mismatches,
        "outside": sum(output.outside for output in outputs),
        "rerun": max(output.rerun for output in outputs),
    }


def _after_weight_mismatch(mismatches: int, outputs: Sequence[OutputSummary]) -> dict[str, Any]:
    """The metrics where weights differ, which says nothing about rows that use them."""
    worst = dict.fromkeys(("ratio", "max_abs", "p999", "mean"), math.inf)
    outside = max(1, sum(output.outside for output in outputs))
    rerun = max(output.rerun for output in outputs)
    return {**worst, "cosine": -1.0, "sqnr": -math.inf, "mismatches": mismatches, "outside": outside, "rerun": rerun}


def _make_undefined_ratio(observations: pa.Table) -> Statistic:
    reason = observations.column("oracle_problem")[0].as_py() or explain_missing_baseline(observations)
    return Statistic(lambda counts: np.full(counts.shape[:-1], math.nan), undefined=reason, never_defined=True)


def explain_missing_baseline(observations: pa.Table) -> str:
    """Why there is no ratio, in words."""
    precision, name, problem = (
        observations.column(name)[0].as_py() for name in ("candidate_precision", "reference_name", "oracle_problem")
    )
    return f"{problem}, which leaves nothing" if problem else f"{name} has no {precision}"


def exceeds_bound(observations: pa.Table) -> bool:
    """Whether an output has a mismatch, a ratio above the bound by convention, or no ratio."""
    return any(output.mismatches or not output.ratio <= BOUND for output in summarize_outputs(observations))


def drop_ignored_rows(observations: pa.Table) -> pa.Table:
    """Without the rows in which the reference itself has no digits left."""
    return observations.filter(pc.not_equal(observations.column("row_status"), IGNORED))


def _find_worst_by_row(observations: pa.Table, column: str, worse: np.ufunc) -> Floats:
    """Per row of the data the worst over its outputs; an output without a row axis is a row by itself."""
    observations = drop_ignored_rows(observations)
    ids = [name if name is not None else index for index, name in enumerate(observations.column("id").to_pylist())]
    indices = {name: index for index, name in enumerate(dict.fromkeys(ids))}
    worst = np.full(len(indices), math.nan)
    worse.at(worst, [indices[name] for name in ids], read_floats(observations, column))
    return worst
