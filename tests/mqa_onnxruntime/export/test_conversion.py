"""The export in other precisions: each is what it says, keeps its inputs and outputs, and is known apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_onnxruntime.export.cache import (
    CALIBRATION_ROWS,
    cached_export,
    calibration_rows,
    export_recipe,
    recipe_digest,
)
from mqa_onnxruntime.export.conversion import FLOAT32, ExportPrecision, convert
from mqa_onnxruntime.export_audit import run_on_cpu
from mqa_onnxruntime.graph.provenance import read_metadata
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_registry import DataError, ModelUnderTest, NotRunError

ROWS_AT_HAND = tuple({"words": [word % 23, (3 * word) % 23, 5]} for word in range(200))


@pytest.fixture
def with_data(make):
    """The model under test of a suite that has data."""
    bare = make()
    return ModelUnderTest(bare.model, bare.task, bare.run_context, {}, examples=lambda limit: ROWS_AT_HAND[:limit])


@pytest.fixture
def run(backend, with_data):
    """What a variant answers on the task's sample, with the facts of its runner."""

    def open_and_run(**options):
        with backend.open(with_data, SessionOptions(**options)) as runner:
            return runner.run(with_data.sample()), runner.facts

    return open_and_run


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"precision": "float16"}, 1e-2),
        ({"precision": "int8-dynamic"}, 0.2),
        ({"precision": "int8-dynamic", "per_channel": True}, 0.2),
        ({"precision": "int8-static"}, 0.3),
        ({"precision": "int8-static", "per_channel": True}, 0.3),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_an_export_in_another_precision_is_close_to_the_model(run, options, limit):
    (expected, _), (outputs, facts) = run(), run(**options)
    assert facts.precision == options["precision"]
    assert outputs["logits"].dtype == np.float32
    assert 0 < np.abs(outputs["logits"] - expected["logits"]).max() < limit


@pytest.mark.parametrize("precision", ["float16", "int8-dynamic", "int8-static"])
def test_a_precision_of_a_model_too_large_for_one_file_runs_too(with_data, tmp_path, monkeypatch, precision):
    """Here everything is too large."""
    monkeypatch.setattr("mqa_onnxruntime.export.conversion.MAX_EMBEDDED", 0)
    plain = cached_export(with_data, None).path
    path = tmp_path / "out" / "model.onnx"
    path.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    convert(ExportPrecision(precision), plain, path, [with_data.sample()])
    assert {file.name for file in tmp_path.iterdir()} == {"out"}, "something was left in this folder"
    assert {file.name for file in path.parent.iterdir()} <= {"model.onnx", "model.onnx.data"}
    outputs = run_on_cpu(path, with_data.sample())(with_data.sample())
    expected = run_on_cpu(plain, with_data.sample())(with_data.sample())
    assert 0 < np.abs(outputs["logits"] - expected["logits"]).max() < 0.3


def test_a_converted_export_keeps_the_provenance_of_its_nodes_and_has_an_audit(model_under_test):
    plain, half = (
        cached_export(model_under_test, None),
        cached_export(model_under_test, None, ExportPrecision("float16")),
    )
    assert read_metadata(half.path) == read_metadata(plain.path) != {}
    assert half.exporter == "onnxruntime"
    assert half.audit["weights"] is None
    assert [finding for finding in half.audit["findings"] if finding["level"] == "problem"] == []
    assert {shape["outcome"] for shape in half.audit["shapes"]} == {"agrees"}


def test_bfloat16_takes_and_gives_float32_whether_or_not_the_cpu_can_run_it(model_under_test, backend):
    half = cached_export(model_under_test, None, ExportPrecision("bfloat16"))
    assert half.facts["precision"] == "bfloat16"
    assert {value["type"] for value in half.audit["outputs"]} == {"float32"}
    assert [finding for finding in half.audit["findings"] if finding["level"] == "problem"] == []
    try:
        with backend.open(model_under_test, SessionOptions(precision="bfloat16")) as runner:
            assert runner.run(model_under_test.sample())["logits"].dtype == np.float32
    except NotRunError as error:
        assert "cannot run" in error.message  # noqa: PT017  # it may run, and if not, it says so


