"""What one output comes to over all rows that were looked at: how far it is off, and for what is allowed.

Per output, y being the candidate's values over all rows that were run, p those of PyTorch in the same precision, e
those of PyTorch in float64, and eps the step from 1 to the next number of that precision:

    times = max|y - e| / max(max|p - e|, roundings/allowed eps max|e|)
    ratio = times where that is below 1, else 1 + 9 (times - 1) / (allowed - 1)

`allowed` and `roundings` are 10 and 8 in float32, and 4 and 2 in 16 bits (`precision.py`). So 10, the bound by
convention, lets through ten times PyTorch's own error in float32, and always 8 eps of the largest value: one that
PyTorch happens to have exact must not make every rounding a fault. Numbers that PyTorch has exact beside others that it
rounded, such as a mask's -10000, do not count for max|e|. Each channel and each row of an output is held likewise, with
more allowed where it has few numbers (`channels.py`), and the worst of all decides. Rows much noisier than most count in
their own group alone, those that PyTorch itself has no digits for in none. To take float64 for the truth, and PyTorch's
distance from it for the yardstick, is the way of PyTorch's own accuracy tests (`torch._dynamo.utils.same`, `fp64_ref`),
which take root mean squares where this takes the largest errors too.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.channels import HOPELESS, NOISY, Group, allowed_of
from mqa_parity.showing import floats

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

BOUND = 10
BEST = 313.0  # dB: the signal over the rounding of float64, 20 log10(2^52)


@dataclass(frozen=True)
class Output:
    """One output over all rows. `ratio` is that of the whole or of its worst channel or row, NaN without a peer.

    `times` is the `error` of the whole over the `yardstick`, of which so many are `allowed`. `group` is the channel or
    row that decides, None where the whole does.
    """

    name: str
    elements: int
    mismatches: int
    error: float
    noise: float
    yardstick: float
    times: float
    allowed: float
    ratio: float
    p999: float
    mean: float
    cosine: float
    sqnr: float
    outside: int
    rerun: float
    group: Group | None = None


def summed(observations: pa.Table) -> list[Output]:
    """Every output over all its rows that decide, the worst first."""
    observations = decisive(observations)
    names = pc.unique(observations.column("output")).to_pylist()
    outputs = [_summed(name, observations.filter(pc.equal(observations.column("output"), name))) for name in names]
    return sorted(outputs, key=lambda one: (-one.mismatches, -one.ratio if one.ratio >= 0 else 0.0, -one.error))


def _summed(name: str, rows: pa.Table) -> Output:
    columns = {one: floats(rows, one) for one in ("error", "noise", "magnitude", "p999", "outside", "rerun", "floor")}
    most = {one: float(values.max()) for one, values in columns.items()}
    mismatches = sum(bool(text) for text in rows.column("mismatch").to_pylist())
    usual = np.array([one != NOISY for one in rows.column("standing").to_pylist()], bool)
    usual = usual if usual.any() else ~usual
    noise, error, magnitude = (float(columns[one][usual].max()) for one in ("noise", "error", "magnitude"))
    yardstick = max(noise, most["floor"] * magnitude)
    elements = int(floats(rows, "elements").sum())
    allowed = allowed_of(elements, rows.column("allowed")[0].as_py())
    held = mismatches or rows.column("peer")[0].as_py()
    times = times_of(error, yardstick)
    ratio = _in_tenths(times, allowed)
    group = _group(rows) if held and not mismatches else None
    worst = _in_tenths(group.times, group.allowed) if group else -math.inf
    return Output(
        name=name,
        elements=elements,
        mismatches=mismatches,
        error=most["error"],
        noise=most["noise"],
        yardstick=yardstick,
        times=times if held else math.nan,
        allowed=allowed,
        ratio=max(ratio, worst) if held else math.nan,
        p999=most["p999"],
        mean=float(floats(rows, "mean").mean()),
        cosine=float(np.fmin.reduce(floats(rows, "cosine"))),
        sqnr=_sqnr(floats(rows, "signal").sum(), floats(rows, "distortion").sum()),
        outside=int(columns["outside"].sum()),
        rerun=most["rerun"],
        group=group if worst > ratio else None,
    )


def _group(rows: pa.Table) -> Group | None:
    """The channel or row of an output that is farthest off."""
    told = next((text for text in rows.column("group").to_pylist() if text), "")
    return Group(**json.loads(told)) if told else None


def _in_tenths(times: float, allowed: float) -> float:
    """Times the reference's error as a ratio: 1 is as much as the reference errs, 10 as much as is allowed at most."""
    return times if times <= 1 or allowed == BOUND else 1 + (BOUND - 1) * (times - 1) / (allowed - 1)


def decisive(observations: pa.Table) -> pa.Table:
    """Without the rows in which the reference itself has no digits left."""
    return observations.filter(pc.not_equal(observations.column("standing"), HOPELESS))


def times_of(error: float, yardstick: float) -> float:
    """An error in units of the yardstick."""
    if not error:
        return 0.0
    return error / yardstick if yardstick else math.inf


def _sqnr(signal: float, distortion: float) -> float:
    """The signal-to-quantization-noise ratio in decibels, 10 log10(signal / distortion), as far as float64 can tell."""
    if not distortion:
        return BEST
    return float(np.clip(10 * (_log(signal) - _log(distortion)), -math.inf, BEST))


def _log(number: float) -> float:
    return math.log10(number) if number else -math.inf
