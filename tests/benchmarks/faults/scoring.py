"""What `mqa parity` reports of a file, and how near its attribution is to the truth."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from mqa_registry.cli import app
from tests.benchmarks.faults.exporting import silence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.faults.fault import Truth

EXACTLY, NEARLY, WRONGLY, OTHER_KIND, UNATTRIBUTED = "exactly", "nearly", "wrongly", "other kind", "unattributed"
SIGNATURE = "signature"  # a kind of fault in outputs, which needs no module
MAX_NODES = 4  # nodes that a person looks at


@dataclass(frozen=True)
class CommandResult:
    """The command's exit code and its first divergence, and how long it took."""

    code: int
    divergence: dict[str, Any]
    seconds: float
    note: str

    @property
    def caught(self) -> bool:
        """A file that crashes on rows that the model takes is caught as well; one that is not judged is not."""
        return self.code == 1


def make_command(model: str, file: Path, rows: Path, store: Path, report: Path) -> list[str]:
    """The arguments of `mqa` that compare a file with its model."""
    own = ["--allow-code"] if ":" in model else []
    arguments = ["parity", model, str(file), "--inputs", str(rows), "--task", "forward", "--offline", "--force"]
    return [*arguments, *own, "--device", "cpu", "--store", str(store), "--json", str(report)]


def run_command(arguments: Sequence[str], report: Path) -> CommandResult:
    """Run the command in this process, and read its report."""
    report.unlink(missing_ok=True)
    with silence():
        began = time.perf_counter()
        done = CliRunner().invoke(app, list(arguments))
        seconds = time.perf_counter() - began
    if not report.exists():
        return CommandResult(done.exit_code, {}, seconds, " ".join(done.output.split())[-300:])
    contents = json.loads(report.read_text())
    notes = [
        text
        for check in contents["results"]
        if check["verdict"] != "PASS"
        for text in (check.get("note"), *check.get("evidence", {}).get("remarks", ()))
        if text
    ]
    return CommandResult(
        done.exit_code, contents.get("first_divergence") or _find_divergence(contents), seconds, "; ".join(notes)
    )


def _find_divergence(contents: dict[str, Any]) -> dict[str, Any]:
    return next(
        (one for check in contents["results"] if (one := check["evidence"].get("details", {}).get("first_divergence"))),
        {},
    )


def score(truth: Truth, divergence: dict[str, Any]) -> str:
    """How right an attribution is.

    Exactly: the module or a node of it, or what is inside of that module. Nearly: the module around it, another
    one in the same module, or one next to it in the graph.
    """
    if not divergence or not divergence.get("kind"):
        return UNATTRIBUTED
    module, nodes = divergence.get("module") or "", set(divergence.get("nodes") or [divergence.get("node")])
    if divergence["kind"] not in truth.kinds:
        return OTHER_KIND
    if (
        truth.anywhere
        or divergence["kind"] == SIGNATURE
        or _names_node(nodes, divergence, truth)
        or _names_module(module, truth)
    ):
        return EXACTLY
    if module in truth.near or any(_is_near(module, one) for one in (*truth.modules, *truth.near)):
        return NEARLY
    return WRONGLY


def _names_node(nodes: set[str], divergence: dict[str, Any], truth: Truth) -> bool:
    """Whether a node is named that is one of the fault's, alone or among a few."""
    return divergence.get("node") in truth.nodes or (len(nodes) <= MAX_NODES and bool(nodes & set(truth.nodes)))


def _names_module(module: str, truth: Truth) -> bool:
    return any(module == one or (one and module.startswith(f"{one}.")) for one in truth.modules)


def _is_near(one: str, other: str) -> bool:
    """Whether one is around the other, by one level, or both are in the same module."""
    around, about = one.rpartition(".")[0], other.rpartition(".")[0]
    return bool(around) and bool(about) and (one == about or around in {other, about})


def make_file_name(name: str) -> str:
    """A name for a file."""
    return re.sub(r"\W+", "-", name)
