"""What is observed of each output of each row: how far it lies off, or why it cannot be held."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_parity.channels import HOPELESS, farthest, part_of, standings
from mqa_parity.errors import BROKEN, NONE, errors
from mqa_parity.mismatches import broken, off_scale, undefined, unlike
from mqa_parity.steady import answered
from mqa_parity.ties import ties_of
from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.channels import Part
    from mqa_parity.errors import Errors
    from mqa_parity.sampling import Batch, Row
    from mqa_parity.steady import Survey
    from mqa_parity.trio import Trio

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Record: TypeAlias = dict[str, Any]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # null for an output that has no rows
        ("fields", pa.string()),  # its words, as JSON
        ("output", pa.string()),
        ("mismatch", pa.string()),  # what is wrong beyond any tolerance, or empty
        ("elements", pa.int64()),
        *((name, pa.float64()) for name in ("error", "noise", "mean", "p999", "signal", "distortion")),
        *((name, pa.float64()) for name in ("cosine", "magnitude")),
        ("outside", pa.int64()),
        ("ties", pa.int64()),  # integers one step off, where the number that they are rounded from is a tie
        ("rerun", pa.float64()),
        ("floor", pa.float64()),  # of the yardstick, as a share of the magnitude
        ("allowed", pa.float64()),  # times PyTorch's error, in this precision
        ("standing", pa.string()),  # of the row among all rows of this output: usual (empty), noisy or hopeless
        ("undefined", pa.string()),  # what the reference gives in this row that is no number, or empty
        ("group", pa.string()),  # the channel or row of this output that is farthest off, as JSON; in one row at most
        ("precision", pa.string()),  # of the candidate
        ("peer", pa.string()),  # of the reference beside it
        ("yardstick", pa.string()),  # what the reference is: PyTorch, or a file
        ("doubt", pa.string()),  # why its error is not known, or empty
        ("together", pa.int64()),  # rows that were run at a time, at most
        ("blame", pa.string()),  # whose fault it is, as JSON; in one row at most
        ("notes", pa.string()),  # on what only one side has, as JSON; in one row at most
        ("compared", pa.int64()),  # rows that both sides were run on; in one row at most
        ("size", pa.int64()),  # of the row, in tokens; null where rows have none
        ("of_rows", pa.int64()),  # rows of the data, of which some were looked at
        ("of_longest", pa.int64()),  # the longest row that the model takes, in tokens; null where nobody knows
        ("weights", pa.string()),  # how the candidate's differ from the model's, as JSON; in one row at most
    ]
)


@dataclass(frozen=True)
class Asked:
    """The outputs to hold, all of them if None, the fixed tolerance, and where a bundle goes, if one is kept."""

    outputs: Sequence[str] | None
    atol: float
    rtol: float
    blame: bool
    place: Path | None
    screen: bool


@dataclass(frozen=True)
class Trial:
    """Who is held against whom, and how."""

    three: Trio
    survey: Survey
    reference: str  # the backend's name
    asked: Asked
    together: int


def held_rows(
    trial: Trial, batch: Batch, pairs: Mapping[str, str], candidate: Arrays | str
) -> Iterator[tuple[Record, Part | None]]:
    """Every output of every row of a batch, held against the other two."""
    exact, peer = (answered(runner, trial.reference, batch) for runner in (trial.three.exact, trial.three.peer))
    arrays = {} if isinstance(candidate, str) else {name: (peer[name], candidate[one]) for name, one in pairs.items()}
    ties = ties_of(trial.three, batch.arrays, arrays)
    for name, theirs in pairs.items():
        wrong = candidate if isinstance(candidate, str) else unlike(peer[name], candidate[theirs])
        for row, cut in trial.survey.layout.parts(name, batch):
            if wrong or isinstance(candidate, str):
                yield record_of(trial, name, row, wrong), None
            else:
                values = (cut(exact[name]), cut(peer[name]), cut(candidate[theirs]))
                yield _part(trial, name, row, values, cut(ties[name]) if name in ties else None)


def refuse_undefined(trial: Trial, records: Sequence[Record]) -> None:
    """An MqaError where an output of the reference is no number in most rows: the rest would say too little of it."""
    for name in dict.fromkeys(record["output"] for record in records):
        rows = [record for record in records if record["output"] == name]
        lost = [record for record in rows if record["undefined"]]
        if 2 * len(lost) > len(rows):
            where = "for a batch" if lost[0]["id"] is None else f"for row `{lost[0]['id']}`"
            more = f" and {len(lost) - 1:,} more of {len(rows):,}" if len(lost) > 1 else ""
            raise MqaError(
                f"backend `{trial.reference}` gives {lost[0]['undefined']} in `{name}` {where}{more},"
                f" in float64 or in {trial.three.form.name}",
                hint="nothing can be held against that; does the model bear such rows, and that precision?",
            )


def with_groups(records: list[Record], parts: Mapping[str, Sequence[Part]], three: Trio) -> list[Record]:
    """The same with the standing of each row, and what the worst channel or row of each output comes to."""
    for name, rows in parts.items():
        held = [record for record in records if record["output"] == name and not record["mismatch"]]
        found = standings(rows, three.form)
        for record in held:
            record["standing"] = record["standing"] or found.get(record["id"], "")
        usual = next((record for record in held if not record["standing"]), None)
        worst = farthest(rows, three.form) if three.matched else None
        if usual is not None and worst is not None:
            usual["group"] = json.dumps(asdict(worst))
    return records


def worst_runs(records: Sequence[Record]) -> list[Record]:
    """Of a row that was run twice, every output where it is further off."""
    kept: dict[tuple[str, str | int], Record] = {}
    for place, record in enumerate(records):
        key = (record["output"], place if record["id"] is None else record["id"])
        if key not in kept or _badness(record) > _badness(kept[key]):
            kept[key] = record
    return list(kept.values())


def _badness(record: Record) -> tuple[bool, float]:
    return bool(record["mismatch"]), record["error"]


def _part(
    trial: Trial, name: str, row: Row | None, values: tuple[Array, Array, Array], ties: Array | None
) -> tuple[Record, Part | None]:
    exact, peer, candidate = values
    form = trial.three.form
    if why := undefined(exact, peer, form):
        return record_of(trial, name, row, "", NONE) | {"standing": HOPELESS, "undefined": why}, None
    if why := broken(exact, peer, candidate, form, ties):
        return record_of(trial, name, row, why), None
    on = ~off_scale(exact, form)
    found = errors(exact[on], peer[on], candidate[on], atol=trial.asked.atol, rtol=trial.asked.rtol)
    if row is None or not found.elements:
        even = 0 if ties is None else int(np.count_nonzero(ties))
        return record_of(trial, name, row, "", found) | {"ties": even}, None
    positions = [axis - 1 for axis in trial.survey.layout.axes[name]]
    return record_of(trial, name, row, "", found), part_of(row.id, values, on, positions)


def record_of(trial: Trial, output: str, row: Row | None, mismatch: str, found: Errors = BROKEN) -> Record:
    """One row of the observations."""
    three = trial.three
    return {
        "id": row.id if row else None,
        "fields": row.text if row else None,
        "size": row.tokens if row else None,
        "output": output,
        "mismatch": mismatch,
        "rerun": trial.survey.rerun.get(output, 0.0),
        "floor": three.form.floor,
        "allowed": three.form.allowed,
        "standing": "",
        "undefined": "",
        "ties": 0,
        "precision": three.precision,
        "peer": three.form.name if three.matched else "",
        "yardstick": three.yardstick,
        "doubt": three.doubt,
        "together": trial.together,
        **asdict(found),
    }
