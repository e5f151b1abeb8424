"""A folder with a model, its export and rows for both, and `mqa parity` of them."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from click.testing import Result

CODE = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.norm = torch.nn.LayerNorm(16)
        self.second = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.second(torch.nn.functional.gelu(self.norm(self.first(x))))

def make():
    torch.manual_seed(7)
    return Tiny().eval()
"""


REPORT = "report.json"


@dataclass(frozen=True)
class ParityFolder:
    """The working folder, with `ours.py`, its export `model.onnx`, and `rows.npz`."""

    folder: Path

    def run(self, *more: str, model: str = "ours:make", file: str = "model.onnx") -> Result:
        """`mqa parity MODEL FILE` on the rows, with further arguments; the report is written unless they name one."""
        report = [] if "--json" in more else ["--json", REPORT]
        arguments = ["parity", model, file, "--inputs", "rows.npz", "--allow-code", *report, *more]
        return CliRunner().invoke(app, arguments)

    def report(self) -> dict[str, Any]:
        """The report of the last run."""
        return dict(json.loads((self.folder / REPORT).read_text()))

    def damage(self, change: Callable[[Any], Any]) -> None:
        """Change the graph of the export in place."""
        path = str(self.folder / "model.onnx")
        model = onnx.load(path)
        change(model.graph)
        onnx.save(model, path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model of one's own, its export, and rows for both."""
    import torch

    folder = tmp_path_factory.mktemp("parity")
    (folder / "ours.py").write_text(CODE)
    names: dict = {}
    exec(CODE, names)  # the module as the command will build it
    batch = {0: torch.export.Dim("rows")}
    given = {"input_names": ["x"], "output_names": ["scores"], "dynamic_shapes": (batch,), "dynamo": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(names["make"](), (torch.randn(5, 8),), folder / "model.onnx", verbose=False, **given)
    rows = np.random.default_rng(7).normal(size=(20, 8)).astype(np.float32)
    np.savez(folder / "rows.npz", x=rows)
    return folder


@pytest.fixture
def parity(made, tmp_path, monkeypatch):
    """A copy of that folder, which is the working folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return ParityFolder(tmp_path)


@pytest.fixture
def files(parity):
    """The file as `old.onnx`, and `mqa parity old.onnx model.onnx`."""
    shutil.copy(parity.folder / "model.onnx", parity.folder / "old.onnx")
    return lambda *more: parity.run(*more, model="old.onnx")
