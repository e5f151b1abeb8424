"""Image segmentation: what a segmenter is fed, what its logits mean, and the suite of `plugins/tasks.md` on one trained here."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mqa_registry import Blob, DataError, Model, NoOptions, decode_pair
from mqa_transformers.tasks.image_segmentation import ImageSegmentation, find_classes
from tests.cli.conftest import Project
from tests.colours import encode_image
from tests.patches import CLASSES, SIZE, build_processor, draw_patches, patch_table, write_model
from tests.task_page import read_suite

ROWS = 200  # which is enough for a share of 0.98
DAMAGED = "segformer.stages.1.blocks.0.mlp.fc2"
SHAPES = ((40, 60), (70, 50), (30, 30))

pytestmark = pytest.mark.usefixtures("exports_here")


def bind(labels=CLASSES, **settings):
    processor = build_processor(**settings)
    model = Model(digest="", module=lambda: None, processor=lambda: processor, labels=labels, about={})
    return ImageSegmentation().bind(model, NoOptions())


def encode(codec, shapes=SHAPES):
    return codec.encode([{"image": np.full((*shape, 3), 100, np.uint8)} for shape in shapes])


def predict_at_random(seed=7, rows=3, grid=(8, 8)):
    return {"logits": np.random.default_rng(seed).normal(0, 2, (rows, len(CLASSES), *grid)).astype(np.float32)}


def post_process(logits, sizes):
    """The maps that the processor of transformers makes of logits."""
    import torch

    outputs = SimpleNamespace(logits=torch.from_numpy(logits))
    return [one.numpy() for one in build_processor().post_process_semantic_segmentation(outputs, list(sizes))]


# What the model is fed, and what its logits mean.


def test_an_image_is_fed_at_the_size_of_the_model_and_its_own_stays_in_the_row():
    codec = bind()
    rows = encode(codec)
    assert [tuple(row["image_size"]) for row in rows] == list(SHAPES)
    assert {name: array.shape for name, array in codec.collate(rows).items()} == {"pixel_values": (3, 3, SIZE, SIZE)}


def test_masks_are_of_the_image_as_its_orientation_turns_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    content = encode_image(np.full((20, 50, 3), 100, np.uint8), "JPEG", exif=exif)
    (row,) = bind().encode([{"image": Blob("turned", content)}])
    ((mask,),) = (
        bind().decode({"logits": np.eye(4, dtype=np.float32)[None, 2, :, None, None]}, [row])["masks"].to_pylist()
    )
    assert (mask["label"], mask["size"]) == (CLASSES[2], [50, 20])


@settings(max_examples=40, deadline=None)
@given(
    grid=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 99),
)
def test_the_class_of_a_pixel_is_the_one_that_transformers_gives_it(grid, size, seed):
    logits = predict_at_random(seed, 1, grid)["logits"]
    (expected,) = post_process(logits, [size])
    assert np.array_equal(find_classes(logits[0], *size), expected)


def test_large_images_are_read_band_by_band(monkeypatch):
    logits = predict_at_random(3, 1)["logits"][0]
    whole = find_classes(logits, 50, 40)
    monkeypatch.setattr("mqa_transformers.tasks.image_segmentation.BAND_NUMBERS", 1000)
    assert np.array_equal(find_classes(logits, 50, 40), whole)


def test_masks_are_those_of_the_processor_of_transformers():
    codec, outputs = bind(), predict_at_random()
    decoded = codec.decode(outputs, encode(codec))["masks"].to_pylist()
    for masks, expected in zip(decoded, post_process(outputs["logits"], SHAPES), strict=True):
        assert np.array_equal(decode_pair(masks, masks, CLASSES)[0], expected)
        assert len(masks) == len(CLASSES)


def test_an_image_that_was_filled_up_for_its_batch_is_read_without_what_was_added():
    codec, shapes = bind(do_resize=False), ((16, 24), (32, 32))
    outputs = predict_at_random(5, 2)
    (masks, _) = codec.decode(outputs, encode(codec, shapes))["masks"].to_pylist()
    (expected,) = post_process(outputs["logits"][:1, :, :4, :6], shapes[:1])
    assert np.array_equal(decode_pair(masks, masks, CLASSES)[0], expected)


def test_a_row_with_a_logit_that_is_not_finite_has_no_prediction():
    codec, outputs = bind(), predict_at_random()
    outputs["logits"][0, 0, 0, 0], outputs["logits"][2, 1, 1, 1] = np.nan, np.inf
    assert codec.decode(outputs, encode(codec))["masks"].is_null().to_pylist() == [True, False, True]


def test_outputs_of_another_kind_are_refused_with_what_there_is():
    codec, outputs = bind(), predict_at_random()
    with pytest.raises(DataError, match="the model has no output `logits`; it has `masks`"):
        codec.decode({"masks": outputs["logits"]}, encode(codec))
    with pytest.raises(DataError, match=r"`logits` of shape \(3, 4, 8, 8\), and its configuration names 7 labels"):
        bind(tuple("abcdefg")).decode(outputs, encode(codec))


# Runs.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the trained segmenter, scenes and the suite of the page; not to be changed."""
    folder = tmp_path_factory.mktemp("patches")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        write_model(folder / "segmenter")
    pq.write_table(patch_table(ROWS), folder / "scenes.parquet")
    (folder / "suite.toml").write_text(read_suite("patches"), "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def results(trained):
    done = trained.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json


def estimates(results, check):
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results["results"] if one["check"] == check}


