"""A folder that shows a difference to anybody: a piece of the graph, its inputs, what PyTorch gives, and a script."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.case import paired
from mqa_parity.blaming.doors import Dissected
from mqa_parity.blaming.noise import allowed, where_real
from mqa_parity.blaming.places import find_places, find_taps
from mqa_parity.blaming.shrinking import smallest
from mqa_registry import NotRunError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Piece
    from mqa_parity.blaming.finding import Blame

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = dict[str, Array]

SCRIPT = Path(__file__).with_name("repro.py")


@dataclass(frozen=True)
class Shown:
    """A piece, what it takes, and what PyTorch makes of that in float32 and float64."""

    piece: Piece
    inputs: Arrays
    single: Array
    double: Array


def write_bundle(case: Case, blame: Blame, folder: Path) -> None:
    """Write `piece.onnx`, `inputs.npz`, `expected.npz`, `blame.json` and `repro.py`, which needs numpy and onnxruntime.

    The input is the smallest that still fails. Where one module is to blame the piece is what makes its output of the
    outputs before it, as PyTorch has them; else it is the whole graph. Raises a NotRunError where there is no graph.
    """
    if not isinstance(case.candidate, Dissected):
        raise NotRunError("the candidate has no graph to cut a piece out of")
    small = smallest(case)
    shown = _shown(small, case.candidate.anatomy(), blame)
    folder.mkdir(parents=True, exist_ok=True)
    shown.piece.save(folder / "piece.onnx")
    np.savez(folder / "inputs.npz", allow_pickle=False, **shown.inputs)
    np.savez(
        folder / "expected.npz",
        allow_pickle=False,
        expected=shown.double,
        counts=where_real(shown.double, small.truth.real),
        allowed=small.limit * allowed(shown.single, shown.double, small.truth.real),
    )
    (folder / "blame.json").write_text(json.dumps(blame.evidence(), indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(SCRIPT, folder / "repro.py")


def _shown(case: Case, anatomy: Anatomy, blame: Blame) -> Shown:
    """The module's piece, if it shows the difference by itself; else everything."""
    module = _module(case, anatomy, blame) if blame.value else None
    return module or _everything(case, anatomy)


def _module(case: Case, anatomy: Anatomy, blame: Blame) -> Shown | None:
    taps = find_taps(case, anatomy)
    if not case.crash:
        find_places(case, anatomy, taps)  # leaves out of the taps what cannot be given
    if blame.value not in taps.parts:
        return None
    piece = anatomy.piece([value for value in taps.parts if value != blame.value], blame.value)
    feeds = {**anatomy.feed(case.batch), **taps.given()}
    inputs = {name: feeds[name] for name in piece.inputs}
    shown = Shown(piece, inputs, taps.single[blame.value], taps.double[blame.value])
    return shown if _shows(case, shown) else None


def _shows(case: Case, shown: Shown) -> bool:
    try:
        found = shown.piece.run(shown.inputs, optimization="all")
    except Exception:  # where the whole cannot run, that is what there is to show
        return bool(case.crash)
    if found.size != shown.double.size:
        return True
    error = np.abs(found.reshape(shown.double.shape) - shown.double)[where_real(shown.double, case.truth.real)]
    return bool(
        np.nan_to_num(error, nan=np.inf).max() > case.limit * allowed(shown.single, shown.double, case.truth.real)
    )


def _everything(case: Case, anatomy: Anatomy) -> Shown:
    """The whole graph behind the output that is furthest off."""
    single, double = case.truth.outputs
    pairs = paired(dict.fromkeys(anatomy.results(), np.zeros(0)), double)
    if not pairs:
        raise NotRunError("no output of the graph has the name of one of the model's")
    shown = [
        Shown(piece, {one: anatomy.feed(case.batch)[one] for one in piece.inputs}, single[name], double[name])
        for theirs, name in pairs
        for piece in [anatomy.piece([], theirs)]
    ]
    return next((one for one in shown if _shows(case, one)), shown[0])
