"""What the observations of `parity/tensors` come to: its numbers, and what a person needs to believe them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.channels import HOPELESS
from mqa_parity.outputs import BOUND, decisive, summed, times_of
from mqa_parity.sampling import TOGETHER
from mqa_parity.showing import examples, floats, plain
from mqa_parity.weight_comparison import comparison_of, divergence
from mqa_parity.weight_comparison import notes as weight_notes
from mqa_parity.weight_comparison import remarks as weight_remarks
from mqa_registry import Statistic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.outputs import Output

    Floats: TypeAlias = npt.NDArray[np.float64]

GIVES = ("ratio", "max_abs", "p999", "mean", "cosine", "sqnr", "mismatches", "outside", "rerun")

MOST_NAMES = 3  # rows that a remark names
FEW = 100  # numbers: the largest of so few errors says little of how large errors are
FEW_MAKE = 10  # times as large a ratio as it should be, at most


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `parity/tensors`, each of its worst output; all are infinitely bad after a mismatch.

    There is no `ratio`, on any rows, where the reference has no such precision. `mean` and `cosine` are given a row,
    and so have an interval; the others are extremes and counts.
    """
    outputs = summed(observations)
    if other := comparison_of(observations).get("differences"):
        return _infinitely_bad(len(other) + sum(output.mismatches for output in outputs), outputs)
    mismatches = sum(output.mismatches for output in outputs)
    ratio = float(np.fmax.reduce([output.ratio for output in outputs]))
    return {
        "ratio": _peerless(observations) if math.isnan(ratio) else ratio,
        "max_abs": max(output.error for output in outputs),
        "p999": max(output.p999 for output in outputs),
        "mean": math.inf if mismatches else _by_row(observations, "mean", np.fmax),
        "cosine": -1.0 if mismatches else _by_row(observations, "cosine", np.fmin),
        "sqnr": min(output.sqnr for output in outputs),
        "mismatches": mismatches,
        "outside": sum(output.outside for output in outputs),
        "rerun": max(output.rerun for output in outputs),
    }


def _infinitely_bad(mismatches: int, outputs: Sequence[Output]) -> dict[str, Any]:
    """After weights that differ: rows that make use of them may be anything."""
    worst = dict.fromkeys(("ratio", "max_abs", "p999", "mean"), math.inf)
    outside = max(1, sum(output.outside for output in outputs))
    rerun = max(output.rerun for output in outputs)
    return {**worst, "cosine": -1.0, "sqnr": -math.inf, "mismatches": mismatches, "outside": outside, "rerun": rerun}


def _peerless(observations: pa.Table) -> Statistic:
    """The ratio of a precision that PyTorch has not, on whatever rows."""
    why = observations.column("doubt")[0].as_py() or _no_peer(observations)
    return Statistic(lambda counts: np.full(counts.shape[:-1], math.nan), undefined=why, never=True)


def evidence(observations: pa.Table) -> dict[str, Any]:
    """Every output's numbers, the rows that are farthest off, and what there is to say of the yardstick."""
    outputs = summed(observations)
    return {
        **_divergence(observations),
        "looked_at": looked_at(observations),
        **_undecided(observations),
        "remarks": list(dict.fromkeys(_remarks(observations, outputs))),
        **_notes(observations),
        "outputs": {output.name: _plain(output) for output in outputs},
        "examples": _worst(observations, {output.name: output.yardstick for output in outputs}),
    }


def differs(observations: pa.Table) -> bool:
    """Whether an output is further off than the bound by convention, or beyond any; where none is known, it is."""
    return any(output.mismatches or not output.ratio <= BOUND for output in summed(observations))


def _by_row(observations: pa.Table, column: str, worse: np.ufunc) -> Floats:
    """Per row of the data the worst over its outputs; an output without rows stands for itself."""
    observations = decisive(observations)
    ids = [name if name is not None else place for place, name in enumerate(observations.column("id").to_pylist())]
    places = {name: place for place, name in enumerate(dict.fromkeys(ids))}
    found = np.full(len(places), math.nan)
    worse.at(found, [places[name] for name in ids], floats(observations, column))
    return found


