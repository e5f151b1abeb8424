"""`parity/inputs`: what a deployment feeds a model with is compared, and the mistake that it makes is named."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_parity.input_differences import Scaling, measure_difference
from mqa_parity.inputs import InputParity, InputsOptions
from mqa_registry import Blob, DataError, Model, ModelUnderTest, NotRunError, ProbeContext, RunContext, ViewContext
from mqa_registry.types import Rows
from mqa_registry.types.blobs import BlobFolder
from mqa_transformers.tasks.image_classification import ImageClassification
from mqa_transformers.tasks.object_detection import ObjectDetection
from tests.colours import CLASSES, build_processor, draw_squares, encode_image

ROWS = 6
IMAGES = draw_squares(ROWS)[0]
IDS = [f"row-{row}" for row in range(ROWS)]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The rows, and a model that is never built."""
    return make_context(tmp_path_factory, ImageClassification())


def make_context(tmp_path_factory, task):
    table = pa.table({"id": IDS, "image": [encode_image(pixels) for pixels in IMAGES]})
    model = Model(digest="", module=lambda: None, processor=build_processor, labels=CLASSES)
    under_test = ModelUnderTest(model, task, RunContext(exports=tmp_path_factory.mktemp("exports")), task.options())
    folder = BlobFolder(tmp_path_factory.mktemp("images"))
    view = ViewContext("", Rows(table, ("image",), blobs=("image",), folder=folder))
    return ProbeContext(view, np.random.default_rng(7), model_under_test=under_test)


def compare(context, **options):
    probe = InputParity()
    table = probe.observe(context, InputsOptions(**options))
    return probe.numbers(table), probe.evidence(table)


def explanation(context, **options):
    numbers, evidence = compare(context, **options)
    assert numbers["value"] == ROWS
    assert len(evidence.examples) == min(ROWS, 5)
    return evidence.details["explanation"]


def deployed(folder, **settings):
    build_processor(**settings).save_pretrained(folder)
    return folder


def fed(folder, images, processor=None, change=lambda array: array):
    """The arrays that a deployment kept, as a `.npz`."""
    pixels = (processor or build_processor())(list(images), return_tensors="np")["pixel_values"]
    np.savez(folder / "fed.npz", id=np.array(IDS), pixel_values=np.stack([change(one) for one in pixels]))
    return folder / "fed.npz"


# A processor of the deployment's own.


def test_an_equal_processor_feeds_alike(context, tmp_path):
    numbers, evidence = compare(context, processor=deployed(tmp_path))
    assert numbers == {"value": 0, "difference": 0}
    assert evidence.notes == (f"all inputs of {ROWS} rows are equal",)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"image_mean": [0.5, 0.5, 0.5]}, "`image_mean` is (0.5, 0.5, 0.5) in place of (0.45, 0.4, 0.35)"),
        ({"resample": 3}, "`resample` is 3 in place of 2"),
        ({"do_rescale": False}, "`do_rescale` is false in place of true"),
        ({"size": {"height": 20, "width": 20}}, "`size` is 20 x 20 in place of 16 x 16"),
        (
            {"resample": 0, "image_std": [0.5, 0.5, 0.5]},
            "`resample` is 0 in place of 2 and `image_std` is (0.5, 0.5, 0.5) in place of (0.3, 0.25, 0.2)",
        ),
    ],
    ids=["mean", "kernel", "rescale", "size", "two settings"],
)
def test_the_settings_that_make_the_difference_are_named(context, tmp_path, settings, expected):
    assert explanation(context, processor=deployed(tmp_path, **settings)) == expected


def test_other_shapes_are_infinitely_far(context, tmp_path):
    folder = deployed(tmp_path, size={"height": 20, "width": 20})
    numbers, evidence = compare(context, processor=folder, rows=2)
    assert numbers == {"value": 2, "difference": math.inf}
    assert evidence.examples[0].details["shapes"] == "(3, 20, 20) in place of (3, 16, 16)"


# What a deployment fed the model with.


def test_arrays_as_the_processor_makes_them_are_equal(context, tmp_path):
    assert compare(context, arrays=fed(tmp_path, IMAGES))[0]["value"] == 0


def test_what_only_decoding_reads_is_no_input_that_a_deployment_lacks(tmp_path_factory, tmp_path):
    context = make_context(tmp_path_factory, ObjectDetection())  # its rows have the size of their image
    assert compare(context, arrays=fed(tmp_path, IMAGES))[0] == {"value": 0, "difference": 0}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"images": [pixels[..., ::-1] for pixels in IMAGES]}, "the channels are in the order BGR"),
        ({"change": lambda array: array[::-1]}, "the channels are in the order BGR after they were normalized"),
        ({"change": lambda array: np.moveaxis(array, 0, -1)}, "the channels are the last axis in place of the first"),
        ({"processor": {"resample": 0}}, "images are resized by the kernel nearest in place of bilinear (`resample`)"),
        ({"processor": {"do_normalize": False}}, "values are not normalized (`do_normalize` is false)"),
        (
            {"processor": {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}},
            "`image_mean` and `image_std` are those of ImageNet",
        ),
    ],
    ids=["bgr", "late bgr", "layout", "kernel", "not normalized", "imagenet"],
)
def test_a_usual_mistake_is_named(context, tmp_path, change, expected):
    made = {**change, "processor": build_processor(**change["processor"]) if "processor" in change else None}
    images = made.pop("images", IMAGES)
    assert explanation(context, arrays=fed(tmp_path, images, **made)) == expected


