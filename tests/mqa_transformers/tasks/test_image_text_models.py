"""Images and texts: what a CLIP is fed, what its outputs mean, and the suites of the page on one trained here."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import onnx
import pytest

from mqa_registry import DataError, Model, NoOptions
from mqa_transformers.loading import ImageTextProcessor
from mqa_transformers.tasks.image_text_embedding import ImageTextEmbedding
from mqa_transformers.tasks.zero_shot_image_classification import ZeroShotImageClassification, ZeroShotOptions
from tests.cli.conftest import Project
from tests.colours import CLASSES, build_processor, draw_squares, encode_image
from tests.squares_and_words import TEMPLATE, list_captions, write_model
from tests.task_page import read_suite

ROWS = 90
DAMAGED = "vision_model.encoder.layers.0.mlp.fc2"

pytestmark = pytest.mark.usefixtures("exports_here")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the trained model, photos of squares, captions, and the suites of the page; not to be changed."""
    folder = tmp_path_factory.mktemp("zero-shot")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        write_model(folder / "clip")
    project, (images, codes), texts = Project(folder), draw_squares(ROWS), list_captions()
    colours, photos = [CLASSES[code] for code in codes], [encode_image(one) for one in images]
    photo_ids, caption_ids = [f"photo-{row}" for row in range(ROWS)], [f"caption-{row}" for row in range(len(texts))]
    project.table("squares", image=photos, colour=colours)
    project.table("photos", id=photo_ids, image=photos, captions=[find_ids(caption_ids, texts, one) for one in colours])
    photos_of = [find_ids(photo_ids, colours, next(one for one in CLASSES if one in text)) for text in texts]
    project.table("captions", id=caption_ids, text=texts, photos=photos_of)
    for name, suite in {"suite": "any labels", "search": "image search"}.items():
        (folder / f"{name}.toml").write_text(read_suite(suite), "utf-8")
    return project


def find_ids(ids, descriptions, colour):
    """The ids of what is described by a colour."""
    return [name for name, one in zip(ids, descriptions, strict=True) if colour in one]


@pytest.fixture(scope="module")
def tokenizer(project):
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(project.folder / "clip")
    loaded.model_input_names = [
        "input_ids",
        "attention_mask",
    ]  # as that of a checkpoint is fitted to what its model takes
    return loaded


def bind(processor, **options):
    chosen = ZeroShotOptions(**{"candidate_labels": CLASSES, "hypothesis_template": TEMPLATE} | options)
    model = Model(digest="", module=lambda: None, processor=lambda: processor, labels=chosen.candidate_labels)
    return ZeroShotImageClassification().bind(model, chosen)


def classes(architecture="CLIPModel", **options):
    model = Model(digest="", module=lambda: None, processor=lambda: None, about={"architecture": architecture})
    return ZeroShotImageClassification().classes(model, ZeroShotOptions(**options))


# What the model is fed, and what its outputs mean.


def test_the_texts_of_all_labels_are_fed_once_with_the_images_of_a_batch(tokenizer):
    codec = bind(ImageTextProcessor(build_processor(), tokenizer), hypothesis_template="a {}, {")
    rows = codec.encode([{"image": pixels} for pixels in draw_squares(5)[0]])
    batch = codec.collate(rows)
    assert len(batch["pixel_values"]) == 5
    expected = tokenizer([f"a {label}, {{" for label in CLASSES], padding=True)
    assert batch["input_ids"].tolist() == expected["input_ids"]
    assert batch["attention_mask"].tolist() == expected["attention_mask"]


