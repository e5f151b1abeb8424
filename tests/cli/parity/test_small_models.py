"""`mqa parity` of a tagger and a reader: a sound export passes, and a damaged one fails with the module that is at fault."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import onnx
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

SUITES = Path(__file__).parents[3] / "suites"
DAMAGED = "bert.encoder.layer.1.output.dense"


@dataclass(frozen=True)
class SmallModel:
    """A model of the suites: the class that loads it, texts to trace it with, its first rows, and a bias that makes it flip."""

    name: str
    loader: str
    texts: tuple[str, ...]
    data: str
    rows: int
    shift: float

    @property
    def path(self) -> Path:
        return SUITES / "models" / self.name


MODELS = [
    SmallModel("newswire-tagger", "AutoModelForTokenClassification", ("a word",), "newswire.parquet", 200, 3.0),
    SmallModel(
        "notes-reader", "AutoModelForQuestionAnswering", ("Who is it?", "It is me."), "notes.parquet", 100, 30.0
    ),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda one: one.name)
def small(request):
    return request.param


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    """A folder with the export of the model, and rows for it."""
    import torch
    import transformers

    from mqa_onnxruntime.export.exporters import export

    folder = tmp_path_factory.mktemp(small.name)
    model = getattr(transformers, small.loader).from_pretrained(small.path, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(small.path)
    encoded = tokenizer(*([text] * 3 for text in small.texts), return_tensors="pt")
    batch = {name: array.numpy() for name, array in encoded.items()}
    export(model, batch, dict.fromkeys(batch, (0, 1)), folder, None)
    pq.write_table(pq.read_table(SUITES / "data" / small.data).slice(0, small.rows), folder / "rows.parquet")
    return folder


@pytest.fixture
def parity(small, exported, tmp_path, monkeypatch):
    """`mqa parity` of the model and its export in a copy of that folder; gives the exit code and the report."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run():
        done = CliRunner().invoke(
            app, ["parity", str(small.path), "model.onnx", "--data", "rows.parquet", "--json", "report.json"]
        )
        assert done.exit_code in {0, 1}, done.output
        return done.exit_code, json.loads(Path("report.json").read_text("utf-8"))

    return run


@pytest.mark.slow
def test_a_sound_export_passes_and_flips_no_row(parity):
    code, report = parity()
    assert (code, report["first_divergence"]) == (0, None)
    (flips,) = [result for result in report["results"] if result["check"] == "flips"]
    assert flips["numbers"]["value"]["estimate"] == 0


@pytest.mark.slow
def test_a_damaged_export_fails_with_its_module_and_its_flips_are_damage(small, parity):
    model = onnx.load("model.onnx")
    (bias,) = [one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias")]
    values = onnx.numpy_helper.to_array(bias).copy()
    values[::2] += small.shift
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, "model.onnx")
    code, report = parity()
    assert code == 1
    found = report["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", DAMAGED)
    (flips,) = [result for result in report["results"] if result["check"] == "flips"]
    assert flips["evidence"]["details"]["flips"]["damage"] > 0
