"""A PyTorch model over columns, which a function builds: both backends agree, and the module of a damaged export is named."""

from __future__ import annotations

import onnx
import pytest

from tests.cli.conftest import Project
from tests.earners import train_module, write_people

SUITE = """
format = 1
name = "earners"
seed = 7

[model]
use = "torch/factory"
id = "earners:build"

[model.task]
use = "tabular/classification"
features = { age = "number", hours = "number", work = ["clerk", "driver", "manager"] }
inputs = { numbers = ["age", "hours"] }

[data.people]
use = "datasets/file"
path = "people.parquet"
columns = { target = "income" }

[backends.torch]
use = "transformers/torch"

[backends.onnx]
use = "onnxruntime/session"
FILE

[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }

[[check]]
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "work" }
expect = { max_gap = 0.2 }

[[check]]
measure = "parity/agreement"
expect = { min = 0.99 }

[[check]]
measure = "parity/flip-rate"
expect = { max = 0.01 }

[[check]]
measure = "parity/tensors"
on = ["onnx"]
expect.ratio = { max = 10 }

[[check]]
name = "unit errors"
measure = "metrics/accuracy"
perturb = { use = "tabular/unit-errors", columns = ["hours"], severity = [10, 1000] }
expect = { max_drop = 1.0 }

[[check]]
name = "typos"
measure = "metrics/accuracy"
perturb = { use = "tabular/category-typos", severity = 0.5 }
expect = { min = 0.5 }
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earners")
    write_people(folder)
    train_module(folder)
    (folder / "suite.toml").write_text(SUITE.replace("FILE", ""), "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def results(trained):
    done = trained.run("--allow-code", "--json", "-")
    assert done.code == 3, done.err + done.out[:2000]  # for the rows that typos cost
    return {(one["check"], one["backend"]): one for one in done.json["results"]}


def value(results, check, backend):
    return results[check, backend]["numbers"]["value"]["estimate"]


def test_both_backends_predict_the_same(results):
    assert value(results, "metrics/accuracy", "torch") == value(results, "metrics/accuracy", "onnx") > 0.8
    assert value(results, "parity/agreement", "onnx") == 1.0
    assert results["parity/tensors", "onnx"]["verdict"] == "PASS"
    assert set(results["metrics/accuracy / fairness/column", "torch"]["groups"]) == {"clerk", "driver", "manager"}


def test_a_unit_error_costs_accuracy(results):
    drops = [step["numbers"]["drop"]["estimate"] for step in results["unit errors", "torch"]["series"]]
    assert 0.05 < drops[0] <= drops[1]


def test_a_category_that_the_model_never_saw_costs_its_row_and_the_reason_names_the_column(results):
    typos = results["typos", "torch"]
    assert typos["verdict"] == "NOT-RUN"
    assert "the model never saw such a category" in typos["note"]
    assert "`work`" in typos["note"]


def test_a_damaged_export_fails_and_the_module_is_named(trained, results):
    (file,) = (trained.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    weight = next(one for one in model.graph.initializer if one.name == "hidden.bias")
    values = onnx.numpy_helper.to_array(weight) + 1
    weight.CopyFrom(onnx.numpy_helper.from_array(values.astype("float32"), weight.name))
    onnx.save(model, trained.folder / "damaged.onnx")
    suite = SUITE.replace("FILE", 'path = "damaged.onnx"')
    (trained.folder / "damaged.toml").write_text(suite, "utf-8")
    done = trained.mqa(
        "run", "damaged.toml", "--only", "parity/tensors", "--only", "parity/flip-rate", "--allow-code", "--json", "-"
    )
    assert done.code == 1, done.err
    found = {one["check"]: one for one in done.json["results"]}
    assert found["parity/tensors"]["evidence"]["details"]["first_divergence"]["module"] == "hidden"
    assert found["parity/flip-rate"]["evidence"]["details"]["flips"]["damage"] > 0