def test_no_two_precisions_share_a_recipe(with_data, tmp_path):
    pq.write_table(pa.table({"words": [[1, 2], [3]]}), tmp_path / "rows.parquet")
    variants = [
        FLOAT32,
        ExportPrecision("float16"),
        ExportPrecision("bfloat16"),
        ExportPrecision("int8-dynamic"),
        ExportPrecision("int8-dynamic", per_channel=True),
        ExportPrecision("int8-static"),
        ExportPrecision("int8-static", calibration_data=tmp_path / "rows.parquet"),
    ]
    assert len({recipe_digest(export_recipe(with_data, None, variant)) for variant in variants}) == len(variants)


def test_no_two_precisions_share_an_identity(backend, with_data):
    identities = [
        backend.identity(with_data, SessionOptions(precision=one))
        for one in ("float32", "float16", "int8-dynamic", "int8-static")
    ]
    assert len({tuple(sorted(one.items())) for one in identities}) == 4


def test_other_rows_calibrate_to_another_export(make):
    bare = make()

    def digest(rows):
        model_under_test = ModelUnderTest(
            bare.model, bare.task, bare.run_context, {}, examples=lambda limit: rows[:limit]
        )
        return recipe_digest(export_recipe(model_under_test, None, ExportPrecision("int8-static")))

    assert digest(ROWS_AT_HAND) == digest(list(ROWS_AT_HAND))
    assert digest(ROWS_AT_HAND) != digest(ROWS_AT_HAND[1:])


def test_a_file_of_rows_calibrates_in_place_of_the_data(model_under_test, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"words": [[number % 23] for number in range(500)], "other": range(500)}), path)
    rows = calibration_rows(model_under_test, ExportPrecision("int8-static", calibration_data=path))
    assert len(rows) == CALIBRATION_ROWS
    assert (rows[0], rows[-1]) == ({"words": [0]}, {"words": [499 % 23]})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"texts": ["a"]}, "has no column `words`, which `bag` reads"),
        ({"words": pa.array([], pa.list_(pa.int64()))}, "no rows"),
    ],
)
def test_a_file_of_other_rows_is_refused(model_under_test, tmp_path, columns, message):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match=message):
        calibration_rows(model_under_test, ExportPrecision("int8-static", calibration_data=path))


def test_without_rows_there_is_no_static_int8(backend, model_under_test):
    with pytest.raises(DataError, match="`int8-static` needs rows to calibrate with"):
        backend.identity(model_under_test, SessionOptions(precision="int8-static"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_channel": True}, "`per_channel` is for int8, and `precision` is `float32`"),
        ({"precision": "float16", "per_channel": True}, "`per_channel` is for int8"),
        ({"precision": "int8-dynamic", "calibration_data": "x"}, "`calibration_data` is for `int8-static`"),
        ({"precision": "float16", "path": "x"}, "`precision` is for an export, and `x` is one already"),
        ({"export_timeout": 0.0}, "`export_timeout` is 0, and an export needs some seconds"),
    ],
)
def test_options_that_do_not_go_together_are_refused(backend, model_under_test, options, message):
    from pathlib import Path

    given = {name: Path(value) if name in {"calibration_data", "path"} else value for name, value in options.items()}
    with pytest.raises(DataError, match=message):
        backend.identity(model_under_test, SessionOptions(**given))


def test_a_value_that_two_nodes_need_in_float32_is_cast_once(graph, tmp_path):
    """DETR counts its mask along both axes: the converter casts it for each of the two, under one name."""
    import onnxruntime
    from onnx import helper, numpy_helper

    axes = [numpy_helper.from_array(np.int64(axis), f"axis {axis}") for axis in (0, 1)]
    nodes = [
        helper.make_node("Relu", ["x"], ["mask"], "relu"),
        helper.make_node("CumSum", ["mask", "axis 0"], ["down"], "down"),
        helper.make_node("CumSum", ["mask", "axis 1"], ["along"], "along"),
        helper.make_node("Add", ["down", "along"], ["y"], "add"),
    ]
    path = graph(nodes, {"x": [2, 3]}, weights=axes, outputs={"y": [2, 3]})
    half = tmp_path / "half.onnx"
    convert(ExportPrecision("float16"), path, half)
    session = onnxruntime.InferenceSession(str(half), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.ones((2, 3), np.float32)})
    assert found.tolist() == [[2, 3, 4], [3, 4, 5]]
