"""A tiny encoder, trained within a test session: texts about the same topic get vectors that are near each other."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tests.mqa_transformers.tasks.tiny_models import FILLERS, TOPICS, train_topics

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MAX_LENGTH = 16
PREFIX = "sentence_transformers.models"


@dataclass(frozen=True)
class Texts:
    """Texts, by their ids, and the topic of each."""

    ids: list[str]
    texts: list[str]
    topics: list[str]


def make_texts(count: int, seed: int, prefix: str) -> Texts:
    """Sentences about one topic each."""
    rng = np.random.default_rng(seed)
    topics = [str(name) for name in rng.choice(list(TOPICS), size=count)]
    texts = []
    for topic in topics:
        words = [*rng.choice(TOPICS[topic], size=2), *rng.choice(FILLERS, size=rng.integers(2, 6))]
        texts.append(" ".join(str(word) for word in rng.permutation(words)))
    return Texts([f"{prefix}{number}" for number in range(count)], texts, topics)


def shared_encoder(folders: pytest.TempPathFactory) -> Path:
    """The folder of an encoder that is trained once a session; not to be changed."""
    return _train_shared(folders.getbasetemp())


def shared_export(folders: pytest.TempPathFactory) -> Path:
    """A folder with that encoder, `encoder`, and its export, `model.onnx`, made once a session; not to be changed."""
    return _export_shared(folders.getbasetemp())


@cache
def _train_shared(root: Path) -> Path:
    folder = root / "shared-encoder"
    folder.mkdir()
    return train_encoder(folder / "encoder")


@cache
def _export_shared(root: Path) -> Path:
    import torch
    import transformers

    from mqa_onnxruntime.export.exporters import export

    encoder, folder = _train_shared(root), root / "shared-export"
    shutil.copytree(encoder, folder / "encoder")
    model = transformers.AutoModel.from_pretrained(encoder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    batch = {name: array.numpy() for name, array in tokenizer(["a song"] * 3, return_tensors="pt").items()}
    export(model, batch, dict.fromkeys(batch, (0, 1)), folder, None)
    return folder


def train_encoder(folder: Path, pooling: str = "mean") -> Path:
    """A folder with the encoder of a classifier of topics, as sentence-transformers writes it."""
    from transformers import AutoModel

    from mqa_transformers.loading import silence_transformers

    classifier = train_topics(folder.with_name(f"{folder.name}-classifier"))
    with silence_transformers():
        AutoModel.from_pretrained(classifier).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((classifier / name).read_text("utf-8"), "utf-8")
    write_modules(folder, pooling)
    return folder


def write_modules(folder: Path, pooling: str, *others: str) -> None:
    """The files of sentence-transformers: pooling, then normalization and `others`, which have no files."""
    kinds = ["Transformer", "Pooling", "Normalize", *others]
    modules = [
        {"idx": number, "name": str(number), "path": f"{number}_{kind}" if number else "", "type": f"{PREFIX}.{kind}"}
        for number, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    key = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token", "max": "pooling_mode_max_tokens"}
    modes = {name: name == key[pooling] for name in key.values()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **modes}), "utf-8")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": MAX_LENGTH}), "utf-8")