def test_another_scale_is_measured_and_found_together_with_a_mistake(context, tmp_path):
    processor = build_processor(image_mean=[0.1, 0.2, 0.3], image_std=[0.6, 0.5, 0.4])
    found = explanation(context, arrays=fed(tmp_path, IMAGES, processor))
    assert found.startswith("values are multiplied by (0.5, 0.5, 0.5) and moved by (0.5833, 0.4, 0.125), channel by")
    nearest = build_processor(image_mean=[0.1, 0.2, 0.3], image_std=[0.6, 0.5, 0.4], resample=0)
    found = explanation(context, arrays=fed(tmp_path, IMAGES, nearest))
    assert found.startswith("images are resized by the kernel nearest in place of bilinear (`resample`) and values are")


def test_a_mistake_in_some_rows_says_in_how_many(context, tmp_path):
    images = [pixels[..., ::-1] if row < 4 else pixels // 2 for row, pixels in enumerate(IMAGES)]
    assert explanation(context, arrays=fed(tmp_path, images)) == (
        f"the channels are in the order BGR (which explains 4 of {ROWS} rows)"
    )


def test_what_nothing_explains_is_said_to_be_so(context, tmp_path):
    noise = np.random.default_rng(7).normal(size=(3, 16, 16))
    assert "no single change" in explanation(context, arrays=fed(tmp_path, IMAGES, change=lambda array: array + noise))


def test_rows_that_the_deployment_was_not_fed_with_are_left_out(context, tmp_path):
    file = tmp_path / "fed.npz"
    pixels = build_processor()(IMAGES[:2], return_tensors="np")["pixel_values"]
    np.savez(file, id=np.array([*IDS[:1], "unknown"]), pixel_values=pixels, extra=np.zeros(2))
    numbers, evidence = compare(context, arrays=file)
    assert numbers == {"value": 1, "difference": math.inf}
    assert evidence.examples[0].details["input"] == "extra"


# What cannot be compared.


@pytest.mark.parametrize("options", [{}, {"processor": "a", "arrays": "b"}])
def test_one_of_processor_and_arrays_is_needed(options):
    with pytest.raises(DataError, match="one of `processor` and `arrays`"):
        InputsOptions(**options)


def write(folder, **arrays):
    np.savez(folder / "fed.npz", **arrays)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"pixel_values": np.zeros(2)}, "has no array `id`"),
        ({"id": np.array(["a", "a"])}, "has an id twice"),
        ({"id": np.array(["a", "b"]), "x": np.zeros(3)}, r"an array `x` of the shape \(3,\)"),
        ({"id": np.array(["a", "b"]), "x": np.zeros(2)}, "has none of the rows"),
        ({"id": np.array([{}], object)}, "cannot be|can be read"),
    ],
    ids=["ids", "twice", "rows", "other rows", "pickle"],
)
def test_a_file_of_arrays_that_fits_no_rows_is_refused(context, tmp_path, arrays, reason):
    write(tmp_path, **arrays)
    with pytest.raises(DataError, match=reason) as refused:
        compare(context, arrays=tmp_path / "fed.npz")
    assert refused.value.hint


def test_a_folder_without_a_processor_or_with_a_broken_one_is_refused(context, tmp_path):
    with pytest.raises(DataError, match="holds no image processor: there is no"):
        compare(context, processor=tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "None"}))
    with pytest.raises(DataError, match="holds no image processor that can be loaded"):
        compare(context, processor=tmp_path)


def test_a_suite_without_a_model_and_a_task_without_a_processor_are_not_run(context, tmp_path):
    with pytest.raises(NotRunError, match="no model"):
        compare(ProbeContext(context.view, context.rng), processor=tmp_path)


# The numbers.


def test_the_difference_of_arrays_is_the_largest_and_never_nan():
    assert measure_difference(np.array([1.0, 2.0]), np.array([1.5, 2.0])) == 0.5
    assert measure_difference(np.array([1.0]), np.array([np.nan])) == math.inf
    assert measure_difference(np.zeros((0, 2)), np.zeros((0, 2))) == 0
    assert measure_difference(np.array([3], np.uint8), np.array([5], np.uint8)) == 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(-9, 9)), min_size=1, max_size=4))
def test_a_scaling_is_found_again(pairs):
    factors, shifts = np.array(pairs).T
    own = np.random.default_rng(7).normal(size=(3, len(pairs), 2, 2))
    fitted = Scaling.fit(own, own * factors[:, None, None] + shifts[:, None, None])
    assert fitted.factors == pytest.approx(factors)
    assert fitted.shifts == pytest.approx(shifts)


def test_a_blob_of_a_row_is_shown_by_its_name_alone(context, tmp_path):
    _, evidence = compare(context, processor=deployed(tmp_path, do_rescale=False), rows=1)
    name = Blob("", encode_image(IMAGES[IDS.index(evidence.examples[0].id)])).name
    assert evidence.examples[0].fields == {"image": name}
