"""A plugin with a model that counts vowels, which a caller has in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry import (
    Backend,
    Codec,
    Model,
    ModelDescription,
    ModelSource,
    NoOptions,
    RunnerFacts,
    SuggestedBackend,
    Task,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Options:
    """`digest` is that of the model."""

    digest: str = ""


class Memory(ModelSource[Options]):
    """A model in memory."""

    name = "memory"
    takes = "a `Vowels`"

    def take(self, live):
        return replace(live, digest=f"vowels {live.model.share}") if hasattr(live.model, "share") else None

    def load(self, task, run_context, options):
        live = run_context.find_object(options.digest, "model")
        labels = task.describe(live).labels
        return Model(digest=live.digest, module=lambda: live.model, processor=lambda: None, labels=labels)


class CountCodec(Codec):
    def encode(self, examples):
        return [{"codes": np.frombuffer(example["text"].encode(), np.uint8)} for example in examples]

    def collate(self, rows):
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.array([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def decode(self, outputs, rows):
        return pa.table({"label": [("few", "many")[int(one)] for one in outputs["many"]]})

    def cost(self, row):
        return len(row["codes"])


class Count(Task[NoOptions]):
    """Whether a text has many vowels."""

    name = "count"
    schema = "label"
    fields: Mapping[str, str] = {"text": "text"}
    metric = "metrics/accuracy"
    needs = "vowels"

    def describe(self, live):
        return ModelDescription(("few", "many")) if hasattr(live.model, "share") else None

    def bind(self, model, options):
        return CountCodec()


@dataclass
class Runner:
    share: float
    identity: Mapping[str, str] = field(default_factory=lambda: {"device": "cpu"})
    facts: RunnerFacts = field(default_factory=lambda: RunnerFacts(device="cpu"))
    budget: int = 4096

    def run(self, batch):
        codes = batch["codes"]
        return {"many": np.isin(codes, list(b"aeiou")).sum(axis=1) > self.share * (codes > 0).sum(axis=1)}


class Counting(Backend[NoOptions]):
    """Counts."""

    name = "counting"

    def identity(self, model_under_test, options):
        return {"device": "cpu"}

    def suggest(self, model, file):
        return SuggestedBackend(name="counting", about="")

    @contextmanager
    def open(self, model_under_test, options):
        yield Runner(model_under_test.model.module.share)


@hookimpl
def mqa_models():
    return [Memory()]


@hookimpl
def mqa_tasks():
    return [Count()]


@hookimpl
def mqa_backends():
    return [Counting()]
