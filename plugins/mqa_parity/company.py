"""What the observations of `parity/invariance` come to: its numbers, and what a person needs to believe them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.showing import examples, floats

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

KINDS = ("batch", "others", "padding", "order", "repeat", "threads")
GIVES = ("value", *KINDS)

WORDS = {
    "batch": "among copies of the row",
    "others": "beside other rows of its length",
    "padding": "beside a longer row",
    "order": "in a batch turned round",
    "repeat": "when it is run again",
    "threads": "with another number of threads",
}


def numbers(observations: pa.Table) -> dict[str, Any]:
    """Per kind of company how far the worst output moves, in roundings of its largest value; `value` is the worst kind.

    NaN for a kind that there was nothing to see of: rows of one length have no padding.
    """
    roundings = _roundings(observations)
    kinds = np.array(observations.column("kind").to_pylist(), dtype=str)
    found = {kind: float(roundings[kinds == kind].max(initial=-math.inf)) for kind in KINDS}
    found = {kind: number if number >= 0 else math.nan for kind, number in found.items()}
    return {"value": float(np.fmax.reduce(list(found.values()))), **found}


def evidence(observations: pa.Table) -> dict[str, Any]:
    """What moves most by each kind of company, and the rows that move most."""
    roundings = _roundings(observations)
    return {
        "remarks": list(_remarks(observations, roundings)),
        "examples": examples(observations, roundings, ("output", "kind", "difference")),
    }


def _roundings(observations: pa.Table) -> Floats:
    """Each difference in units of eps times the largest value of its output."""
    names = observations.column("output")
    magnitude, eps = floats(observations, "magnitude"), floats(observations, "eps")
    found = floats(observations, "difference")
    for name in pc.unique(names).to_pylist():
        here = np.asarray(pc.equal(names, name))
        unit = (eps[here] * magnitude[here]).max()
        moved = found[here] > 0
        found[here] = np.where(moved, found[here] / unit if unit else math.inf, 0.0)
    return found


def _remarks(observations: pa.Table, roundings: Floats) -> Iterator[str]:
    kinds = np.array(observations.column("kind").to_pylist(), dtype=str)
    for kind in KINDS:
        here = np.flatnonzero(kinds == kind)
        if not len(here):
            continue
        worst = int(here[roundings[here].argmax()])
        moved = floats(observations, "difference")[worst]
        if moved:
            name = observations.column("output")[worst].as_py()
            yield f"`{name}` moves by {moved:.2g}, {roundings[worst]:.3g} roundings, {WORDS[kind]}"
