"""A tiny BERT with random weights and a WordPiece tokenizer that spells words."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path

import pytest

import mqa_transformers
from mqa_registry import ModelUnderTest, RunContext
from mqa_transformers.model_source import AutoOptions
from mqa_transformers.tasks.text_classification import TextClassificationOptions

DEMO = Path(__file__).parents[2] / "suites/models/reviews-minilm"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES = [
    *SPECIAL,
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *string.digits,
    *".,!?'",
    *("good", "bad", "movie", "the", "was"),
]


def write_tokenizer(folder: Path, **settings: object) -> None:
    from tokenizers import BertWordPieceTokenizer

    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    BertWordPieceTokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    whole = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(whole))


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """The folder of a model that answers `negative` or `positive`; not to be changed."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from mqa_transformers.loading import silence_transformers

    folder = tmp_path_factory.mktemp("models") / "bert"
    labels = {0: "negative", 1: "positive"}
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,  # weights large enough for answers that differ
        id2label=labels,
        label2id={label: number for number, label in labels.items()},
    )
    torch.manual_seed(7)
    with silence_transformers():
        BertForSequenceClassification(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.fixture
def gpu():
    """Skips where there is no GPU, or a PyTorch without CUDA. Where both are there, what does not start fails."""
    import torch

    from mqa_registry import find_device

    if find_device("auto").kind == "cpu":
        pytest.skip("no driver lists an NVIDIA GPU here")
    if torch.version.cuda is None:
        pytest.skip("this PyTorch is built without CUDA")


@pytest.fixture
def folder(bert, tmp_path):
    """A copy of the model's folder, to be changed."""
    return Path(shutil.copytree(bert, tmp_path / "model"))


@pytest.fixture
def configure(folder):
    """Changes the configuration in the copy; None takes a key out."""

    def change(**keys):
        file = folder / "config.json"
        config = json.loads(file.read_text()) | keys
        file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
        return folder

    return change


@pytest.fixture
def rewrite(folder):
    """Changes the weights in the copy, given as a mapping of names to tensors."""

    def change(edit):
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        edit(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return change


@pytest.fixture
def context(tmp_path):
    return RunContext(exports=tmp_path / "exports", offline=True)


@pytest.fixture
def task():
    return next(iter(mqa_transformers.mqa_tasks()))


@pytest.fixture
def backend():
    return next(iter(mqa_transformers.mqa_backends()))


@pytest.fixture
def opened(task, context):
    """The model in a folder, as the source gives it."""
    source = next(iter(mqa_transformers.mqa_models()))
    return lambda folder, **options: source.load(task, context, AutoOptions(id=folder, **options))


@pytest.fixture
def make_model_under_test(opened, task, context):
    """What a backend runs, for the model in a folder."""
    return lambda folder: ModelUnderTest(opened(folder), task, context, TextClassificationOptions())


@pytest.fixture(scope="session")
def demo():
    """The folder of the model that comes with mqa."""
    if not (DEMO / "model.safetensors").is_file():
        pytest.skip("the demo model is not in this checkout")
    return DEMO
