"""The smallest input on which a difference shows, and a folder that shows it without mqa.

The folder has a subgraph, its inputs, PyTorch's output, and a script.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.attribution.first_faulty_module import make_graph_test, make_module_test, measure_modules
from mqa_parity.attribution.paired_run import is_valid, noise_ratio, noise_unit, reshape_like, worst_channel
from mqa_parity.attribution.value_matching import match_values
from mqa_parity.protocols import SupportsGraph, module_graph
from mqa_registry import NotRunError, atomic_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.attribution.result import Attribution
    from mqa_parity.protocols import ModuleGraph

MAX_SINGLE_ROWS = 8  # rows that are tried alone
CPU = "CPUExecutionProvider"
SCRIPT = Path(__file__).with_name("reproduce.py")


def write_bundle(run: PairedRun, attribution: Attribution, folder: Path) -> None:
    """Write `subgraph.onnx`, `inputs.npz`, `expected.npz`, `session.json`, `attribution.json`, and a script for them.

    The script, `reproduce.py`, needs only numpy and onnxruntime; `session.json` has the providers that the difference was found on. The
    input is the smallest that still fails. Where one module is at fault, the subgraph is from the outputs of the modules
    before it, with PyTorch's numbers, to its output; else it is the whole graph. Raises NotRunError where the candidate
    has no graph.
    """
    if not isinstance(run.candidate, SupportsGraph):
        raise NotRunError("the candidate has no graph to cut a subgraph out of")
    small = minimize_run(run)
    test = _make_test(small, module_graph(run.candidate, run.reference.baseline), attribution)
    with atomic_folder(folder, is_whole=lambda _: False) as draft:  # it replaces that of an earlier run
        test.subgraph.save(draft / "subgraph.onnx")
        np.savez(draft / "inputs.npz", allow_pickle=False, **test.feeds)
        np.savez(
            draft / "expected.npz",
            allow_pickle=False,
            expected=test.oracle,
            check_shape=test.is_whole,  # a module's output may have other axes in the graph
            **_make_criterion(test),
        )
        (draft / "attribution.json").write_text(json.dumps(attribution.evidence(), indent=2) + "\n", encoding="utf-8")
        (draft / "session.json").write_text(json.dumps(_describe_session(run)) + "\n", encoding="utf-8")
        shutil.copyfile(SCRIPT, draft / "reproduce.py")


def find_worst_run(runs: Iterable[PairedRun]) -> PairedRun | None:
    """The run on which the candidate is farthest off, if it fails on any."""
    found = max(runs, key=lambda run: run.ratio, default=None)
    return found if found is not None and found.fails else None


def isolate_row(run: PairedRun) -> PairedRun:
    """The row that is farthest off, if it fails alone too; else the run itself.

    A candidate that takes a fixed number of rows is given that many copies of the row.
    """
    if run.rows == run.fixed_rows == 1:
        return run
    order = np.argsort(-_measure_rows(run), kind="stable")[:MAX_SINGLE_ROWS]
    return next((alone for row in order if still_fails(alone := run.with_rows([int(row)] * run.fixed_rows))), run)


def minimize_run(run: PairedRun) -> PairedRun:
    """The same failure on less, by bisection: on the fewest rows, then on the fewest positions."""
    return _reduce_positions(_reduce_rows(isolate_row(run)))


def still_fails(run: PairedRun) -> bool:
    """Whether it fails; not where the reference does not run, since some models need a least number of rows."""
    try:
        return run.fails
    except Exception:
        return False


def _make_criterion(test: SubgraphTest) -> dict[str, Any]:
    """Which elements of the output are compared, and the largest error allowed: of all, or of the worst channel or row."""
    run, valid = test.run, test.run.reference.valid
    compared = is_valid(test.oracle, valid)
    allowed = run.limit * noise_unit(test.baseline, test.oracle, valid, run.precision)
    if not run.by_channel or run.crash:
        return {"compared": compared, "allowed_error": allowed}
    found = reshape_like(test.subgraph.run(test.feeds, optimization="all"), test.oracle)
    whole = noise_ratio(found, test.baseline, test.oracle, valid, run.precision)
    worst = worst_channel(found, test.baseline, test.oracle, valid, run.precision)
    if worst is None or whole > run.limit:
        return {"compared": compared, "allowed_error": allowed}
    axis, index = (0, int(worst.row or 0)) if worst.axis is None else (worst.axis, worst.index or 0)
    group = np.zeros(compared.shape, bool)
    group[(slice(None),) * axis + (index,)] = True
    return {"compared": compared & group, "allowed_error": worst.error * worst.allowed_units / worst.units}


def _describe_session(run: PairedRun) -> dict[str, Any]:
    facts = run.candidate.facts
    return {"providers": list(facts.providers) or [CPU], "tf32": bool(facts.tf32)}


def _make_test(run: PairedRun, graph: ModuleGraph, attribution: Attribution) -> SubgraphTest:
    """The module's subgraph, if it fails by itself; else the whole graph."""
    test = _make_failing_test(run, graph, attribution.output_value) if attribution.output_value else None
    return test or make_graph_test(run, graph)


def _make_failing_test(run: PairedRun, graph: ModuleGraph, value: str) -> SubgraphTest | None:
    values = match_values(run, graph)
    if not run.crash:
        measure_modules(run, graph, values)  # corrects the matches
    if value not in values.calls:
        return None
    test = make_module_test(run, graph, values, values.calls[value])
    try:
        return test if test.fails(optimization="all") else None
    except Exception:  # where the whole graph crashes, so must what reproduces it
        return test if run.crash else None


def _measure_rows(run: PairedRun) -> npt.NDArray[np.float64]:
    """How far off each row is; 0 where the outputs have no row axis."""
    ratios = np.zeros(run.rows)
    baseline, oracle, valid = run.reference.baseline_outputs, run.reference.oracle_outputs, run.reference.valid
    for theirs, name in run.matched(run.candidate_outputs):
        found = run.candidate_outputs[theirs]
        if found.shape == oracle[name].shape and len(found) == run.rows:
            for row in range(run.rows):
                part = slice(row, row + 1)
                mask = None if valid is None else valid[part]
                ratio = noise_ratio(found[part], baseline[name][part], oracle[name][part], mask, run.precision)
                ratios[row] = max(ratios[row], ratio)
    return ratios


def _reduce_rows(run: PairedRun) -> PairedRun:
    indices = list(range(run.rows))
    halves = (run.with_rows(half) for half in (indices[: run.rows // 2], indices[run.rows // 2 :]) if half)
    failing = next((half for half in halves if still_fails(half)), None) if run.rows > run.fixed_rows else None
    return run if failing is None else _reduce_rows(failing)


def _reduce_positions(run: PairedRun) -> PairedRun:
    if run.reference.mask not in run.batch:
        return run
    low, high = 1, run.batch[run.reference.mask].shape[1]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if still_fails(run.with_length(middle)) else (middle + 1, high)
    shorter = run.with_length(high)
    return shorter if still_fails(shorter) else run