def _remarks(observations: pa.Table, outputs: Sequence[Output]) -> Iterator[str]:
    for output in outputs:
        if output.mismatches:
            rows = observations.filter(pc.equal(observations.column("output"), output.name))
            why = next(text for text in rows.column("mismatch").to_pylist() if text)
            yield f"`{output.name}`: {why}, in {output.mismatches:,} of {rows.num_rows:,} parts"
    peer, yardstick = (observations.column(name)[0].as_py() for name in ("peer", "yardstick"))
    if not peer:
        yield f"{_no_peer(observations)} to hold this against, so there is no `ratio`: bound another number, or answers"
    elif outputs and math.isfinite(outputs[0].ratio):
        yield _far(outputs[0], f"{yardstick} in {peer}")
        found = _divergence(observations).get("first_divergence", {})
        unexplained = found.get("kind", "tolerance") == "tolerance"
        if BOUND < outputs[0].ratio <= FEW_MAKE * BOUND and outputs[0].elements < FEW and unexplained:
            few = f"`{outputs[0].name}` has {outputs[0].elements} numbers in all"
            yield f"{few}, too few to know how far {yardstick} errs: run more rows"
    yield from weight_remarks(comparison_of(observations))
    yield from _cramped(observations.column("together")[0].as_py())
    yield from _blamed(_divergence(observations).get("first_divergence", {}), everywhere=not peer)
    yield _looked_at(observations)


def _far(output: Output, peer: str) -> str:
    """How many times as far off an output is, or the channel or row of it that decides, and how many are allowed."""
    group = output.group
    times = group.times if group else output.times
    allowed = group.allowed if group else output.allowed
    shown = f"{times:,.0f}" if times >= 100 else f"{times:.1f}"
    far = f"{_part(output)} is {shown} times as far from float64 as {peer}"
    return far if allowed == BOUND else f"{far}, and {allowed:.2g} times are allowed"


def _part(output: Output) -> str:
    """As `channel 4 of 85 of `boxes` (`boxes[:, :, 4]`)`."""
    group = output.group
    if group is None:
        return f"`{output.name}`"
    if group.row is not None:
        return f"row `{group.row}` of `{output.name}`"
    place = ", ".join([*[":"] * (group.axis or 0), str(group.index)])
    return f"channel {group.index} of {group.of} of `{output.name}` (`{output.name}[{place}]`)"


def _rounded(observations: pa.Table) -> Iterator[str]:
    """Integers a step off, where a rounding decides."""
    found = observations.filter(pc.greater(observations.column("ties"), 0))
    for name in pc.unique(found.column("output")).to_pylist():
        number = pc.sum(found.filter(pc.equal(found.column("output"), name)).column("ties")).as_py()
        off = "1 integer lies" if number == 1 else f"{number:,} integers lie"
        yield f"`{name}`: {off} one step off, where the number that is rounded is a tie"


def _undecided(observations: pa.Table) -> dict[str, list[str]]:
    """The rows that decide nothing, where there are any."""
    rows = observations.filter(pc.equal(observations.column("standing"), HOPELESS)).column("id").to_pylist()
    return {"beyond_use": list(dict.fromkeys(rows))} if rows else {}


def _beyond_use(observations: pa.Table) -> Iterator[str]:
    rows = _undecided(observations).get("beyond_use", [])
    if rows:
        named = ", ".join(f"`{row}`" for row in rows[:MOST_NAMES]) + (" ..." if len(rows) > MOST_NAMES else "")
        yardstick = observations.column("yardstick")[0].as_py()
        what = "1 row decides nothing" if len(rows) == 1 else f"{len(rows):,} rows decide nothing"
        yield f"{what}, since {yardstick} itself has lost more than half of its digits there: {named}"


def _notes(observations: pa.Table) -> dict[str, list[str]]:
    """What only one side has, and what decides nothing: sentences, and the outputs that are held against nothing."""
    told = next((text for text in observations.column("notes").to_pylist() if text), "")
    found = dict(json.loads(told)) if told else {}
    more = [*weight_notes(comparison_of(observations)), *_rounded(observations), *_beyond_use(observations)]
    return found | ({"notes": [*found.get("notes", []), *more]} if more else {})