def test_labels_and_probabilities_are_those_of_the_pipeline_of_transformers(project, tokenizer):
    import torch
    from PIL import Image
    from transformers import CLIPModel, pipeline

    module = CLIPModel.from_pretrained(project.folder / "clip").eval()
    images = draw_squares(6, seed=3)[0]
    codec = bind(ImageTextProcessor(build_processor(), tokenizer))
    rows = codec.encode([{"image": pixels} for pixels in images])
    with torch.inference_mode():
        outputs = module(**{name: torch.from_numpy(array) for name, array in codec.collate(rows).items()})
    table = codec.decode({name: outputs[name].numpy() for name in ("logits_per_text", "logits_per_image")}, rows)
    classify = pipeline(
        "zero-shot-image-classification", model=module, tokenizer=tokenizer, image_processor=build_processor()
    )
    for pixels, label, p in zip(images, table["label"].to_pylist(), table["probability"].to_pylist(), strict=True):
        given = classify(Image.fromarray(pixels), candidate_labels=list(CLASSES), hypothesis_template=TEMPLATE)
        assert label == given[0]["label"]
        scores = {one["label"]: one["score"] for one in given}
        assert p == pytest.approx([scores[name] for name in CLASSES], abs=1e-5)


def test_outputs_without_similarities_are_refused(tokenizer):
    with pytest.raises(DataError, match="the model has no output `logits_per_image`; it has `logits`"):
        bind(ImageTextProcessor(build_processor(), tokenizer)).decode({"logits": np.zeros((1, 3))}, [{}])


def test_another_processor_of_images_leaves_the_texts_as_they_are(tokenizer):
    codec = bind(ImageTextProcessor(build_processor(), tokenizer))
    other = codec.with_preprocessing(build_processor(image_mean=[0.0, 0.0, 0.0]))
    (one,), (two,) = (each.encode([{"image": draw_squares(1)[0][0]}]) for each in (codec, other))
    assert not np.array_equal(one["pixel_values"], two["pixel_values"])
    assert np.array_equal(one["input_ids"], two["input_ids"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"candidate_labels": ("red",)}, "`candidate_labels` are two or more"),
        ({"candidate_labels": ("red", "red")}, "no two of which are the same"),
        ({"hypothesis_template": "a photo"}, "`hypothesis_template` is `a photo`, and has no `{}`"),
        ({"architecture": "Siglip2Model"}, "a `Siglip2Model` reads patches of images of any ratio"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(DataError, match=re.escape(said)):
        classes(**options)


def test_a_model_without_a_tokenizer_is_refused():
    with pytest.raises(DataError, match="no image processor with a tokenizer"):
        bind(build_processor())


# Runs.


@pytest.fixture(scope="module")
def report(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json


@pytest.fixture(scope="module")
def results(report):
    return report["results"]


def estimates(results, check):
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results if one["check"] == check}


def test_the_suite_of_the_page_holds_on_both_backends(results):
    for check in ("metrics/accuracy", "metrics/top-k-accuracy"):
        found = estimates(results, check)
        assert found["torch"] == found["onnx"] > 0.9
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}


def test_the_module_that_a_damaged_export_fails_in_is_named(project, results):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-2, 2, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, project.folder / "damaged.onnx")
    done = project.mqa("parity", "clip", "damaged.onnx", "--data", "squares.parquet", "--json", "parity.json")
    assert done.code == 1, done.err
    report = json.loads((project.folder / "parity.json").read_text())
    assert report["first_divergence"]["module"] == DAMAGED
    (tensors,) = [one for one in report["results"] if one["check"] == "tensors"]
    outputs = tensors["evidence"]["details"]["outputs"]
    assert outputs["text_embeds"]["ratio"] < 10 < outputs["image_embeds"]["ratio"]


def test_with_other_labels_all_is_predicted_anew(project, report, tmp_path):
    shutil.copytree(project.folder, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "suite.toml").read_text("utf-8")
    (tmp_path / "suite.toml").write_text(
        text.replace('"red", "green", "blue"', '"red", "green", "blue", "new"'), "utf-8"
    )
    done = Project(tmp_path).run("--json", "-", "--backend", "torch", "--only", "metrics/top-k-accuracy")
    digests = [one["environment"]["backends"]["torch"]["digest"] for one in (report, done.json)]
    assert digests[0] != digests[1]


