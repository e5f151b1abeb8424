"""A SigLIP, which says of each label how probable it is: as the pipeline of transformers says it, and by its export."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from PIL import Image

from mqa_registry import DataError, Model, NoOptions, UsageError
from mqa_transformers.loading import ImageTextProcessor
from mqa_transformers.tasks.image_text_embedding import ImageTextEmbedding
from mqa_transformers.tasks.zero_shot_image_classification import ZeroShotImageClassification, ZeroShotOptions
from tests.cli.conftest import Project
from tests.colours import CLASSES, SIZE, build_processor, draw_squares, encode_image
from tests.mqa_transformers.tasks.tiny_models import PIECES, write_tokenizer
from tests.squares_and_words import TEMPLATE

ROWS = 60
DAMAGED = "vision_model.encoder.layers.0.mlp.fc2"
SUITE = f"""
format = 1
name = "each label"

[model]
use = "transformers/auto"
id = "siglip"

[model.task]
use = "zero-shot-image-classification"
candidate_labels = {json.dumps(CLASSES)}
hypothesis_template = "{TEMPLATE}"
threshold = {{ {CLASSES[0]} = 0.4 }}

[data.squares]
use = "datasets/file"
path = "squares.parquet"
columns = {{ target = "colours" }}

[backends.torch]
use = "transformers/torch"

[backends.onnx]
use = "onnxruntime/session"

[[check]]
measure = "parity/tensors"
expect = {{ mismatches = {{ max = 0 }}, ratio = {{ max = 10 }} }}

[[check]]
measure = "parity/agreement"
expect = {{ min = 0.90 }}

[[check]]
measure = "metrics/hamming-loss"
expect = {{ max = 1.0 }}
"""

pytestmark = pytest.mark.usefixtures("exports_here")


def write_model(folder):
    """An untrained model, which finds images unlike each other, and its processor and tokenizer."""
    import torch
    from transformers import SiglipConfig, SiglipModel

    folder.mkdir()
    write_tokenizer(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(7)
    text = {**sizes, "vocab_size": len(PIECES), "max_position_embeddings": 64}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config={**sizes, "image_size": SIZE, "patch_size": 8}))
    for values in model.parameters():
        torch.nn.init.normal_(values, std=0.3)
    model.logit_scale.data.fill_(np.log(60))
    model.logit_bias.data.fill_(-5.6)  # about half of the probabilities are above 0.5
    model.eval().save_pretrained(folder)
    build_processor().save_pretrained(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the model, photos of squares, and a suite; not to be changed."""
    project = Project(tmp_path_factory.mktemp("siglip"))
    write_model(project.folder / "siglip")
    images, codes = draw_squares(ROWS)
    project.table("squares", image=[encode_image(one) for one in images], colours=[[CLASSES[code]] for code in codes])
    (project.folder / "suite.toml").write_text(SUITE, "utf-8")
    return project


@pytest.fixture(scope="module")
def module(project):
    from transformers import SiglipModel

    return SiglipModel.from_pretrained(project.folder / "siglip").eval()


@pytest.fixture(scope="module")
def processor(project):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(project.folder / "siglip")
    tokenizer.model_input_names = ["input_ids", "attention_mask"]  # as that of a checkpoint is fitted to its model
    return ImageTextProcessor(build_processor(), tokenizer)


@pytest.fixture(scope="module")
def report(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json


def describe(processor, architecture="SiglipModel"):
    about = {"architecture": architecture}
    return Model(digest="", module=lambda: None, processor=lambda: processor, labels=CLASSES, about=about)


def choose(**options):
    return ZeroShotOptions(**({"candidate_labels": CLASSES, "hypothesis_template": TEMPLATE} | options))


def run(module, batch, *names):
    import torch

    with torch.inference_mode():
        outputs = module(**{name: torch.from_numpy(array) for name, array in batch.items()})
    return {name: outputs[name].numpy() for name in names}


# What the model is fed, and what its outputs mean.


def test_labels_and_probabilities_are_those_of_the_pipeline_of_transformers(module, processor):
    from transformers import pipeline

    images = draw_squares(6, seed=3)[0]
    codec = ZeroShotImageClassification().bind(describe(processor), choose())
    rows = codec.encode([{"image": pixels} for pixels in images])
    table = codec.decode(run(module, codec.collate(rows), "logits_per_image"), rows)
    parts = {"tokenizer": processor.tokenizer, "image_processor": processor.image_processor}
    classify = pipeline("zero-shot-image-classification", model=module, **parts)
    found = zip(images, table["labels"].to_pylist(), table["probability"].to_pylist(), strict=True)
    chosen = set()
    for pixels, labels, probabilities in found:
        given = classify(Image.fromarray(pixels), candidate_labels=list(CLASSES), hypothesis_template=TEMPLATE)
        scores = {one["label"]: one["score"] for one in given}
        assert probabilities == pytest.approx([scores[name] for name in CLASSES], abs=1e-5)
        assert set(labels) == {name for name, score in scores.items() if score >= 0.5}
        chosen |= {tuple(labels)}
    assert len(chosen) > 1


def test_vectors_of_texts_are_those_of_texts_that_are_filled_up_as_in_training(module, processor):
    import torch

    texts = ["red", "the blue car and the long song"]
    codec = ImageTextEmbedding().bind(describe(processor), NoOptions())
    rows = codec.encode([{"text": text} for text in texts])
    (vectors,) = codec.decode(run(module, codec.collate(rows), "text_embeds"), rows).columns
    filled = processor.tokenizer(texts, padding="max_length", max_length=64, return_tensors="pt")
    with torch.inference_mode():
        expected = module.get_text_features(**filled).pooler_output.numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.array(vectors.to_pylist()) == pytest.approx(expected, abs=1e-6)


def test_a_threshold_is_of_models_that_give_each_label_a_probability(processor):
    task, clip = ZeroShotImageClassification(), describe(processor, "CLIPModel")
    assert (task.for_model(describe(processor), choose()).schema, task.for_model(clip, choose()).schema) == (
        "labels",
        "label",
    )
    with pytest.raises(UsageError, match="`threshold` is of a multi-label model, and this one gives a row one class"):
        task.for_model(clip, choose(threshold=0.3))
    with pytest.raises(DataError, match="`threshold` names the label `pink`, which the model has not"):
        task.bind(describe(processor), choose(threshold={"pink": 0.3}))


# Runs.


@pytest.mark.slow
def test_its_export_says_what_it_says(report):
    verdicts = {(one["check"], one["backend"]): one["verdict"] for one in report["results"]}
    assert verdicts["parity/tensors", "onnx"] == verdicts["parity/agreement", "onnx"] == "PASS"
    losses = [
        one["numbers"]["value"]["estimate"] for one in report["results"] if one["check"] == "metrics/hamming-loss"
    ]
    assert len(losses) == 2
    assert 0 < losses[0] == losses[1] < 1


@pytest.mark.slow
def test_the_module_that_a_damaged_export_fails_in_is_named(project, report):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-2, 2, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, project.folder / "damaged.onnx")
    done = project.run("--set", "backends.onnx.path=damaged.onnx", "--only", "parity/tensors", "--json", "-")
    assert done.code == 1, done.err
    (result,) = (one for one in done.json["results"] if one["backend"] == "onnx")
    assert result["evidence"]["details"]["first_divergence"]["module"] == DAMAGED
    assert result["verdict"] == "FAIL"
