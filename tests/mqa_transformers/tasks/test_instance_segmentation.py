"""Instance segmentation: what a segmenter is fed, what its outputs mean, and the suite of `plugins/tasks.md` on one trained here."""

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

from mqa_registry import Blob, DataError, Model, decode_mask
from mqa_transformers.tasks.instance_segmentation import InstanceSegmentation, InstanceSegmentationOptions
from tests.cli.conftest import Project
from tests.colours import CLASSES, encode_image
from tests.outlines import SIZE, build_processor, outline_table, write_model
from tests.patches import build_processor as build_semantic_processor
from tests.task_page import read_suite

ROWS = 200  # which is enough for a share of 0.98
DAMAGED = "model.transformer_module.decoder.layers.0.mlp.fc2"
SHAPES = ((40, 60), (70, 50), (30, 30))
QUERIES, DETR = ("class_queries_logits", "masks_queries_logits"), ("logits", "pred_masks")
PROCESSORS = {  # the outputs that each reads, whether its masks overlap, and its settings
    "MaskFormerImageProcessorPil": (QUERIES, True, {}),
    "Mask2FormerImageProcessorPil": (QUERIES, True, {}),
    "EomtImageProcessorPil": (QUERIES, False, {"size": {"shortest_edge": 64, "longest_edge": 64}}),
    "DetrImageProcessorPil": (DETR, False, {}),
}

pytestmark = pytest.mark.usefixtures("exports_here")


def bind(processor=None, labels=CLASSES, **options):
    processor = processor or build_processor()
    model = Model(digest="", module=lambda: None, processor=lambda: processor, labels=labels, about={})
    return InstanceSegmentation().bind(model, InstanceSegmentationOptions(**options))


def encode(codec, shapes=SHAPES):
    return codec.encode([{"image": np.full((*shape, 3), 100, np.uint8)} for shape in shapes])


