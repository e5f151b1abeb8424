"""The probe `fairness/weak-slices`: where a model is worst."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Lt

from mqa_fairness.candidates import columns_to_try, copies_of_answers, offer
from mqa_fairness.confirming import findings
from mqa_fairness.rights import rights_of
from mqa_fairness.searching import CARRIED, search
from mqa_registry import NotRunError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_fairness.confirming import Finding
    from mqa_fairness.rights import Rights
    from mqa_fairness.searching import Search
    from mqa_registry import LiveView, Scene

    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]

GIVES = ("value", "count", "tried", "score")
TOLD = 5  # slices in words
MOST = 5  # examples
SEARCHED, HELD_BACK = "searched", "held back"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.string()),  # searched, held back; else why it had no say
        ("right", pa.bool_()),
        ("slices", pa.list_(pa.int64())),  # those tried on the rows held back that the row is in
        ("prediction", pa.string()),
        ("probability", pa.float64()),
        ("target", pa.string()),
        ("fields", pa.string()),  # of rows answered wrongly in one of them, as JSON
    ]
)


def weak_slices(
    scene: Scene,
    *,
    min_rows: Annotated[int, Ge(5)] = 30,
    max_terms: Annotated[int, Ge(0)] = 500,
    columns: list[str] | None = None,
    leave_out: list[str] | None = None,
    confidence: Annotated[float, Gt(0.5), Lt(1)] = 0.95,
) -> pa.Table:
    """How far the accuracy in the worst slice lies below that elsewhere, of the slices where it is shown to.

    Slices are the rows with a word, the quarters of the rows by number of words, the values of columns that have few,
    the quarters of columns of numbers, and any two of the worst of these together. They are sought on one half of the
    rows, drawn by the suite's seed; of those that look weak there the worst, 20 at most, are tried on the other half, by
    Fisher's exact test, one-sided, with Holm's correction. So what is confirmed anywhere, where there is nothing, is so
    in `1 - confidence` of all cases at most, however many slices were tried.

    `min_rows` is how many rows a slice has inside and outside, in either half. `max_terms` is how many words of each
    text are tried, the most frequent ones. `columns` are tried instead of all but the texts, the right answers, copies
    of them and the ids; `leave_out` are not tried. `confidence` is that of the tests together, and of each interval
    alone.

    `value` is the largest gap of a confirmed slice on the half held back, as a difference of accuracies, 0 where none is
    confirmed. It is the largest of several, and so rather too large. `count` is the number of confirmed slices, `tried`
    that of slices that the search tried, and `score` the accuracy on all rows that have a say. Rows without an answer or
    a right answer have none, and of rows that say the same, or are of one cluster, one alone has: others are no further
    evidence.
    """
    rights = rights_of(scene.view, scene.rng)
    speaking = np.flatnonzero(rights.speaking)
    if len(speaking) < 4 * min_rows:
        said = ", ".join(f"{count:,} {why}" for why, count in Counter(filter(None, rights.why)).items())
        raise NotRunError(
            f"{counted(len(speaking), 'row with a say is', 'rows with a say are')} too few for slices of {min_rows}, which take {4 * min_rows}"
            + (f" ({said})" if said else ""),
            hint="bring more rows, or lower `min_rows`",
        )
    half = np.zeros(len(speaking), dtype=bool)
    half[scene.rng.permutation(len(speaking))[: len(speaking) // 2]] = True
    table = scene.view.rows.table.take(pa.array(speaking))
    fields = scene.view.rows.fields
    tried = columns_to_try(table, fields, columns, leave_out)
    if not fields and not tried:
        raise NotRunError(
            "there is nothing to make slices of: the rows have no texts, and no columns but their ids and right answers",
            hint="bring columns that say what rows are, such as a language or a source",
        )
    offered = offer(table, fields, tried, max_terms=max_terms, halves=half, min_rows=min_rows)
    if not offered.candidates:
        raise NotRunError(f"no slice has {min_rows} rows inside and outside in either half", hint="lower `min_rows`")
    found = search(offered.candidates, rights.right[speaking], half, min_rows)
    copies = [f"the column `{name}` has the right answers, and was not tried" for name in copies_of_answers(table)]
    left_out = [*offered.left_out, *(copies if columns is None else ()), *_left_out(found)]
    told = {"left_out": left_out, "confidence": confidence}
    return _kept(scene.view, rights, half, found).replace_schema_metadata(
        {"search": json.dumps(_summary(found) | told)}
    )


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `fairness/weak-slices`; `score` alone has an interval."""
    weak = _confirmed(observations)
    right = observations.column("right").drop_null()
    return {
        "value": max((each.gap for each in weak), default=0.0),
        "count": float(len(weak)),
        "tried": float(_meta(observations)["tried"]),
        "score": np.array(right.to_pylist(), dtype=bool),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """The confirmed slices in words, what was tried and left out, and rows answered wrongly in the worst of them."""
    meta, found = _meta(observations), _findings(observations)
    weak = _confirmed(observations)
    return {
        "remarks": [*map(_told, weak[:TOLD]), *_summed(observations, meta, found, weak)],
        "examples": _examples(observations, [each.name for each in weak]),
        "slices": [_plain(each, confirmed=each in weak) for each in found],
    }


def _kept(view: LiveView, rights: Rights, half: Bools, found: Search) -> pa.Table:
    """A row for each of the view, with what it takes to confirm the slices and to show them."""
    parts = list(rights.why)
    slices: list[list[int]] = [[] for _ in parts]
    for place, row in enumerate(np.flatnonzero(rights.speaking).tolist()):
        parts[row] = SEARCHED if half[place] else HELD_BACK
        slices[row] = [number for number, each in enumerate(found.carried) if each.rows[place]]
    shown = [bool(mine) and not right for mine, right in zip(slices, rights.right, strict=True)]
    columns = {
        "id": view.rows.ids.cast(pa.string()),
        "part": parts,
        "right": [bool(right) if said else None for right, said in zip(rights.right, rights.speaking, strict=True)],
        "slices": slices,
        "prediction": rights.answers,
        "probability": rights.sureness,
        "target": rights.targets,
        "fields": [json.dumps(one) if show else None for one, show in zip(_texts(view), shown, strict=True)],
    }
    return pa.table(columns, schema=SCHEMA)


def _summary(found: Search) -> dict[str, Any]:
    return {"names": [each.name for each in found.carried], "tried": found.tried}


def _texts(view: LiveView) -> Iterator[dict[str, str]]:
    for example in view.rows.examples():
        yield {name: text for name, text in example.items() if isinstance(text, str)}


def _left_out(found: Search) -> Iterator[str]:
    if found.alike:
        yield f"{found.alike:,} that looked weak have nearly the rows of a weaker one, and were not tried again"
    if found.beyond:
        yield f"{found.beyond:,} more looked weak, beyond the {CARRIED} that were tried on the rows held back"


def _meta(observations: pa.Table) -> dict[str, Any]:
    return dict(json.loads(observations.schema.metadata[b"search"]))


def _findings(observations: pa.Table) -> list[Finding]:
    """Every slice that was tried on the rows held back, the largest gap first."""
    meta = _meta(observations)
    held = np.array(observations.column("part").to_pylist(), dtype=str) == HELD_BACK
    mine = observations.filter(pa.array(held))
    right = np.array(mine.column("right").to_pylist(), dtype=bool)
    inside = np.zeros((len(meta["names"]), len(right)), dtype=bool)
    for row, numbers_of in enumerate(mine.column("slices").to_pylist()):
        inside[numbers_of, row] = True
    found = findings(meta["names"], list(inside), right, meta["confidence"])
    return sorted(found, key=lambda each: -each.gap)


def _confirmed(observations: pa.Table) -> list[Finding]:
    level = 1 - _meta(observations)["confidence"]
    return [each for each in _findings(observations) if each.corrected <= level]


def _told(weak: Finding) -> str:
    return (
        f"{weak.score:.1%} right where {weak.name}, {weak.elsewhere:.1%} elsewhere: a gap of {weak.gap:.3f} "
        f"({weak.low:.3f} to {weak.high:.3f}), {counted(weak.rows, 'row')} held back, p {weak.corrected:.2g} after correction"
    )


def _summed(
    observations: pa.Table, meta: dict[str, Any], found: Sequence[Finding], weak: Sequence[Finding]
) -> Iterator[str]:
    if len(weak) > TOLD:
        yield f"{counted(len(weak) - TOLD, 'more slice is', 'more slices are')} confirmed"
    yield f"{counted(meta['tried'], 'slice was', 'slices were')} tried, {len(found)} looked weak, {counted(len(weak), 'of them is', 'of them are')} confirmed"
    silent = Counter(part for part in observations.column("part").to_pylist() if part not in (SEARCHED, HELD_BACK))
    yield from (f"{counted(count, 'row')} had no say: {why}" for why, count in silent.items())
    yield from meta["left_out"]


def _examples(observations: pa.Table, worst: Sequence[str]) -> list[dict[str, Any]]:
    """Rows held back that were answered wrongly in the worst slices, the surest answers first."""
    names = _meta(observations)["names"]
    wrong = [row for row in observations.to_pylist() if row["right"] is False and row["part"] == HELD_BACK]
    wrong.sort(key=lambda row: -(row["probability"] or 0.0))
    inside = [(row, name) for name in worst for row in wrong if names.index(name) in row["slices"]]
    first = {row["id"]: _example(row, name) for row, name in reversed(inside)}
    order = dict.fromkeys(row["id"] for row, _ in inside)
    return [first[name] for name in order][:MOST]


def _example(row: dict[str, Any], name: str) -> dict[str, Any]:
    shown = {"id": row["id"], "slice": name} | ({"fields": json.loads(row["fields"])} if row["fields"] else {})
    shown |= {"prediction": row["prediction"], "target": row["target"]}
    return shown | ({} if row["probability"] is None else {"probability": round(row["probability"], 4)})


def _plain(each: Finding, *, confirmed: bool) -> dict[str, Any]:
    return {
        "slice": each.name, "rows": each.rows, "score": each.score, "elsewhere": each.elsewhere, "gap": each.gap,
        "low": each.low, "high": each.high, "p": each.p, "corrected": each.corrected, "confirmed": confirmed,
    }  # fmt: skip
