"""A DETR, which reads a mask of pixels besides an image, in PyTorch and by its export."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mqa_registry import Model
from mqa_transformers.tasks.object_detection import ObjectDetection, ObjectDetectionOptions
from tests.cli.conftest import Project
from tests.colours import CLASSES
from tests.scenes import draw_scenes, scene_table

ROWS = 40
SIDE = 64  # pixels of what the model is fed
INIT_STD = 0.3  # of weights: detections that differ, and are confident, although nothing was learned
DAMAGED = "model.decoder.layers.0.mlp.fc2"
SUITE = """
format = 1
name = "detr"

[model]
use = "transformers/auto"
id = "detector"
task = "object-detection"

[data.scenes]
use = "datasets/file"
path = "scenes.parquet"
columns = { target = "boxes" }

[backends.torch]
use = "transformers/torch"

[backends.onnx]
use = "onnxruntime/session"

[[check]]
measure = "parity/tensors"
expect = { mismatches = { max = 0 }, ratio = { max = 10 } }

[[check]]
measure = "parity/agreement"
expect = { min = 0.90 }
"""

pytestmark = pytest.mark.usefixtures("exports_here")


def write_model(folder):
    """An untrained model, whose detections differ by query and image, and its processor."""
    import torch
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessorPil, ResNetConfig

    torch.manual_seed(7)
    names = dict(enumerate(CLASSES))
    backbone = ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage4"],
    )  # fmt: skip
    model = DetrForObjectDetection(
        DetrConfig(
            backbone_config=backbone, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=64, num_queries=6, dropout=0.0, init_std=INIT_STD,
            id2label=names, label2id={name: code for code, name in names.items()},
        )
    )  # fmt: skip
    torch.nn.init.normal_(model.model.query_position_embeddings.weight)  # else all queries find the same
    for name, values in model.named_parameters():
        if name.endswith("bias"):  # else they are 0, and an export has those of one length once
            torch.nn.init.normal_(values, std=0.1)
    model.eval().save_pretrained(folder)
    DetrImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the model, scenes of several shapes, and a suite; not to be changed."""
    folder = tmp_path_factory.mktemp("detr")
    write_model(folder / "detector")
    pq.write_table(scene_table(ROWS), folder / "scenes.parquet")
    (folder / "suite.toml").write_text(SUITE, "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def report(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json


@pytest.mark.slow
def test_its_export_gives_what_it_gives(report):
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    assert {one["verdict"] for one in report["results"]} == {"PASS"}
    (agreement,) = (one for one in report["results"] if one["check"] == "parity/agreement")
    assert agreement["numbers"]["value"]["estimate"] == 1.0


def test_detections_are_those_of_the_pipeline_of_transformers(project):
    from transformers import DetrForObjectDetection, DetrImageProcessorPil, pipeline

    module = DetrForObjectDetection.from_pretrained(project.folder / "detector").eval()
    processor = DetrImageProcessorPil.from_pretrained(project.folder / "detector")
    model = Model(digest="", module=lambda: module, processor=lambda: processor, labels=CLASSES, about={})
    codec = ObjectDetection().bind(model, ObjectDetectionOptions(threshold=0.5))
    images = draw_scenes(4)[0]
    detect = pipeline("object-detection", model=module, image_processor=processor)
    for pixels in images:
        rows = codec.encode([{"image": pixels}])
        outputs = run(module, codec.collate(rows))
        (ours,) = codec.decode(outputs, rows)["boxes"].to_pylist()
        theirs = detect(Image.fromarray(pixels), threshold=0.5)
        found = sorted((one["score"], one["label"], *(one[side] for side in ("x0", "y0", "x1", "y1"))) for one in ours)
        expected = sorted((one["score"], one["label"], *one["box"].values()) for one in theirs)
        assert len(found) > 0
        assert [one[1] for one in found] == [one[1] for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one[0] == pytest.approx(other[0], abs=1e-5)
            assert np.array(one[2:]) == pytest.approx(np.array(other[2:]), abs=1.0)  # theirs are whole numbers


def run(module, batch):
    import torch

    with torch.inference_mode():
        outputs = module(**{name: torch.from_numpy(array) for name, array in batch.items()})
    return {name: outputs[name].numpy() for name in ("logits", "pred_boxes")}


@pytest.mark.slow
def test_the_module_that_a_damaged_export_fails_in_is_named(project, report):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-2, 2, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, project.folder / "damaged.onnx")
    columns = ("--columns", "target=boxes")
    done = project.mqa("parity", "detector", "damaged.onnx", "--data", "scenes.parquet", *columns, "--json", "p.json")
    assert done.code == 1, done.err
    found = json.loads((project.folder / "p.json").read_text())["first_divergence"]
    assert found["module"] == DAMAGED
