"""A folder that shows a difference to anybody: a piece of the graph, its inputs, what PyTorch gives, and a script."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.blaming.doors import Dissected, dissected
from mqa_parity.blaming.noise import allowed, where_real
from mqa_parity.blaming.places import find_places
from mqa_parity.blaming.shrinking import smallest
from mqa_parity.blaming.suspect import of_graph, of_module
from mqa_parity.blaming.taps import find_taps
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy
    from mqa_parity.blaming.finding import Blame
    from mqa_parity.blaming.suspect import Suspect

CPU = "CPUExecutionProvider"
SCRIPT = Path(__file__).with_name("repro.py")


def write_bundle(case: Case, blame: Blame, folder: Path) -> None:
    """Write `piece.onnx`, `inputs.npz`, `expected.npz`, `session.json`, `blame.json` and `repro.py`, which runs them.

    That script needs numpy and onnxruntime alone; `session.json` tells it the providers that the difference was found
    on. The input is the smallest that still fails. Where one module is to blame the piece is what makes its output of
    the outputs before it, as PyTorch has them; else it is the whole graph. Raises a NotRunError where there is no graph.
    """
    if not isinstance(case.candidate, Dissected):
        raise NotRunError("the candidate has no graph to cut a piece out of")
    small = smallest(case)
    shown = _shown(small, dissected(case.candidate, case.truth.reference), blame)
    folder.mkdir(parents=True, exist_ok=True)
    shown.piece.save(folder / "piece.onnx")
    np.savez(folder / "inputs.npz", allow_pickle=False, **shown.feeds)
    np.savez(
        folder / "expected.npz",
        allow_pickle=False,
        expected=shown.double,
        shaped=shown.whole,  # what a module gives may have other axes in the graph
        counts=where_real(shown.double, small.truth.real),
        allowed=small.limit * allowed(shown.single, shown.double, small.truth.real),
    )
    (folder / "blame.json").write_text(json.dumps(blame.evidence(), indent=2) + "\n", encoding="utf-8")
    (folder / "session.json").write_text(json.dumps(_session(case)) + "\n", encoding="utf-8")
    shutil.copyfile(SCRIPT, folder / "repro.py")


def _session(case: Case) -> dict[str, Any]:
    facts = case.candidate.facts
    return {"providers": facts.get("providers", [CPU]), "tf32": facts.get("tf32", False)}


def _shown(case: Case, anatomy: Anatomy, blame: Blame) -> Suspect:
    """The module's piece, if it shows the difference by itself; else everything."""
    module = _module(case, anatomy, blame) if blame.value else None
    return module or of_graph(case, anatomy)


def _module(case: Case, anatomy: Anatomy, blame: Blame) -> Suspect | None:
    taps = find_taps(case, anatomy)
    if not case.crash:
        find_places(case, anatomy, taps)  # leaves out of the taps what cannot be given
    if blame.value not in taps.parts:
        return None
    module = of_module(case, anatomy, taps, taps.parts[blame.value])
    try:
        return module if module.errs(optimization="all") else None
    except Exception:  # where the whole cannot run, that is what there is to show
        return module if case.crash else None
