"""A bag-of-words model in memory, and scenes in which a probe can only query it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import Codec, OutOfMemoryError, ProbeContext, ViewContext
from mqa_registry.types import Rows

WEIGHTS = {"good": 1.0, "great": 2.0, "splendid": 3.0, "terrible": -1.0, "awful": -2.0, "dreadful": -3.0}
LABELS = ("sour", "sweet")


@dataclass
class BagOfWords:
    """A text is sweet where the weights of its words sum to more than `bias`; unknown words weigh nothing.

    A text with `broken` in it makes the score NaN, one with `deadly` raises. A model that is `forgiving` reads an unknown
    word as a weighted one with the same first and last letter.
    """

    bias: float = 0.5
    broken: str = "\0"
    deadly: str = "\0"
    forgiving: bool = False
    probabilities: bool = True
    budget: int = 400
    most_rows: int = 10_000
    texts: list[str] = field(default_factory=list)  # that it encoded
    batches: list[Any] = field(default_factory=list)

    @property
    def codec(self) -> Codec:
        return Letters(self)

    def run(self, batch):
        codes = batch["codes"]
        if len(codes) > self.most_rows:
            raise OutOfMemoryError("too many rows")
        self.batches.append(codes.shape)
        return {"score": np.array([self._score("".join(chr(code) for code in row if code)) for row in codes])}

    def label_of(self, text: str) -> str | None:
        """The label of one text, predicted by itself."""
        return LABELS[int(self._score(text) > 0.5)]

    def _score(self, text):
        if self.deadly in text:
            raise RuntimeError("there is a word in it")
        weight = sum(self._weight(word.strip(".,!?")) for word in text.lower().split())
        return math.nan if self.broken in text else 1 / (1 + math.exp(self.bias - weight))

    def _weight(self, word):
        alike = [other for other in WEIGHTS if (other[0], other[-1]) == (word[:1], word[-1:]) and self.forgiving]
        return WEIGHTS.get(word, WEIGHTS[alike[0]] if alike else 0.0)

    def encode(self, examples):
        """The codes of the letters of every text."""
        texts = [" ".join(str(text) for text in example.values() if text) for example in examples]
        self.texts += texts
        return [{"codes": np.array([ord(letter) for letter in text], np.int64)} for text in texts]

    def decode(self, outputs):
        """The label of every score and, where the model has them, the probabilities."""
        score = outputs["score"]
        labels = [None if np.isnan(one) else LABELS[int(one > 0.5)] for one in score]
        pairs = [None if np.isnan(one) else [1 - one, one] for one in score]
        sure = {"probability": pa.array(pairs, pa.list_(pa.float64()))} if self.probabilities else {}
        return pa.table({"label": pa.array(labels, pa.string()), **sure})


@dataclass
class Letters(Codec):
    """Texts as the codes of their letters, padded with zeros."""

    model: BagOfWords

    def encode(self, examples):
        return self.model.encode(examples)

    def collate(self, rows):
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.array([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def decode(self, outputs, rows):
        return self.model.decode(outputs)

    def cost(self, row):
        return len(row["codes"])


@pytest.fixture(scope="session")
def bag_of_words():
    return BagOfWords


@pytest.fixture(scope="session")
def make_context():
    """A context of such models: the one that is judged and, where the probe compares, its reference."""

    def make(texts, targets=None, *, model=None, reference=None, schema="label", modality="text", seed=7):
        model = model or BagOfWords()
        columns = texts if isinstance(texts, dict) else {"text": texts}
        names = [f"row {number}" for number in range(len(next(iter(columns.values()))))]
        table = pa.table({"id": names, **columns} | ({} if targets is None else {"target": targets}))
        rows = Rows(table, tuple(columns))
        views = [
            one and ViewContext(name, rows, opened=lambda one=one: one)
            for name, one in (("onnx", model), ("torch", reference))
        ]
        task = SimpleNamespace(name="sweetness", schema=schema, fields=dict.fromkeys(columns, modality), grouping=None)
        model_under_test = SimpleNamespace(
            codec=(reference or model).codec, task=task, model=SimpleNamespace(labels=LABELS)
        )
        return ProbeContext(views[0], np.random.default_rng(seed), views[1], model_under_test)

    return make


@pytest.fixture(scope="session")
def run_search():
    """The result of a search, with a function of the edits for the predictions."""

    def run(search, predict):
        try:
            queries = next(search)
            while True:
                queries = search.send([predict(edits) for edits in queries])
        except StopIteration as stop:
            return stop.value

    return run