def test_a_target_that_is_no_candidate_ends_with_2_and_names_its_row(project, tmp_path):
    shutil.copytree(project.folder, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "suite.toml").read_text("utf-8")
    (tmp_path / "suite.toml").write_text(text.replace('"red", "green", "blue"', '"red", "green"'), "utf-8")
    done = Project(tmp_path).run("--backend", "torch", "--only", "metrics/accuracy")
    assert done.code == 2
    assert "row 3 of the data set `squares` has the label `blue`, which the model does not know" in " ".join(
        done.err.split()
    )


# Vectors of both.


@pytest.fixture(scope="module")
def embed(tokenizer):
    processor = ImageTextProcessor(build_processor(), tokenizer)
    model = Model(digest="", module=lambda: None, processor=lambda: processor)
    return ImageTextEmbedding().bind(model, NoOptions())


@pytest.fixture(scope="module")
def module(project):
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(project.folder / "clip").eval()


def run_module(module, codec, examples):
    import torch

    rows = codec.encode(examples)
    with torch.inference_mode():
        outputs = module(**{name: torch.from_numpy(array) for name, array in codec.collate(rows).items()})
    arrays = {name: outputs[name].numpy() for name in ("image_embeds", "text_embeds")}
    return codec.decode(arrays, rows)["vector"].to_pylist(), arrays, rows


def test_vectors_are_those_of_both_halves_of_the_model_whatever_they_are_fed_with_besides(embed, module, tokenizer):
    import torch

    texts = [*list_captions()[:3], "a bird"]
    found, _, _ = run_module(module, embed, [{"text": text} for text in texts])
    with torch.inference_mode():
        encoded = tokenizer(texts, padding=True, return_tensors="pt")
        pooled = module.text_projection(module.text_model(**encoded).pooler_output)
    assert np.array(found) == pytest.approx(torch.nn.functional.normalize(pooled, dim=-1).numpy(), abs=1e-5)
    images = draw_squares(3)[0]
    found, _, _ = run_module(module, embed, [{"image": pixels} for pixels in images])
    with torch.inference_mode():
        pixels = build_processor()(images, return_tensors="pt")["pixel_values"]
        pooled = module.visual_projection(module.vision_model(pixel_values=pixels).pooler_output)
    assert np.array(found) == pytest.approx(torch.nn.functional.normalize(pooled, dim=-1).numpy(), abs=1e-5)


def test_a_row_with_a_number_that_is_not_finite_has_no_vector(embed, module):
    _, arrays, rows = run_module(module, embed, [{"text": "red"}, {"text": "blue"}])
    arrays["text_embeds"][1, 0] = np.nan
    assert embed.decode(arrays, rows)["vector"].is_null().to_pylist() == [False, True]


@pytest.mark.parametrize("example", [{}, {"image": np.zeros((9, 9, 3), np.uint8), "text": "red"}])
def test_a_row_is_an_image_or_a_text(embed, example):
    with pytest.raises(DataError, match="rows have an `image` or a `text`"):
        embed.encode([example])


@pytest.mark.usefixtures("report")
def test_texts_find_images_and_images_texts_on_both_backends_by_the_same_file(project):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    text, session = (project.folder / "search.toml").read_text("utf-8"), 'use = "onnxruntime/session"'
    (project.folder / "search.toml").write_text(text.replace(session, f'{session}\npath = "{file}"'), "utf-8")
    done = project.mqa("run", "search.toml", "--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    assert "findings" not in done.json
    for check in ("photos of a caption", "captions of a photo"):
        found = {one["backend"]: one["numbers"] for one in done.json["results"] if one["check"] == check}
        for number in ("value", "precision" if check.startswith("photos") else "recall", "mrr"):
            estimate = found["torch"][number]["estimate"]
            assert estimate == pytest.approx(found["onnx"][number]["estimate"], abs=0.02)
            assert estimate > 0.8
    vectors = {
        one["check"]: one["numbers"]["value"]["estimate"] for one in done.json["results"] if one["backend"] == "onnx"
    }
    assert vectors["vectors of photos"] == pytest.approx(1, abs=1e-5)
