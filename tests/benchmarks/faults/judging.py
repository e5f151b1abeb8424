"""What `mqa parity` says of a file, and how near that is to the truth."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from mqa_registry.cli import app
from tests.benchmarks.faults.exporting import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.faults.fault import Truth

EXACTLY, NEARLY, WRONGLY, OTHER_KIND, NOBODY = "exactly", "nearly", "wrongly", "other kind", "nobody"
SIGNATURE = "signature"  # a kind that tells of outputs, and needs no module
FEW = 4  # nodes that a person looks at


@dataclass(frozen=True)
class Judged:
    """The command's exit code and its first divergence, and how long it took."""

    code: int
    blame: dict[str, Any]
    seconds: float
    note: str

    @property
    def caught(self) -> bool:
        """A file that crashes on rows that the model takes is caught as well; one that is not judged is not."""
        return self.code == 1


def command(model: str, file: Path, rows: Path, store: Path, report: Path) -> list[str]:
    """The arguments of `mqa` that hold a file against its model."""
    own = ["--allow-code"] if ":" in model else []
    arguments = ["parity", model, str(file), "--inputs", str(rows), "--task", "forward", "--offline", "--force"]
    return [*arguments, *own, "--device", "cpu", "--store", str(store), "--json", str(report)]


def judge(arguments: Sequence[str], report: Path) -> Judged:
    """Run the command in this process, and read its report."""
    report.unlink(missing_ok=True)
    with quiet():
        began = time.perf_counter()
        done = CliRunner().invoke(app, list(arguments))
        seconds = time.perf_counter() - began
    if not report.exists():
        return Judged(done.exit_code, {}, seconds, " ".join(done.output.split())[-300:])
    told = json.loads(report.read_text())
    notes = [
        text
        for check in told["results"]
        if check["verdict"] != "PASS"
        for text in (check.get("note"), *check.get("evidence", {}).get("remarks", ()))
        if text
    ]
    return Judged(done.exit_code, told.get("first_divergence") or _found(told), seconds, "; ".join(notes))


def _found(told: dict[str, Any]) -> dict[str, Any]:
    return next(
        (one for check in told["results"] if (one := check["evidence"].get("details", {}).get("first_divergence"))),
        {},
    )


def score(truth: Truth, blame: dict[str, Any]) -> str:
    """How right a blame is.

    Exactly: the module or a node of it, or what is inside of that module. Nearly: the module around it, one beside it
    in the same one, or next to it in the graph.
    """
    if not blame or not blame.get("kind"):
        return NOBODY
    module, nodes = blame.get("module") or "", set(blame.get("nodes") or [blame.get("node")])
    if blame["kind"] not in truth.kinds:
        return OTHER_KIND
    if truth.anywhere or blame["kind"] == SIGNATURE or _named(nodes, blame, truth) or _right(module, truth):
        return EXACTLY
    if module in truth.near or any(_close(module, one) for one in (*truth.modules, *truth.near)):
        return NEARLY
    return WRONGLY


def _named(nodes: set[str], blame: dict[str, Any], truth: Truth) -> bool:
    """Whether a node is named that is one of the fault's, alone or among a few."""
    return blame.get("node") in truth.nodes or (len(nodes) <= FEW and bool(nodes & set(truth.nodes)))


def _right(module: str, truth: Truth) -> bool:
    return any(module == one or (one and module.startswith(f"{one}.")) for one in truth.modules)


def _close(one: str, other: str) -> bool:
    """Whether one is around the other, by one level, or both are in the same module."""
    around, about = one.rpartition(".")[0], other.rpartition(".")[0]
    return bool(around) and bool(about) and (one == about or around in {other, about})


def numbered(name: str) -> str:
    """A name for a file."""
    return re.sub(r"\W+", "-", name)
