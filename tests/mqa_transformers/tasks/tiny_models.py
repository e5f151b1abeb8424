"""Tiny BERTs that are trained within a test session, each in a second or two, on sentences made of a few words.

A sentence has a topic word or several, so that a multi-label model is all but perfect; its length and its words give a
number; and of a pair of sentences the second follows from the first, contradicts it, or does neither. What a masked model fills in
follows from another word of the sentence.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SEED = 7
STEPS, BATCH = 120, 64
TOPICS = {"music": ("song", "drum"), "sport": ("ball", "race"), "food": ("soup", "bread"), "rain": ("cloud", "storm")}
FILLERS = ("the", "was", "a", "and", "with", "long", "new")
SCORES = {"awful": -2.0, "poor": -1.0, "fine": 1.0, "great": 2.0}
COLOURS = ("red", "blue", "green")
THINGS = ("car", "house", "bird")
RELATIONS = ("entailment", "neutral", "contradiction")
WORDS = (
    *(word for words in TOPICS.values() for word in words), *FILLERS, *SCORES, *COLOURS, *THINGS, "is", "not", "maybe",
)  # fmt: skip
PIECES = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
)  # fmt: skip
SIZES: Mapping[str, Any] = {
    "vocab_size": len(PIECES), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0, "initializer_range": 0.1,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Texts, or pairs of them, and the target of each row."""

    texts: Sequence[str]
    targets: Sequence[Any]
    pairs: Sequence[str] = ()


def make_topics(count: int, seed: int) -> Examples:
    """Sentences with none to three topics, and the list of these."""
    rng = np.random.default_rng(seed)
    texts, targets = [], []
    for _ in range(count):
        names = [name for name in TOPICS if rng.random() < 0.35]
        words = [str(rng.choice(TOPICS[name])) for name in names]
        words += [str(word) for word in rng.choice(FILLERS, size=rng.integers(2, 5))]
        texts.append(" ".join(str(word) for word in rng.permutation(words)))
        targets.append(names)
    return Examples(texts, targets)


def make_scores(count: int, seed: int) -> Examples:
    """Sentences with one to three judgements, and the mean of what these say."""
    rng = np.random.default_rng(seed)
    texts, targets = [], []
    for _ in range(count):
        judgements = [str(word) for word in rng.choice(list(SCORES), size=rng.integers(1, 4))]
        words = [*judgements, *(str(word) for word in rng.choice(FILLERS, size=rng.integers(2, 5)))]
        texts.append(" ".join(str(word) for word in rng.permutation(words)))
        targets.append(float(np.mean([SCORES[word] for word in judgements])))
    return Examples(texts, targets)


def make_pairs(count: int, seed: int) -> Examples:
    """Premises and hypotheses: of what may be so, nothing follows; else a hypothesis says the same, or with `not` the contrary."""
    rng = np.random.default_rng(seed)
    texts, pairs, targets = [], [], []
    for _ in range(count):
        thing, colour, filler = (str(rng.choice(words)) for words in (THINGS, COLOURS, FILLERS))
        is_doubtful, is_denied = rng.random(2) < 0.4
        texts.append(f"{'maybe' if is_doubtful else filler} {thing} is {colour}")
        pairs.append(f"the {thing} is {'not ' if is_denied else ''}{colour}")
        targets.append(RELATIONS[1 if is_doubtful else 2 if is_denied else 0])
    return Examples(texts, targets, pairs)


def make_facts(count: int, seed: int) -> Examples:
    """Sentences with both words of a topic, the second of which is the target: the first says what it is."""
    rng = np.random.default_rng(seed)
    texts, targets = [], []
    for _ in range(count):
        first, second = (str(word) for word in rng.permutation(TOPICS[str(rng.choice(list(TOPICS)))]))
        fillers = [str(word) for word in rng.choice(FILLERS, size=rng.integers(1, 4))]
        texts.append(f"{first} and {second} is {' '.join(fillers)}")
        targets.append(second)
    return Examples(texts, targets)


def train(folder: Path, examples: Examples, encode_target: Any, **config: Any) -> Path:
    """A folder with a BERT that was trained on some examples, by its own loss, and its tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from mqa_transformers.loading import silence_transformers

    folder.mkdir(parents=True)
    write_tokenizer(folder)
    torch.manual_seed(SEED)
    with silence_transformers():
        model = BertForSequenceClassification(BertConfig(**SIZES, **config))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        columns = [list(examples.texts), *([list(examples.pairs)] if examples.pairs else [])]
        rows = tokenizer(*columns, padding=True, return_tensors="pt")
        targets = torch.tensor([encode_target(target) for target in examples.targets])
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for chosen in torch.randint(len(targets), (STEPS, BATCH)):
            loss = model(**{name: array[chosen] for name, array in rows.items()}, labels=targets[chosen]).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval().save_pretrained(folder)
    return folder


def train_topics(folder: Path) -> Path:
    """A multi-label model: `problem_type` is in its configuration."""
    names = list(TOPICS)
    return train(
        folder,
        make_topics(1500, SEED),
        lambda target: [float(name in target) for name in names],
        problem_type="multi_label_classification",
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )


def train_scores(folder: Path) -> Path:
    """A model of one output, a number."""
    return train(folder, make_scores(1500, SEED), float, num_labels=1)


def train_pairs(folder: Path) -> Path:
    """A model of natural language inference."""
    return train(
        folder,
        make_pairs(1500, SEED),
        RELATIONS.index,
        id2label=dict(enumerate(RELATIONS)),
        label2id={name: number for number, name in enumerate(RELATIONS)},
    )


def train_masked(folder: Path) -> Path:
    """A masked language model: of every sentence, a word that is drawn is masked."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    from mqa_transformers.loading import silence_transformers

    folder.mkdir(parents=True)
    write_tokenizer(folder)
    torch.manual_seed(SEED)
    with silence_transformers():
        model, tokenizer = BertForMaskedLM(BertConfig(**SIZES)), AutoTokenizer.from_pretrained(folder)
        rows = tokenizer(list(make_facts(1000, SEED).texts), padding=True, return_tensors="pt")
        words = ~torch.isin(rows["input_ids"], torch.tensor(tokenizer.all_special_ids))
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for chosen in torch.randint(len(words), (3 * STEPS // 2, BATCH)):
            masked = torch.zeros_like(words[chosen])
            masked.scatter_(1, torch.multinomial(words[chosen].float(), 1), value=True)
            batch = {name: array[chosen] for name, array in rows.items()}
            ids = batch.pop("input_ids")
            labels = ids.masked_fill(~masked, -100)
            loss = model(input_ids=ids.masked_fill(masked, tokenizer.mask_token_id), labels=labels, **batch).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval().save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    from tokenizers import BertWordPieceTokenizer

    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    BertWordPieceTokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
