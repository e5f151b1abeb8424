"""Estimators of scikit-learn: how they are read, and the suite of `plugins/tasks.md` on one that is fitted here."""

from __future__ import annotations

import json
import re

import joblib
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mqa_registry import DataError, ModelUnderTest, NoOptions, RunContext
from mqa_tabular.estimator_backend import EstimatorBackend
from mqa_tabular.estimators import _resolve_columns, read_features
from mqa_tabular.features import Feature
from mqa_tabular.model_sources import FileOptions, JoblibSource, SkopsSource
from mqa_tabular.task import TabularClassification, TabularOptions
from tests.cli.conftest import Project
from tests.earners import WORK, fit_pipeline, make_people, write_people
from tests.task_page import read_suite

FEATURES = ["age", "hours", "work"]
MATRIX = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]])


@pytest.fixture(scope="module")
def pipeline():
    return fit_pipeline()


@pytest.fixture
def context(tmp_path):
    return RunContext(tmp_path / "exports", device="cpu")


def load(estimator, context, tmp_path, **options):
    """The model under test of an estimator, by way of a file of skops."""
    skops.io.dump(estimator, tmp_path / "model.skops")
    task = TabularClassification()
    model = SkopsSource().load(task, context, FileOptions(id=tmp_path / "model.skops"))
    given = TabularOptions(**options)
    return ModelUnderTest(model, task.for_model(model, given), context, given)


def predict(model_under_test, rows):
    """The predictions for rows of columns."""
    codec = model_under_test.codec
    encoded = codec.encode([{"columns": row} for row in rows])
    with EstimatorBackend().open(model_under_test, NoOptions()) as runner:
        outputs = runner.run(codec.collate(encoded))
    reading = codec.read_outputs(outputs, encoded)
    return (reading or codec).decode(outputs, encoded)


# What an estimator says of itself.


def test_the_features_are_the_columns_it_was_fitted_with_and_what_an_encoder_reads_is_a_category(pipeline):
    found = read_features(pipeline)
    assert found.features == (Feature("age"), Feature("hours"), Feature("work", "category", WORK))
    assert found.in_float64


def test_an_encoder_that_ignores_what_it_never_saw_takes_any_category():
    assert read_features(fit_pipeline(handle_unknown="ignore")).features[2] == Feature("work", "category")


def test_predictions_are_those_of_the_estimator(pipeline, context, tmp_path):
    people = make_people(50, seed=3)
    table = predict(load(pipeline, context, tmp_path), people.select(FEATURES).to_pylist())
    frame = people.to_pandas()[FEATURES]
    assert table["label"].to_pylist() == pipeline.predict(frame).tolist()
    np.testing.assert_allclose(table["probability"].to_pylist(), pipeline.predict_proba(frame))


def test_an_estimator_without_names_is_fed_a_matrix_of_the_features_that_the_task_names(context, tmp_path):
    rows = [dict(zip("ab", row, strict=True)) for row in MATRIX.tolist()]
    linear = LinearRegression().fit(MATRIX, [1.0, 2.0, 5.0, 6.0])
    numbers = predict(load(linear, context, tmp_path, features=["a", "b"]), rows)
    np.testing.assert_allclose(numbers["value"].to_pylist(), linear.predict(MATRIX))
    machine = LinearSVC().fit(MATRIX, [3, 7, 3, 7])  # without probabilities
    labels = predict(load(machine, context, tmp_path, features=["a", "b"]), rows)
    assert labels.to_pylist() == [{"label": str(label)} for label in machine.predict(MATRIX)]


# Files.


def test_a_file_of_joblib_is_code_and_one_of_skops_is_not(pipeline, context, tmp_path):
    joblib.dump(pipeline, tmp_path / "model.joblib")
    options = FileOptions(id=tmp_path / "model.joblib")
    with pytest.raises(DataError, match="is code, as all that joblib and pickle write") as refused:
        JoblibSource().load(TabularClassification(), context, options)
    assert "--allow-code" in refused.value.hint
    allowed = RunContext(context.exports, device="cpu", allow_code=True)
    assert JoblibSource().load(TabularClassification(), allowed, options).labels == ("high", "low")
    assert load(pipeline, context, tmp_path).model.labels == ("high", "low")


class Ours(LogisticRegression):
    """A class that is nobody's but this file's."""


