"""Predictions by hand, in any schema; and runners in memory, to hold against one another."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import NotRunError, Predictions, ProbeContext, RunnerFacts, ViewContext, as_predictions
from mqa_registry.types import Rows
from tests.stand_ins import make_codec

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def predicted() -> Callable[..., Predictions]:
    """Predictions of one schema from its columns."""

    def make(schema: str, classes: tuple[str, ...] | None = None, **columns: Any) -> Predictions:
        rows = len(next(iter(columns.values())))
        return as_predictions(pa.table({"id": [str(n) for n in range(rows)], **columns}), schema, classes)

    return make


WORDS, WIDTH, LABELS = 50, 16, 3


def network(batch, dtype, *, gelu=0.044715, seed=7):
    """A small network in numpy, each step in `dtype`: `hidden` has positions, `logits` has rows, `ids` are integers."""
    rng = np.random.default_rng(seed)
    table, inner, head = (
        rng.normal(size=size).astype(np.float32) for size in ((WORDS, WIDTH), (WIDTH, WIDTH), (WIDTH, LABELS))
    )
    weights = batch["mask"][..., None].astype(dtype)
    x = table.astype(dtype)[batch["words"]] @ inner.astype(dtype)
    cubed = np.asarray(gelu, dtype) * x**3
    hidden = np.asarray(0.5, dtype) * x * (1 + np.tanh(np.asarray(0.7978845608, dtype) * (x + cubed)))
    pooled = (hidden * weights).sum(1) / weights.sum(1)
    logits = pooled @ head.astype(dtype)
    # Where there is padding, the answer is anything, as with a padded row of an attention.
    hidden = np.where(weights > 0, hidden, np.asarray(np.finfo(dtype).eps * 1e4, dtype))
    return {"hidden": hidden, "logits": logits, "ids": logits.argmax(1)}


@dataclass
class Fixed:
    """A runner of a function of a batch and a dtype, in no other precision; `changes` edit its outputs as a fault does."""

    compute: Any = network
    dtype: str = "float32"
    changes: Any = None
    budget: int = 256
    batches: list[Any] = field(default_factory=list)
    precision: str = ""  # what it says, where that is something else
    threaded: Any = None  # its changes with another number of threads

    @property
    def identity(self):
        return {"dtype": self.dtype}

    @property
    def facts(self):
        return RunnerFacts(precision=self.precision or self.dtype)

    def run(self, batch):
        self.batches.append(batch)
        found = self.compute(batch, np.dtype(self.dtype).type)
        if self.changes:
            found = self.changes(found)
        return {name: _whole(values) for name, values in found.items()}


@dataclass
class Numpy(Fixed):
    """One that runs in other precisions too."""

    @contextmanager
    def variant(self, *, dtype="", optimization="", threads=None):
        if threads and self.threaded is None:
            raise NotRunError("it has no threads")
        yield replace(self, dtype=dtype or self.dtype, changes=self.threaded if threads else self.changes)


def _whole(values):
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _collate(rows):
    width = max(len(row["words"]) for row in rows)
    words = np.array([np.pad(row["words"], (0, width - len(row["words"]))) for row in rows])
    return {"words": words, "mask": np.array([np.arange(width) < len(row["words"]) for row in rows], np.int64)}


CODEC = make_codec(
    encode=lambda examples: [{"words": np.array([ord(letter) % WORDS for letter in one["text"]])} for one in examples],
    collate=_collate,
    cost=lambda row: len(row["words"]),
    padding_mask="mask",
)


@dataclass
class Weighed(Numpy):
    """One that shows its weights as the PyTorch backend does, and holds its own, of which some differ, against others."""

    differing: int = 0
    error: str = ""
    unread: tuple[str, ...] = ()

    def weights(self, module):
        return {"layer.weight": np.zeros((2, 2), np.float32)}

    def compare_weights(self, weights):
        assert dict(weights()).keys() == {"layer.weight"}
        if self.error:
            raise ValueError(self.error)
        reason = "1 of 400 rows differ, by 0.46 at most"
        one = SimpleNamespace(tensor="val_1", weight="layer.weight", reason=reason)
        differences = (one,) * self.differing
        return SimpleNamespace(
            matched=57 - self.differing, unknown=(), unrecognized=self.unread, differences=differences
        )


@pytest.fixture(scope="session")
def weighed():
    """A runner of which so many of its 57 weights differ."""
    return lambda differing=0, error="", unread=(): Weighed(differing=differing, error=error, unread=unread)


@pytest.fixture(scope="session")
def numpy_runner():
    return Numpy


@pytest.fixture(scope="session")
def fixed_runner():
    return Fixed


@pytest.fixture(scope="session")
def codec():
    return CODEC


@pytest.fixture
def context():
    """Two runners, the candidate and the reference, before the same rows."""

    def make(candidate, reference=None, *, texts=None, codec=CODEC, seed=7, about=None):
        texts = texts or ["a" * (1 + number % 9) + chr(ord("a") + number % 26) for number in range(40)]
        table = pa.table({"id": [f"row {number}" for number in range(len(texts))], "text": texts})
        views = [
            runner and ViewContext(name, Rows(table, ("text",)), opened=lambda runner=runner: runner)
            for name, runner in (("onnx", candidate), ("torch", reference))
        ]
        model_under_test = SimpleNamespace(codec=codec, model=SimpleNamespace(about=about or {}))
        return ProbeContext(views[0], np.random.default_rng(seed), views[1], model_under_test)

    return make
