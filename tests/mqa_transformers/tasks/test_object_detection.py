"""Object detection: what a detector is fed, what its outputs mean, and the suite of `plugins/tasks.md` on one trained here."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mqa_registry import Blob, DataError, Model
from mqa_transformers.tasks.object_detection import ObjectDetection, ObjectDetectionOptions
from tests.cli.conftest import Project
from tests.colours import CLASSES, encode_image
from tests.scenes import SIZE, build_processor, draw_scenes, scene_table, write_model
from tests.task_page import read_suite

ROWS = 200  # which is enough for a share of 0.98
DAMAGED = "vit.encoder.layer.1.output.dense"

pytestmark = pytest.mark.usefixtures("exports_here")


def bind(processor=None, labels=CLASSES, **options):
    processor = processor or build_processor()
    processor.model_input_names = ["pixel_values"]  # as those of a checkpoint's are fitted to what its model takes
    model = Model(digest="", module=lambda: None, processor=lambda: processor, labels=labels, about={})
    return ObjectDetection().bind(model, ObjectDetectionOptions(**options))


def predict_at_random(seed, n_classes, rows=3, detections=20):
    """Logits and relative boxes, as a detector gives them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, detections, n_classes)).astype(np.float32)
    middles, sizes = rng.uniform(0, 1, (rows, detections, 2)), rng.uniform(0.05, 0.5, (rows, detections, 2))
    return {"logits": logits, "pred_boxes": np.concatenate([middles, sizes], axis=-1).astype(np.float32)}


def decode(codec, outputs, shapes=((40, 60), (70, 50), (30, 30))):
    rows = codec.encode([{"image": np.full((*shape, 3), 100, np.uint8)} for shape in shapes])
    return codec.decode(outputs, rows)


# What the model is fed, and what its outputs mean.


def test_an_image_is_fed_at_the_size_of_the_model_and_its_own_stays_in_the_row():
    codec = bind()
    rows = codec.encode([{"image": pixels} for pixels in draw_scenes(2)[0]])
    assert [row["image_size"].tolist() for row in rows] == [list(one.shape[:2]) for one in draw_scenes(2)[0]]
    batch = codec.collate(rows)
    assert {name: array.shape for name, array in batch.items()} == {"pixel_values": (2, 3, SIZE, SIZE)}


def test_boxes_are_of_the_image_as_its_orientation_turns_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    content = encode_image(np.full((20, 50, 3), 100, np.uint8), "JPEG", exif=exif)
    (row,) = bind().encode([{"image": Blob("turned", content)}])
    assert row["image_size"].tolist() == [50, 20]
    outputs = {"logits": np.array([[[9.0, 0, 0, 0]]]), "pred_boxes": np.array([[[0.5, 0.5, 1.0, 0.5]]])}
    table = bind().decode(outputs, [row])
    ((found,),) = table["boxes"].to_pylist()
    assert [found[side] for side in ("x0", "y0", "x1", "y1")] == [0.0, 12.5, 20.0, 37.5]
    assert (found["label"], table["width"][0].as_py(), table["height"][0].as_py()) == ("red", 20, 50)


@pytest.mark.parametrize("processor", ["YolosImageProcessorPil", "DeformableDetrImageProcessorPil"])
def test_detections_are_those_of_the_processor_of_transformers(processor):
    import torch
    import transformers

    extra = int(processor.startswith("Yolos"))  # the class "no object"
    outputs = predict_at_random(7, len(CLASSES) + extra)
    read = SimpleNamespace(**{name: torch.from_numpy(array) for name, array in outputs.items()})
    sizes = [(40, 60), (70, 50), (30, 30)]
    expected = getattr(transformers, processor)().post_process_object_detection(read, 0.3, sizes)
    rows = decode(bind(threshold=0.3), outputs)["boxes"].to_pylist()
    for row, wanted in zip(rows, expected, strict=True):
        ours, theirs = np.argsort([-one["score"] for one in row]), np.argsort(-wanted["scores"].numpy())
        assert [row[one]["label"] for one in ours] == [CLASSES[wanted["labels"][one]] for one in theirs]
        found = [[row[one][name] for name in ("x0", "y0", "x1", "y1", "score")] for one in ours]
        numbers = np.column_stack([wanted["boxes"].numpy(), wanted["scores"].numpy()])[theirs]
        assert np.array(found) == pytest.approx(numbers, abs=1e-3)
        assert len(found) > 3