def test_a_type_of_ones_own_in_a_file_of_skops_is_code(context, tmp_path):
    with pytest.raises(DataError, match=r"has the type `.*\.Ours`, which is code"):
        load(Ours().fit(MATRIX, [0, 1, 0, 1]), context, tmp_path)
    assert load(
        Ours().fit(MATRIX, [0, 1, 0, 1]), RunContext(context.exports, allow_code=True), tmp_path, features=["a", "b"]
    ).model.labels == ("0", "1")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.skops", None, "there is no file"),
        ("broken.skops", b"PK", "cannot be read as a file of skops"),
        ("broken.joblib", b"\x80\x04", "cannot be read as a file of joblib"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    allowed = RunContext(tmp_path, device="cpu", allow_code=True)
    source = SkopsSource() if name.endswith("skops") else JoblibSource()
    with pytest.raises(DataError, match=message):
        source.load(TabularClassification(), allowed, FileOptions(id=tmp_path / name))


def test_what_predicts_nothing_is_no_model(tmp_path):
    joblib.dump({"weights": [1.0]}, tmp_path / "model.joblib")
    allowed = RunContext(tmp_path, device="cpu", allow_code=True)
    with pytest.raises(DataError, match="holds a `dict`, and no model that predicts"):
        JoblibSource().load(TabularClassification(), allowed, FileOptions(id=tmp_path / "model.joblib"))


# The suite of the page, and its bad days.


@pytest.fixture(scope="module")
def project(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimator")
    write_people(folder)
    skops.io.dump(pipeline, folder / "earners.skops")
    (folder / "earners.onnx").write_bytes(
        _convert(pipeline, make_people(2).to_pandas()[FEATURES].astype({"age": "float32", "hours": "float32"}))
    )
    (folder / "suite.toml").write_text(read_suite("earners"), "utf-8")
    return Project(folder)


def _convert(estimator, example):
    return to_onnx(estimator, example, options={"zipmap": False}).SerializeToString()


@pytest.fixture(scope="module")
def results(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return {(one["check"], one["backend"]): one for one in done.json["results"]}


def test_the_suite_of_the_page_holds_on_both_backends(results):
    for check in ("metrics/accuracy", "fairness/demographic-parity-difference / fairness/column"):
        ours, theirs = (results[check, name]["numbers"]["value"]["estimate"] for name in ("sklearn", "onnx"))
        assert ours == theirs
    assert results["parity/agreement", "onnx"]["numbers"]["value"]["estimate"] == 1.0
    drops = [
        step["numbers"]["drop"]["estimate"]
        for step in results["metrics/accuracy / tabular/unit-errors", "onnx"]["series"]
    ]
    assert 0 < drops[0] <= drops[1]


def test_rows_without_a_column_of_the_model_end_with_2(project):
    people = make_people(20)
    write_people(project.folder, people.rename_columns(["id", "Age", *people.column_names[2:]]))
    done = project.run()
    write_people(project.folder)
    assert (done.code, "the data have no column `age`, which the model reads" in done.err) == (2, True)
    assert "did you mean `Age`?" in done.err


def test_a_value_of_another_kind_ends_with_2_and_names_column_and_row(project):
    people = make_people(20)
    write_people(project.folder, people.set_column(1, "age", pa.array([*["39"] * 19, "old"])))
    done = project.run()
    write_people(project.folder)
    assert (done.code, "row `p0` of `people` cannot be run: its `age` is text" in done.err) == (2, True)


def test_a_new_suite_is_written_of_a_file_of_skops_and_its_onnx(project):
    done = project.mqa(
        "init", "earners.skops", "--onnx", "earners.onnx", "--data", "people.parquet", "--out", "new.toml"
    )
    assert done.code == 0, done.err
    text = (project.folder / "new.toml").read_text("utf-8")
    assert {"tabular/skops", "tabular/classification", "tabular/estimator", "onnxruntime/session"} <= set(
        re.findall(r'"([a-z]+/[a-z-]+)"', text)
    )
    assert project.mqa("validate", "new.toml").code == 0


def test_the_command_holds_the_file_against_the_estimator_and_names_no_module(project):
    done = project.mqa("parity", "earners.skops", "earners.onnx", "--data", "people.parquet", "--json", "p.json")
    assert done.code == 0, done.err + done.out
    report = json.loads((project.folder / "p.json").read_text())
    assert report["backends"] == ["estimator", "onnx"]
    assert {one["verdict"] for one in report["results"]} == {"PASS"}
    model = onnx.load(project.folder / "earners.onnx")
    scaler = next(node for node in model.graph.node if node.op_type == "Scaler")
    offset = next(one for one in scaler.attribute if one.name == "offset")
    offset.floats[1] += 10.0
    onnx.save(model, project.folder / "damaged.onnx")
    done = project.mqa("parity", "earners.skops", "damaged.onnx", "--data", "people.parquet", "--json", "p.json")
    assert done.code == 1, done.err + done.out
    report = json.loads((project.folder / "p.json").read_text())
    assert report["first_divergence"] is None
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0


def test_an_example_has_every_column_before_and_the_changed_ones_after(project):
    text = (project.folder / "suite.toml").read_text("utf-8").replace("max_drop = 0.60", "max_drop = 0.01")
    (project.folder / "strict.toml").write_text(text, "utf-8")
    done = project.mqa("run", "strict.toml", "--only", "metrics/accuracy / tabular/unit-errors", "--html", "page.html")
    assert done.code == 1, done.err
    assert re.search(r'"age: \d+ \| hours: [\d.]+ \| work: \w+ \| sex: \w+"\n\s*→ "hours: [\d.]+"', done.out)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("work", ["work"]),
        (["age", "work"], ["age", "work"]),
        ([0, 2], ["age", "work"]),
        (slice(1, None), ["hours", "work"]),
        (slice("age", "hours"), ["age", "hours"]),
        (np.array([True, False, True]), ["age", "work"]),
    ],
)
def test_a_step_may_have_its_columns_in_any_form_of_scikit_learn(columns, names):
    assert _resolve_columns(columns, FEATURES) == names


def test_predictions_made_elsewhere_of_rows_that_mqa_perturbed_are_judged_alike(project, pipeline, results):
    done = project.mqa("rows", "suite.toml", "--out", "rows")
    assert done.code == 0, done.err
    (project.folder / "elsewhere").mkdir()
    for file in (project.folder / "rows").glob("*.parquet"):
        rows = pq.read_table(file)
        labels = pipeline.predict(pd.DataFrame(rows["columns"].to_pylist())[FEATURES])
        pq.write_table(pa.table({"id": rows["id"], "label": labels}), project.folder / "elsewhere" / file.name)
    text = (project.folder / "suite.toml").read_text("utf-8")
    replayed = text.replace('use = "tabular/estimator"', 'use = "replay/file"\npath = "elsewhere"')
    (project.folder / "replayed.toml").write_text(replayed, "utf-8")
    done = project.mqa("run", "replayed.toml", "--json", "-")
    assert done.code == 0, done.err
    for one in done.json["results"]:
        key = one["check"], one["backend"]
        assert [step["numbers"] for step in one["series"]] == [step["numbers"] for step in results[key]["series"]]
        assert one["numbers"] == results[key]["numbers"]


def test_without_a_model_no_columns_are_perturbed_and_the_message_says_why(project, results):
    text = (project.folder / "suite.toml").read_text("utf-8")
    head, _, rest = text.partition("[model]")
    text = head + rest[rest.index("[data.people]") :].replace(
        'use = "tabular/estimator"', 'use = "replay/file"\npath = "old.parquet"'
    )
    text = re.sub(r"\[backends\.onnx\]\n.*\n.*\n", "", text).rpartition("[[check]]")[0]
    people = make_people()
    pq.write_table(people.select(["id"]).append_column("label", people["income"]), project.folder / "old.parquet")
    (project.folder / "no_model.toml").write_text(text, "utf-8")
    done = project.mqa("run", "no_model.toml", "--only", "metrics/accuracy / tabular/unit-errors")
    assert done.code in {2, 3}
    assert "perturbs the columns of a row, and without a model no task says which those are" in done.err + done.out


# Numbers in 32 bits.


def test_a_number_that_32_bits_do_not_hold_crosses_a_threshold_and_its_flip_is_called_damage(tmp_path):
    cents = [16_777_216.0, 16_777_217.0]  # the same number in 32 bits
    people = pa.table({"cents": cents * 20, "income": ["poor", "rich"] * 20})
    frame = people.select(["cents"]).to_pandas()
    trees = make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(frame, people["income"].to_pylist())
    assert trees.predict(frame).tolist() == people["income"].to_pylist()
    skops.io.dump(trees, tmp_path / "earners.skops")
    (tmp_path / "earners.onnx").write_bytes(_convert(trees, frame[:1].astype(np.float32)))
    write_people(tmp_path, people)
    head = read_suite("earners").partition("[[check]]")[0]
    check = '[[check]]\nmeasure = "parity/flip-rate"\nexpect = { max = 0.1 }\n'
    (tmp_path / "suite.toml").write_text(head + check, "utf-8")
    done = Project(tmp_path).run("--json", "-")
    (result,) = done.json["results"]
    assert (done.code, result["numbers"]["value"]["estimate"]) == (1, 0.5)
    assert result["evidence"]["details"]["flips"]["damage"] == 20