def predict_at_random(names=QUERIES, seed=7, rows=3, queries=8):
    """Logits of classes and of masks, as a segmenter gives them: each mask is a blot."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, queries, len(CLASSES) + 1)).astype(np.float32)
    points = np.arange(16) + 0.5
    middles, radii = rng.uniform(0, 16, (2, rows, queries, 1, 1)), rng.uniform(3, 9, (rows, queries, 1, 1))
    masks = radii - np.hypot(points[:, None] - middles[0], points - middles[1])
    return dict(zip(names, (logits, masks.astype(np.float32)), strict=True))


def decode(codec, outputs, shapes=SHAPES):
    return codec.decode(outputs, encode(codec, shapes))["instances"].to_pylist()


# What the model is fed, and what its outputs mean.


def test_an_image_is_fed_at_the_size_of_the_model_and_its_own_stays_in_the_row():
    codec = bind()
    rows = encode(codec)
    assert [tuple(row["image_size"]) for row in rows] == list(SHAPES)
    shapes = {name: array.shape for name, array in codec.collate(rows).items()}
    assert shapes == {"pixel_values": (3, 3, SIZE, SIZE), "pixel_mask": (3, SIZE, SIZE)}


def test_a_query_is_an_instance_with_its_pixels_and_how_sure_the_model_is_of_both():
    classes = np.full((1, 3, len(CLASSES) + 1), -9.0, np.float32)
    classes[0, [0, 1, 2], [2, 0, 3]] = 9.0  # the last is of no class
    masks = np.full((1, 3, 4, 4), -30.0, np.float32)
    masks[0, 0, :, :2], masks[0, 1, 1:3, :] = 30.0, np.log(4)  # probabilities of 1 and of 0.8
    (found,) = decode(bind(), dict(zip(QUERIES, (classes, masks), strict=True)), [(8, 12)])
    assert [one["label"] for one in found] == [CLASSES[2], CLASSES[0]]
    assert [one["score"] for one in found] == pytest.approx([1, 0.8], abs=1e-5)
    sure, band = (decode_mask(one) for one in found)
    expected = np.zeros((8, 12), bool)
    expected[:, :6] = True
    assert np.array_equal(sure, expected)
    assert np.array_equal(band, np.repeat([[False], [True], [True], [False]], 2, axis=0).repeat(12, axis=1))  # overlap


def test_masks_are_of_the_image_as_its_orientation_turns_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    content = encode_image(np.full((20, 50, 3), 100, np.uint8), "JPEG", exif=exif)
    codec = bind(threshold=0.0)
    (found,) = codec.decode(predict_at_random(rows=1), codec.encode([{"image": Blob("turned", content)}]))["instances"]
    assert {tuple(one["size"]) for one in found.as_py()} == {(50, 20)}


@pytest.mark.parametrize(("name", "names", "overlap", "settings"), [(name, *more) for name, more in PROCESSORS.items()])
def test_instances_are_those_of_the_processor_of_transformers(name, names, overlap, settings):
    import torch
    import transformers

    processor = getattr(transformers, name)(**settings)
    outputs = predict_at_random(names)
    rows = [{"pixel_values": np.zeros((3, 64, 64)), "image_size": np.array(shape)} for shape in SHAPES]
    found = bind(processor, threshold=0.2).decode(outputs, rows)["instances"].to_pylist()
    read = SimpleNamespace(**{output: torch.from_numpy(array) for output, array in outputs.items()})
    more = {"return_binary_maps": True} if overlap else {}
    expected = processor.post_process_instance_segmentation(read, threshold=0.2, target_sizes=list(SHAPES), **more)
    for row, wanted in zip(found, expected, strict=True):
        maps, segments = wanted["segmentation"].numpy(), wanted["segments_info"]
        masks = [maps[number] > 0 if overlap else maps == one["id"] for number, one in enumerate(segments)]
        theirs = {
            (CLASSES[one["label_id"]], one["score"]): mask
            for one, mask in zip(segments, masks, strict=True)
            if mask.any()  # in a map, others may cover all of it
        }
        ours = {(one["label"], one["score"]): decode_mask(one) for one in row}
        assert len(row) == len(theirs) > 1
        assert list(ours) == sorted(theirs, key=lambda one: -one[1])
        assert all(np.array_equal(ours[one], mask) for one, mask in theirs.items())


def test_instances_of_the_highest_scores_are_kept():
    outputs = predict_at_random()
    everything, some = (decode(bind(threshold=0.0, max_instances=number), outputs) for number in (100, 3))
    assert [row[:3] for row in everything] == some
    assert {len(row) for row in everything} == {8}


def test_an_instance_does_not_depend_on_the_other_rows_of_its_batch():
    codec, outputs = bind(build_processor(do_resize=False), threshold=0.0), predict_at_random(rows=2)
    shapes = ((32, 48), (64, 64))
    (filled, _) = decode(codec, outputs, shapes)
    alone = {QUERIES[0]: outputs[QUERIES[0]][:1], QUERIES[1]: outputs[QUERIES[1]][:1, :, :8, :12]}
    assert [filled] == decode(codec, alone, shapes[:1])


def test_an_image_that_its_processor_filled_up_is_read_without_what_was_added():
    codec, outputs = bind(threshold=0.0), predict_at_random(rows=1)
    inside = np.zeros((64, 64), np.int64)
    inside[:32, :48] = 1
    row = {"pixel_values": np.zeros((3, 64, 64)), "pixel_mask": inside, "image_size": np.array((40, 60))}
    (found,) = codec.decode(outputs, [row])["instances"].to_pylist()
    whole = {"pixel_values": np.zeros((3, 32, 48)), "image_size": np.array((40, 60))}
    alone = {QUERIES[0]: outputs[QUERIES[0]], QUERIES[1]: outputs[QUERIES[1]][:, :, :8, :12]}
    assert [found] == codec.decode(alone, [whole])["instances"].to_pylist()


def test_a_row_with_a_number_that_is_not_finite_has_no_prediction_and_one_without_objects_an_empty_one():
    outputs = predict_at_random(rows=4)
    outputs[QUERIES[0]][0, 0, 0], outputs[QUERIES[1]][2, 1, 1, 1] = np.nan, np.inf
    outputs[QUERIES[0]][3, :, -1] = 99.0  # nothing
    found = decode(bind(), outputs, (*SHAPES, (20, 20)))
    assert [row is None for row in found] == [True, False, True, False]
    assert found[3] == []


def test_outputs_of_another_kind_are_refused_with_what_there_is():
    outputs = predict_at_random()
    with pytest.raises(
        DataError, match="the model has no output `masks_queries_logits`; it has `class_queries_logits`"
    ):
        decode(bind(), {QUERIES[0]: outputs[QUERIES[0]]})
    with pytest.raises(
        DataError, match=r"`class_queries_logits` of shape \(3, 8, 4\).* and its configuration names 7 labels"
    ):
        decode(bind(labels=tuple("abcdefg")), outputs)


def test_a_processor_that_makes_no_instances_is_refused():
    with pytest.raises(DataError, match="is a `SegformerImageProcessorPil`, which has no `post_process_instance_segm"):
        bind(build_semantic_processor())


def test_a_model_that_reads_texts_with_images_is_refused():
    prompted = Model(
        digest="", module=lambda: None, processor=lambda: None, labels=CLASSES,
        about={"architecture": "OneFormerForUniversalSegmentation"},
    )  # fmt: skip
    with pytest.raises(
        DataError, match="reads a text with every image, and `instance-segmentation` reads images alone"
    ):
        InstanceSegmentation().for_model(prompted, InstanceSegmentationOptions())


# Runs.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the trained segmenter, scenes and the suite of the page; not to be changed."""
    folder = tmp_path_factory.mktemp("outlines")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        write_model(folder / "segmenter")
    pq.write_table(outline_table(ROWS), folder / "scenes.parquet")
    (folder / "suite.toml").write_text(read_suite("outlines"), "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def results(trained):
    done = trained.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json["results"]


def estimates(results, check):
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results if one["check"] == check}