def _no_peer(observations: pa.Table) -> str:
    """Why there is no ratio."""
    precision, yardstick, doubt = (observations.column(name)[0].as_py() for name in ("precision", "yardstick", "doubt"))
    return f"{doubt}, which leaves nothing" if doubt else f"{yardstick} has no {precision}"


def looked_at(observations: pa.Table) -> dict[str, int]:
    """How many rows were looked at of how many, and how long the longest was of how long the model takes them, if known.

    `compared` is how many were run on both sides, for those that part most to be among them.
    """
    found = {
        "longest": pc.max(observations.column("size")).as_py(),
        "compared": pc.max(observations.column("compared")).as_py(),
        "rows": len(set(observations.column("id").to_pylist()) - {None}),
        "of_rows": observations.column("of_rows")[0].as_py(),
        "of_longest": observations.column("of_longest")[0].as_py(),
    }
    return {name: int(number) for name, number in found.items() if number is not None}


def _looked_at(observations: pa.Table) -> str:
    found = looked_at(observations)
    rows = f"looked at {found['rows']:,} of {max(found['rows'], found.get('of_rows', 0)):,} rows"
    if found.get("compared", 0) > found["rows"]:
        rows += f", those that part most of {found['compared']:,} among them"
    if "longest" not in found:
        return rows
    most = f" of the {found['of_longest']:,} that the model takes" if "of_longest" in found else ""
    return f"{rows}, the longest of {found['longest']:,} tokens{most}"


def _cramped(together: int) -> Iterator[str]:
    """That memory ran out, and what was not tried for that."""
    if together < TOGETHER:
        rows = "one row was" if together == 1 else f"{together} rows were"
        yield f"memory ran out: {rows} run at a time" + (", so that no padding was tried" if together == 1 else "")


def _blamed(found: Mapping[str, Any], *, everywhere: bool) -> Iterator[str]:
    """Where the difference begins, and what that means, in words; few bits `everywhere` begin nowhere."""
    if found.get("module"):
        begins = "few bits cost most" if everywhere and found.get("kind") == "precision" else "it begins"
        node = f"node `{found['node']}`" if found.get("node") else ""
        told = [one for one in (found.get("class"), node) if one]
        yield f"{begins} in `{found['module']}`" + (f" ({', '.join(told)})" if told else "")
    elif found.get("class"):
        node = f" (node `{found['node']}`)" if found.get("node") else ""
        yield f"it begins in what `{found['class']}` itself makes, in none of its modules{node}"
    elif found.get("node"):
        yield f"it begins in node `{found['node']}`, which is part of no module"
    kind, meaning, why = (str(found.get(name) or "") for name in ("kind", "meaning", "reason"))
    if kind == "signature" or (kind and why.startswith(meaning)):  # what a kind means in general may be too much
        yield f"{kind}: {why or meaning}"
    elif kind:
        yield from (f"{kind}: {meaning}", *([why] if why else []))
    elif found:
        yield why
    if found.get("repro"):
        yield f"`{found['repro']}/repro.py` shows it without mqa"


def _divergence(observations: pa.Table) -> dict[str, Any]:
    """The first module that differs, and whose fault that is, where somebody looked."""
    told = next((text for text in observations.column("blame").to_pylist() if text), "")
    found = json.loads(told) if told else divergence(comparison_of(observations))
    return {"first_divergence": found} if found else {}


def _worst(observations: pa.Table, yardsticks: Mapping[str, float]) -> list[dict[str, Any]]:
    """The rows that are farthest off for their output."""
    observations = decisive(observations)
    names = observations.column("output").to_pylist()
    errors = zip(names, floats(observations, "error"), strict=True)
    ratios = np.array([times_of(error, yardsticks[name]) for name, error in errors])
    return examples(observations, ratios, ("output", "error", "noise", "mismatch"))


def _plain(output: Output) -> dict[str, Any]:
    told = {name: plain(value) for name, value in asdict(output).items() if name not in {"name", "group"}}
    return told | (
        {"group": {name: plain(value) for name, value in asdict(output.group).items() if value is not None}}
        if output.group
        else {}
    )
