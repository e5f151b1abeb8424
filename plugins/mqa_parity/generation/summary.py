"""The numbers of `parity/generation`, of the errors of every row, step and array.

The unit of an error is that of `parity/tensors`: the largest error of the baseline in the same array, over all rows and
steps. The largest error of an array after one step, in this unit, is its `ratio`; `tolerance.py` says how many are allowed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from mqa_parity.examples import read_floats
from mqa_parity.generation.step_errors import CACHE, ENDED, LOGITS
from mqa_parity.tolerance import BOUND, allowed_units, as_ratio, error_unit, in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

LAYER = re.compile(r"(?:^|[._])(\d+)(?:[._]|$)")


@dataclass(frozen=True)
class ArrayStep:
    """One array after one step, over all rows. `ratio` is NaN where the baseline has another precision."""

    kind: str
    array: str
    step: int
    error: float
    ratio: float
    mismatch: str = ""

    @property
    def differs(self) -> bool:
        """Whether it lies farther off than is allowed by convention."""
        return bool(self.mismatch) or self.ratio > BOUND


@dataclass(frozen=True)
class FirstDivergence:
    """The first step that differs, and the first array of it in the order of the layers.

    `kind` is `prefill` where the first step gives other logits, `cache output` where it gives the right logits and another
    cache, and `cached step` where the first step is right and a later one, which reads the cache, is not.
    """

    kind: str
    array: str
    step: int
    ratio: float

    @property
    def layer(self) -> int | None:
        """The number of the layer that the array belongs to, from 0; None where its name has none."""
        found = LAYER.search(self.array)
        return int(found[1]) if found else None

    def to_table(self) -> dict[str, Any]:
        """As reports have it; `ratio` is None where it is infinite or unknown."""
        ratio = float(f"{self.ratio:.4g}") if math.isfinite(self.ratio) else None
        return {"kind": self.kind, "step": self.step, "array": self.array, "layer": self.layer, "ratio": ratio}


@dataclass(frozen=True)
class OtherToken:
    """The first token of a row that the candidate would choose otherwise, by its step; None where it chooses all alike.

    `tie` says whether errors as large as are allowed could decide it, given the `margin` of the reference; None where it is
    unknown how large they may be.
    """

    id: str
    fields: str
    step: int | None = None
    margin: float | None = None
    tie: bool | None = None


def summarize_steps(table: pa.Table) -> list[ArrayStep]:
    """Every array after every step, in the order of the steps, and of the layers within each; logits come last."""
    names = pc.unique(table.column("array")).to_pylist()
    found = [one for name in names for one in _summarize_array(table.filter(pc.equal(table.column("array"), name)))]
    return sorted(found, key=lambda one: (one.step, one.kind == LOGITS, names.index(one.array)))


def _summarize_array(rows: pa.Table) -> Iterator[ArrayStep]:
    unit = _find_unit(rows)
    comparable, allowed = rows.column("comparable")[0].as_py(), rows.column("allowed_units")[0].as_py()
    steps = np.asarray(rows.column("step").to_numpy())
    errors, elements = read_floats(rows, "error"), read_floats(rows, "elements")
    mismatches = np.array(rows.column("mismatch").to_pylist(), dtype=object)
    for step in np.unique(steps):
        here = steps == step
        error = float(errors[here].max())
        mismatch = next((text for text in mismatches[here] if text), "")
        ratio = as_ratio(in_units(error, unit), allowed_units(int(elements[here].sum()), allowed))
        yield ArrayStep(
            rows.column("kind")[0].as_py(),
            rows.column("array")[0].as_py(),
            int(step),
            error,
            ratio if comparable or mismatch else math.nan,
            mismatch,
        )


def _find_unit(rows: pa.Table) -> float:
    """The unit of the errors of one array."""
    noise, magnitude = (float(read_floats(rows, name).max()) for name in ("baseline_error", "magnitude"))
    return float(error_unit(noise, magnitude, rows.column("floor")[0].as_py()))


def find_first_divergence(steps: list[ArrayStep]) -> FirstDivergence | None:
    """Where the candidate differs first; None where it does not."""
    first = next((one for one in steps if one.differs), None)
    if first is None:
        return None
    if first.step > 1:
        kind = "cached step"
    else:
        is_prefill = any(one.differs for one in steps if one.kind == LOGITS and one.step == 1)
        kind = "prefill" if is_prefill else "cache output"
    return FirstDivergence(kind, first.array, first.step, first.ratio)


def find_other_tokens(table: pa.Table) -> list[OtherToken]:
    """The first other token of every row, in the order of the rows.

    Until then both sides have read the same tokens, so it is where free-running texts part. The candidate's choice is a tie
    where two logits that are off by as much as is allowed could make it, each in the direction of the other.
    """
    logits = table.filter(pc.equal(table.column("kind"), LOGITS))
    comparable, allowed = logits.column("comparable")[0].as_py(), logits.column("allowed_units")[0].as_py()
    limit = 2 * allowed * _find_unit(logits) if comparable else None
    found: dict[str, OtherToken] = {}
    for row in logits.sort_by("step").to_pylist():
        before = found.setdefault(row["id"], OtherToken(row["id"], row["fields"]))
        is_same = not row["mismatch"] and row["reference_token"] in (ENDED, row["candidate_token"])
        if is_same or before.step is not None:
            continue
        margin = row["margin"]
        tie = False if margin is None else None if limit is None else margin <= limit
        found[row["id"]] = OtherToken(row["id"], row["fields"], row["step"], margin, tie)
    return [found[name] for name in pc.unique(table.column("id")).to_pylist()]


def compute_numbers(table: pa.Table) -> Mapping[str, Any]:
    """The numbers of the probe; NaN for those of which there is nothing, as of caches where the task has none."""
    steps = summarize_steps(table)
    first, later = ([one for one in steps if one.kind == LOGITS and (one.step == 1) is now] for now in (True, False))
    tokens = find_other_tokens(table)
    damage = [math.nan if one.step is not None and one.tie is None else float(one.tie is False) for one in tokens]
    return {
        "ratio": _worst(steps),
        "first_step": _worst(first),
        "later_steps": _worst(later),
        "caches": _worst([one for one in steps if one.kind == CACHE]),
        "max_abs": max(one.error for one in steps if one.kind == LOGITS),
        "mismatches": float(sum(bool(one) for one in table.column("mismatch").to_pylist())),
        "same_tokens": np.array([one.step is None for one in tokens], dtype=bool),
        "damaged_tokens": np.array(damage),
    }


def _worst(steps: list[ArrayStep]) -> float:
    """The largest ratio; NaN where none is known."""
    ratios = [one.ratio for one in steps if not math.isnan(one.ratio)]
    return max(ratios, default=math.nan)