# The bounds of the page were written when the scores of this segmenter were known: an AP of 0.40, an AP50 of 0.71, an AR10 of 0.44.
# What can be reached follows from its masks: they have 16 x 16 points, of which a square takes about 4 x 5. With each side off
# by a quarter of a point, as rounding has it, the IoU is 3.5 x 4.5 / 20 = 0.79. So of COCO's ten IoUs the six up to 0.75 hold at
# best, which is an AP of 0.6. The page asks for half the squares at an IoU of 0.5, and for less than half of that 0.6.
@pytest.mark.slow
def test_the_suite_of_the_page_holds_on_both_backends(results):
    for check in ("metrics/instance-map", "AP50", "AR10", "mirrored"):
        found = estimates(results, check)
        assert found["torch"] == pytest.approx(found["onnx"], abs=1e-3)
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}
    (changed,) = {one["evidence"]["changed"] for one in results if one["check"] == "mirrored"}
    assert changed == ROWS


@pytest.mark.slow
def test_its_export_is_fed_with_a_mask_of_pixels_that_no_node_reads(trained, results):
    graph = load_export(trained).graph
    assert [one.name for one in graph.input] == ["pixel_values", "pixel_mask"]
    assert "pixel_mask" not in {name for node in graph.node for name in node.input}
    assert {one["backend"] for one in results} == {"torch", "onnx"}


def load_export(project):
    """What the run exported."""
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    return onnx.load(file)


@pytest.mark.slow
def test_the_module_that_a_damaged_export_fails_in_is_named_and_its_flips_are_damage(trained, results):
    model = load_export(trained)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-3, 3, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, trained.folder / "damaged.onnx")
    columns = ("--columns", "target=squares")
    done = trained.mqa("parity", "segmenter", "damaged.onnx", "--data", "scenes.parquet", *columns, "--json", "p.json")
    assert done.code == 1, done.err
    report = json.loads((trained.folder / "p.json").read_text())
    assert report["first_divergence"]["module"] == DAMAGED
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0
    done = trained.run("--only", "parity/agreement", "--set", "backends.onnx.path=damaged.onnx", "--json", "-")
    assert done.code == 1, done.err
    assert {one["backend"]: one["verdict"] for one in done.json["results"]}["onnx"] == "FAIL"


def test_a_new_suite_asks_for_the_instances(trained):
    done = trained.mqa("init", "segmenter", "--data", "scenes.parquet", "--out", "new.toml")
    assert done.code == 0, done.err
    text = (trained.folder / "new.toml").read_text("utf-8")
    assert 'task = "transformers/instance-segmentation"' in text
    asked = set(re.findall(r'"([a-z]+/[a-z0-9-]+)"', text))
    assert {"metrics/instance-map", "metrics/instance-recall", "parity/tensors"} <= asked
    assert trained.mqa("validate", "new.toml").code == 0


def test_a_wrong_target_ends_with_2_and_names_its_row(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    table = outline_table(4)
    squares = table["squares"].to_pylist()
    squares[2][0]["label"] = "pink"
    pq.write_table(table.set_column(2, "squares", pa.array(squares)), tmp_path / "scenes.parquet")
    done = Project(tmp_path).run("--backend", "torch")
    assert done.code == 2
    assert "row 3 of the data set `scenes` has the label `pink`, which the model does not know" in done.err
