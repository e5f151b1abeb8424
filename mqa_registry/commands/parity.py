"""The command that holds one ONNX file against its PyTorch model: a suite of its own, for the one engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mqa_registry import runs
from mqa_registry.commands.running import refuse_no_folder, tell
from mqa_registry.errors import UsageError
from mqa_registry.report.files import write_json
from mqa_registry.report.jsonfile import to_json
from mqa_registry.report.progress import watched
from mqa_registry.suite import made_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.commands.running import Show
    from mqa_registry.errors import ExitCode
    from mqa_registry.report import Report
    from mqa_registry.runs import Asked

ANSWERS = {"text-classification"}  # tasks whose answers flip
FILES = {".pt", ".pt2", ".pth", ".ts", ".torchscript"}
FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MOST_FLIPS = 0.01
MOST_RATIO = 10.0  # of the file's error to that of PyTorch, both against float64


@dataclass(frozen=True)
class Pair:
    """A model and the file that is to be as good as it.

    `data` is a file of rows, `inputs` one of arrays; without either there are a few sentences. `source` and `task` say
    what to make of the model; left out, `source` is told by the model's name. `tolerance`, where given, is `atol` and
    `rtol` of a fixed tolerance in place of the ratio; `repro` keeps what shows a difference without mqa.
    """

    model: str
    file: Path
    task: str
    source: str | None = None
    data: Path | None = None
    inputs: Path | None = None
    tolerance: tuple[float, float] | None = None
    repro: bool = False

    def suite(self) -> dict[str, Any]:
        """The suite that holds them against each other."""
        return {
            "format": 1,
            "name": f"parity of {self.file.name}",
            "model": {"use": self.source or source_of(self.model), "id": self.model, "task": self.task},
            "data": {"rows": self._rows()},
            "backends": {
                "torch": {"use": "transformers/torch"},
                "onnx": {"use": "onnxruntime/session", "path": str(self.file)},
            },
            "check": self._checks(),
        }

    def _rows(self) -> dict[str, Any]:
        if self.inputs is not None:
            return {"use": "datasets/arrays", "path": str(self.inputs)}
        if self.data is not None:
            return {"use": "datasets/file", "path": str(self.data)}
        return {"use": "datasets/sentences"}

    def _checks(self) -> list[dict[str, Any]]:
        tensors: dict[str, Any] = {"use": "parity/tensors"} | ({"repro": True} if self.repro else {})
        expect: dict[str, Any] = {"mismatches": {"max": 0}, "ratio": {"max": MOST_RATIO}}
        if self.tolerance is not None:
            atol, rtol = self.tolerance
            tensors |= {"atol": atol, "rtol": rtol}
            expect = {"mismatches": {"max": 0}, "outside": {"max": 0}}
        checks: list[dict[str, Any]] = [{"name": "tensors", "measure": tensors, "expect": expect}]
        if self.task in ANSWERS:
            flips = {"measure": "parity/flip-rate", "expect": {"max": MOST_FLIPS}}
            checks.append({"name": "flips", **flips, "critical": False})
        return checks


def hold(pair: Pair, asked: Asked, show: Show) -> ExitCode:
    """Hold a file against its model and show where they part; the exit code is the report's."""
    refuse_no_folder(show.json)
    _refuse_two_sources(pair)
    raw = made_up("parity.toml", pair.suite(), Path())
    with watched(Console(stderr=True), quiet=show.verbose < 0) as progress:
        report = runs.run_raw(raw, asked, examples=show.examples, progress=progress)
    tell(report, show)
    if show.json is not None:
        write_json(to_json(report) | {"first_divergence": first_divergence(report)}, show.json)
    return report.exit_code


def source_of(model: str) -> str:
    """What knows a model of that name: a file, a function, else a folder or an id of the hub."""
    if Path(model).suffix in FILES:
        return "torch/file"
    return "torch/factory" if FACTORY.fullmatch(model) else "transformers/auto"


def first_divergence(report: Report) -> Mapping[str, Any] | None:
    """Where the file and the model part first, where they do: `module`, `class`, `node`, `ratio` and `kind`."""
    found = (result.evidence.get("first_divergence") for result in report.results)
    return next((one for one in found if one), None)


def _refuse_two_sources(pair: Pair) -> None:
    if pair.data is not None and pair.inputs is not None:
        raise UsageError("`--data` and `--inputs` both name rows", hint="leave one of them out")
    if not pair.file.is_file():
        raise UsageError(f"there is no file `{pair.file}`", hint="`mqa export MODEL --out DIR` makes one")
