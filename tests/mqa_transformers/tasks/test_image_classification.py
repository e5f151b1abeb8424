"""Image classification: a model's own processor makes its inputs, and PyTorch and ONNX Runtime predict the same."""

from __future__ import annotations

import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from mqa_registry import Blob, ClassifierOptions, DataError, Model, RunOptions, UsageError, run
from mqa_registry.cli import app
from mqa_transformers.tasks.image_classification import ImageClassification
from mqa_transformers.tasks.image_codec import SAMPLE_SHAPES
from tests.colours import (
    CLASSES,
    SIZE,
    build_processor,
    draw_mixtures,
    draw_squares,
    encode_image,
    write_model,
    write_multi_label_model,
)

pytestmark = pytest.mark.usefixtures("exports_here")

SUITE = """
format = 1
name = "colours"
seed = 7
[model]
use = "transformers/auto"
id = "model"
task = "image-classification"
[data.squares]
use = "datasets/file"
path = "squares.parquet"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
path = "out/model.onnx"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.9 }
gate = "point"
[[check]]
measure = { use = "metrics/top-k-accuracy", k = 2 }
expect = { min = 0.9 }
gate = "point"
"""
PARITY = """
[[check]]
measure = { use = "parity/tensors", rows = 4 }
expect = { mismatches = { max = 0 }, ratio = { max = 10 } }
[[check]]
measure = "parity/flip-rate"
expect = { max = 0.0 }
gate = "point"
"""
ROWS = 30


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of the trained model; not to be changed."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        return write_model(tmp_path_factory.mktemp("colours") / "model")


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    """A folder with the model, its export, images of squares and a suite, and the store of a run of it."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copytree(trained, folder / "model")
    done = mqa("export", folder / "model", "--out", folder / "out", "--store", folder / ".mqa")
    assert done.exit_code == 0, done.output
    images, codes = draw_squares(ROWS)
    table = {"image": [encode_image(one) for one in images], "label": [CLASSES[code] for code in codes]}
    pq.write_table(pa.table(table), folder / "squares.parquet")
    (folder / "suite.toml").write_text(SUITE + PARITY)
    return folder, run(folder / "suite.toml", RunOptions(device="cpu"))


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that folder, with its store, and a suite of metrics alone."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "suite.toml").write_text(SUITE)
    return tmp_path


def mqa(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def judged(folder):
    return run(folder / "suite.toml", RunOptions(device="cpu"))


def values(report, check="metrics/accuracy"):
    return {one.backend: one.numbers["value"].estimate for one in report.results if one.check == check}


def bind(processor=None, threshold=None, **about):
    model = Model(digest="", module=lambda: None, processor=lambda: processor, labels=CLASSES, about=about)
    return ImageClassification().bind(model, ClassifierOptions(threshold=threshold))


# Attacks along the gradient.

ATTACKS = """
[[check]]
measure = { use = "vision/transfer", epsilon = 0.3, rows = 12 }
expect = { min = 0.9, reference_robust_accuracy = { max = 0.5 } }
gate = "point"
[[check]]
measure = { use = "vision/adversarial", epsilon = 0.3, rows = 12 }
expect = { max = 0.5 }
gate = "point"
"""


def test_attacks_on_pytorch_fool_the_export_alike_which_itself_has_no_gradient_to_go_along(folder):
    (folder / "suite.toml").write_text(SUITE + ATTACKS)
    transferred, attacked, refused = judged(folder).results[4:]
    assert [one.verdict for one in (transferred, attacked, refused)] == ["PASS", "PASS", "NOT-RUN"]
    assert "backend `onnx` gives no gradients" in refused.note
    numbers = {name: number.estimate for name, number in transferred.numbers.items()}
    assert numbers["value"] == 1.0
    assert numbers["robust_accuracy"] == numbers["reference_robust_accuracy"]


def test_an_onnx_file_alone_is_not_attacked_and_the_report_says_why(folder):
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copy(folder / "model" / name, folder / "out" / name)
    suite = (
        SUITE.replace("transformers/auto", "onnx/file")
        .replace("image-class", "transformers/image-class")
        .replace('id = "model"', 'id = "out/model.onnx"')
    )
    suite = suite.replace('[backends.torch]\nuse = "transformers/torch"\n', "").replace('path = "out/model.onnx"\n', "")
    (folder / "suite.toml").write_text(suite + ATTACKS.split("[[check]]\n")[2].join(["[[check]]\n", ""]))
    refused = judged(folder).results[-1]
    assert refused.verdict == "NOT-RUN"
    assert "backend `onnx` gives no gradients, along which an attack goes" in refused.note


# What the model is fed.


def test_an_image_is_what_the_processor_makes_of_it():
    pixels = draw_squares(1)[0][0]
    (row,) = bind(build_processor()).encode([{"image": Blob("square", encode_image(pixels))}])
    expected = build_processor()(pixels, return_tensors="np")["pixel_values"][0]
    assert row["pixel_values"].dtype == np.float32
    assert (row["pixel_values"] == expected).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1, 3), (3, 200, 3), (4, 3, 4)])
def test_an_image_of_any_size_has_its_rows_and_columns_where_they_are(shape):
    (row,) = bind(build_processor()).encode([{"image": np.full(shape, 100, np.uint8)}])
    assert row["pixel_values"].shape == (3, SIZE, SIZE)


def test_a_model_of_one_channel_is_fed_with_grey():
    processor = build_processor(image_mean=[0.5], image_std=[0.5], do_convert_rgb=None)
    (row,) = bind(processor, num_channels=1).encode([{"image": draw_squares(1)[0][0]}])
    assert row["pixel_values"].shape == (1, SIZE, SIZE)


def test_images_of_other_sizes_are_filled_up_with_zeros():
    codec = bind(build_processor(do_resize=False))
    rows = codec.encode([{"image": np.full(shape, 200, np.uint8)} for shape in SAMPLE_SHAPES])
    batch = codec.collate(rows)["pixel_values"]
    assert batch.shape == (3, 3, 320, 320)
    assert (batch[0, :, :240] == rows[0]["pixel_values"]).all()
    assert not batch[0, :, 240:].any()
    assert [codec.cost(row) for row in rows] == [300, 300, 16]


def test_a_model_without_an_image_processor_is_refused():
    with pytest.raises(DataError, match="no image processor") as refused:
        bind()
    assert "preprocessor_config.json" in refused.value.hint


def test_a_threshold_is_of_several_labels_and_a_model_of_several_numbers_is_refused():
    with pytest.raises(UsageError, match="this one gives a row one class"):
        bind(build_processor(), threshold=0.7)
    with pytest.raises(DataError, match="it gives a row numbers and no class"):
        bind(build_processor(), problem_type="regression")


@pytest.mark.parametrize(
    ("labels", "problem", "schema"),
    [
        (CLASSES, None, "label"),
        (CLASSES, "multi_label_classification", "labels"),
        (("beauty",), None, "value"),
    ],
)
def test_what_is_predicted_follows_from_the_models_configuration(labels, problem, schema):
    model = Model(
        digest="", module=lambda: None, processor=build_processor, labels=labels, about={"problem_type": problem}
    )
    assert ImageClassification().for_model(model, ClassifierOptions()).schema == schema


@pytest.mark.parametrize(("threshold", "labels"), [(None, ["red", "blue"]), (0.9, ["red"]), ({"red": 0.999}, ["blue"])])
def test_a_multi_label_model_gives_an_image_the_labels_that_reach_their_threshold(threshold, labels):
    codec = bind(build_processor(), threshold, problem_type="multi_label_classification")
    rows = codec.encode([{"image": draw_squares(1)[0][0]}])
    table = codec.decode({"logits": np.array([[4.0, -4.0, 1.0]])}, rows)
    assert table["labels"].to_pylist() == [labels]


# Runs.


def test_both_backends_tell_the_colours_and_agree(made):
    report = made[1]
    assert {one.verdict.value for one in report.results} == {"PASS"}
    assert values(report) == {"torch": 1.0, "onnx": 1.0}
    assert values(report, "metrics/top-k-accuracy") == {"torch": 1.0, "onnx": 1.0}


@pytest.mark.parametrize(
    "labels",
    [range(3), [float(code) for code in range(3)], ["0.0", "1.0", "2.0"], ["RED", "Green", "bLue"]],
    ids=["ints", "floats", "texts", "cases"],
)
def test_labels_may_be_numbers_or_names_in_another_case(folder, labels):
    table = pq.read_table(folder / "squares.parquet")
    given = pa.array([list(labels)[row % 3] for row in range(ROWS)])
    pq.write_table(table.set_column(1, "label", given), folder / "squares.parquet")
    report = judged(folder)
    assert values(report) == {"torch": 1.0, "onnx": 1.0}
    assert sum(one.predicted for one in report.work.values()) == 0


def test_another_mean_in_the_processors_file_predicts_anew(folder):
    assert sum(one.predicted for one in judged(folder).work.values()) == 0
    file = folder / "model" / "preprocessor_config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"image_mean": [0.5, 0.5, 0.5]}))
    report = judged(folder)
    assert report.work["torch"].predicted == ROWS
    file.unlink()
    with pytest.raises(DataError, match="holds no image processor") as refused:
        judged(folder)
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_images_that_cannot_be_read_are_lost_with_their_reasons(folder):
    table = pq.read_table(folder / "squares.parquet")
    images = table.column("image").to_pylist()
    images[:3] = [b"", b"no image", images[2][:100]]
    pq.write_table(table.set_column(0, "image", pa.array(images)), folder / "squares.parquet")
    (folder / "suite.toml").write_text(SUITE.replace("seed = 7", "seed = 7\nmax_lost = 3"))
    report = judged(folder)
    assert values(report) == {"torch": 1.0, "onnx": 1.0}
    assert {number.rows for one in report.results for number in one.numbers.values()} == {ROWS - 3}
    lost = {row.reason for one in report.results for view in one.evidence.lost for row in view.first}
    assert len(lost) == 3
    assert {"is empty", "is no image", "is a damaged image"} == {
        start for reason in lost for start in ("is empty", "is no image", "is a damaged image") if start in reason
    }


# Several labels an image.


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory):
    """A folder with a multi-label model, images with squares of several colours, and a suite; and the report of a run of it."""
    folder = tmp_path_factory.mktemp("mixtures")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        write_multi_label_model(folder / "model")
    done = mqa("export", folder / "model", "--out", folder / "out", "--store", folder / ".mqa")
    assert done.exit_code == 0, done.output
    images, codes = draw_mixtures(40)
    labels = [[CLASSES[code] for code in there] for there in codes]
    pq.write_table(
        pa.table({"image": [encode_image(one) for one in images], "label": labels}), folder / "squares.parquet"
    )
    hamming = SUITE.replace(
        '{ use = "metrics/top-k-accuracy", k = 2 }\nexpect = { min = 0.9 }',
        '"metrics/hamming-loss"\nexpect = { max = 0.1 }',
    )
    (folder / "suite.toml").write_text(hamming + PARITY)
    return folder, run(folder / "suite.toml", RunOptions(device="cpu"))


def test_both_backends_find_all_colours_of_an_image_and_agree(mixtures):
    report = mixtures[1]
    assert {one.verdict.value for one in report.results} == {"PASS"}
    assert all(estimate >= 0.9 for estimate in values(report).values())
    assert values(report, "metrics/hamming-loss").keys() == {"torch", "onnx"}


def test_a_damaged_export_of_several_labels_flips_some_and_the_module_is_named(mixtures, tmp_path, monkeypatch):
    shutil.copytree(mixtures[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out/model.mqa.json").unlink()
    model = onnx.load("out/model.onnx")
    damage(model.graph, "stages.1", by=5.0)
    onnx.save(model, "out/model.onnx")
    assert mqa("parity", "model", "out/model.onnx", "--data", "squares.parquet", "--json", "report.json").exit_code == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["first_divergence"]["module"].startswith("resnet.encoder.stages.1")
    (flips,) = [result for result in report["results"] if result["check"] == "flips"]
    assert flips["evidence"]["details"]["flips"]["damage"] > 0


# The export.


def damage(graph, layer, by=0.5):
    """Move the weights of one output channel of the last convolution of a layer."""
    names = {name: node for node in graph.node if node.op_type == "Conv" for name in node.input[1:2]}
    weight = next(one for one in graph.initializer if one.name in names and layer in one.name)
    array = numpy_helper.to_array(weight).copy()
    array[0] += by
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))


def test_a_damaged_export_fails_and_the_module_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    sound = ("parity", "model", "out/model.onnx", "--data", "squares.parquet", "--json", "report.json")
    done = mqa(*sound)
    assert done.exit_code == 0, done.output
    (folder / "out/model.mqa.json").unlink()  # else the file is refused, as it should be
    model = onnx.load("out/model.onnx")
    damage(model.graph, "stages.1")
    onnx.save(model, "out/model.onnx")
    assert mqa(*sound).exit_code == 1
    found = json.loads((folder / "report.json").read_text())["first_divergence"]
    assert found["module"].startswith("resnet.encoder.stages.1")


def test_a_folder_of_images_and_an_onnx_file_become_a_report_in_two_commands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copy(folder / "model" / name, folder / "out")
    images, codes = draw_squares(60)
    for row, (pixels, code) in enumerate(zip(images, codes, strict=True)):
        path = folder / "photos" / CLASSES[code] / f"{row:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_image(pixels, "JPEG", quality=95))
    done = mqa("init", "out/model.onnx", "--data", "photos", "--out", "photos.toml")
    assert done.exit_code == 0, done.output
    assert 'image = "file"' in (folder / "photos.toml").read_text()
    done = mqa("run", "photos.toml", "--json", "report.json")
    assert done.exit_code in {0, 4}, done.output
    results = {one["check"]: one for one in json.loads((folder / "report.json").read_text())["results"]}
    assert results["metrics/accuracy"]["numbers"]["value"]["estimate"] > 0.9