def test_the_suite_of_the_page_holds_on_both_backends(results):
    for check in ("metrics/mean-iou", "red", "metrics/pixel-accuracy", "metrics/boundary-f1", "mirrored"):
        found = estimates(results, check)
        assert found["torch"] == pytest.approx(found["onnx"], abs=1e-3)
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}
    (changed,) = {one["evidence"]["changed"] for one in results["results"] if one["check"] == "mirrored"}
    assert changed == ROWS
    (counts, *_) = (view["labels"] for view in results["views"])
    pixels = sum(codes.size - codes.shape[1] for codes in draw_patches(ROWS)[1])  # but for the lowest lines
    assert sum(one["targets"] for one in counts) == pixels


def test_the_module_that_a_damaged_export_fails_in_is_named_and_its_flips_are_damage(trained, results):
    (file,) = (trained.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-3, 3, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, trained.folder / "damaged.onnx")
    columns = ("--columns", "target=mask")
    done = trained.mqa("parity", "segmenter", "damaged.onnx", "--data", "scenes.parquet", *columns, "--json", "p.json")
    assert done.code == 1, done.err
    report = json.loads((trained.folder / "p.json").read_text())
    assert report["first_divergence"]["module"] == DAMAGED
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0
    assert re.fullmatch(r"(\w+ \d+\.\d%(, )?)+", flips["evidence"]["examples"][0]["prediction"])


def test_a_new_suite_asks_for_the_pixels(trained):
    done = trained.mqa("init", "segmenter", "--data", "scenes.parquet", "--out", "new.toml")
    assert done.code == 0, done.err
    text = (trained.folder / "new.toml").read_text("utf-8")
    assert 'task = "transformers/image-segmentation"' in text
    assert 'target = "mask"' in text
    asked = set(re.findall(r'"([a-z]+/[a-z0-9-]+)"', text))
    assert {"metrics/mean-iou", "metrics/boundary-f1", "parity/tensors"} <= asked
    assert trained.mqa("validate", "new.toml").code == 0


def test_targets_that_a_suite_maps_are_other_classes_or_do_not_count(trained, results, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    suite = (tmp_path / "suite.toml").read_text("utf-8")
    mapped = suite.replace('"mask" }', '"mask" }\nlabels = { 0 = "", 1 = "red", 2 = "green", 3 = "blue" }', 1)
    (tmp_path / "suite.toml").write_text(mapped, "utf-8")
    done = Project(tmp_path).run("--backend", "torch", "--only", "metrics/pixel-accuracy", "--json", "-")
    (counts,) = (view["labels"] for view in done.json["views"])
    (before, *_) = (view["labels"] for view in results["views"])
    targets = {one["label"]: one["targets"] for one in before} | {"ground": 0}
    assert {one["label"]: one["targets"] for one in counts} == targets


def test_a_wrong_target_ends_with_2_and_names_its_row(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    table = patch_table(4)
    content = table["mask"].to_pylist()
    for wrong, said in (
        (
            encode_image(np.full((9, 9), 4, np.uint8)),
            "row 3 of the data set `scenes` has the label `4`, and the model has 4 classes",
        ),
        (b"no image", "row 3 of the data set `scenes` has a target that is no PNG"),
    ):
        content[2] = wrong
        pq.write_table(table.set_column(2, "mask", pa.array(content)), tmp_path / "scenes.parquet")
        done = Project(tmp_path).run("--backend", "torch")
        assert done.code == 2
        assert said in done.err


def test_a_mask_of_another_size_than_its_image_is_an_error_that_names_its_row(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    table = patch_table(4)
    content = table["mask"].to_pylist()
    content[2] = encode_image(np.zeros((9, 8), np.uint8))
    pq.write_table(table.set_column(2, "mask", pa.array(content)), tmp_path / "scenes.parquet")
    done = Project(tmp_path).run("--backend", "torch", "--only", "metrics/pixel-accuracy", "--json", "-")
    assert done.code == 3
    (result,) = done.json["results"]
    assert result["verdict"] == "ERROR"
    assert "row `scene-2` has, as its target, a mask of 8 x 9 pixels, and its image has" in result["note"]