def test_detections_of_the_highest_scores_are_kept_in_the_order_of_the_model():
    outputs = predict_at_random(3, len(CLASSES) + 1)
    everything, some = (decode(bind(threshold=0.0, max_detections=n), outputs)["boxes"].to_pylist() for n in (100, 5))
    for row, kept in zip(everything, some, strict=True):
        least = sorted(one["score"] for one in row)[-5]
        assert kept == [one for one in row if one["score"] >= least]


def test_a_row_with_a_number_that_is_not_finite_has_no_prediction():
    outputs = predict_at_random(3, len(CLASSES) + 1)
    outputs["logits"][0, 0, 0], outputs["pred_boxes"][2, 1, 1] = np.nan, np.inf
    assert decode(bind(), outputs)["boxes"].is_null().to_pylist() == [True, False, True]


def test_outputs_of_another_kind_are_refused_with_what_there_is():
    outputs = predict_at_random(3, len(CLASSES) + 1)
    with pytest.raises(DataError, match="the model has no output `pred_boxes`; it has `logits`"):
        decode(bind(), {"logits": outputs["logits"]})
    with pytest.raises(DataError, match=r"`logits` of shape \(3, 20, 4\).* and its configuration names 7 labels"):
        decode(bind(labels=tuple("abcdefg")), outputs)


# Runs.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the trained detector, scenes and the suite of the page, and what a run of it says; not to be changed."""
    folder = tmp_path_factory.mktemp("squares")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        write_model(folder / "detector")
    pq.write_table(scene_table(ROWS), folder / "scenes.parquet")
    (folder / "suite.toml").write_text(read_suite("squares"), "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def results(trained):
    done = trained.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json["results"]


def estimates(results, check):
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results if one["check"] == check}


def test_the_suite_of_the_page_holds_on_both_backends(results):
    for check in ("metrics/box-map", "AP50", "AR10", "mirrored"):
        found = estimates(results, check)
        assert found["torch"] == pytest.approx(found["onnx"], abs=1e-3)
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}
    (changed,) = {one["evidence"]["changed"] for one in results if one["check"] == "mirrored"}
    assert changed == ROWS


def test_the_module_that_a_damaged_export_fails_in_is_named_and_its_flips_are_damage(trained, results):
    (file,) = (trained.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-2, 2, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, trained.folder / "damaged.onnx")
    columns = ("--columns", "target=boxes")
    done = trained.mqa("parity", "detector", "damaged.onnx", "--data", "scenes.parquet", *columns, "--json", "p.json")
    assert done.code == 1, done.err
    report = json.loads((trained.folder / "p.json").read_text())
    assert report["first_divergence"]["module"] == DAMAGED
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0


def test_a_new_suite_asks_for_the_objects(trained):
    done = trained.mqa("init", "detector", "--data", "scenes.parquet", "--out", "new.toml")
    assert done.code == 0, done.err
    text = (trained.folder / "new.toml").read_text("utf-8")
    assert 'task = "transformers/object-detection"' in text
    assert {"metrics/box-map", "metrics/box-recall", "parity/tensors"} <= set(re.findall(r'"([a-z]+/[a-z-]+)"', text))
    assert trained.mqa("validate", "new.toml").code == 0


def test_a_wrong_target_ends_with_2_and_names_its_row(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    table = scene_table(4)
    boxes = table["boxes"].to_pylist()
    boxes[2][0]["label"] = "pink"
    pq.write_table(table.set_column(2, "boxes", pa.array(boxes)), tmp_path / "scenes.parquet")
    done = Project(tmp_path).run("--backend", "torch")
    assert done.code == 2
    assert "row 3 of the data set `scenes` has the label `pink`, which the model does not know" in done.err
