"""A model in numpy that takes as long as a test says, and the context in which a probe runs it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import (
    Codec,
    Model,
    ModelUnderTest,
    NoOptions,
    ProbeContext,
    RunContext,
    RunnerFacts,
    Task,
    ViewContext,
)
from mqa_registry.types import Rows


class LettersCodec(Codec):
    """A text is the codes of its letters, padded with 0."""

    def encode(self, examples):
        return [{"codes": np.array([ord(letter) for letter in one["text"]], np.int64)} for one in examples]

    def collate(self, rows):
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.stack([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def decode(self, outputs, rows):
        return pa.table({"label": ["?"] * len(rows)})

    def cost(self, row):
        return len(row["codes"])


class Letters(Task[NoOptions]):
    """A text is the codes of its letters."""

    name = "letters"
    schema = "label"
    fields = {"text": "text"}  # noqa: RUF012 - not changed by any test
    metric = "m/m"
    sample = ({"text": "ab"},)

    def bind(self, model, options):
        return LettersCodec()


@dataclass
class Sleeper:
    """A runner that takes so many seconds a batch, and remembers what it was given."""

    takes: float = 0.0
    name: str = ""
    facts: RunnerFacts = field(default_factory=RunnerFacts)
    log: list[tuple[str, np.ndarray]] = field(default_factory=list)
    identity: dict[str, str] = field(default_factory=dict)
    budget: int = 1

    def run(self, batch):
        self.log.append((self.name, batch["codes"]))
        if self.takes:
            time.sleep(self.takes)
        return {"score": np.zeros(len(batch["codes"]))}


@pytest.fixture
def sleeper():
    return Sleeper


@pytest.fixture
def context(tmp_path):
    """A context of a runner, and of another to hold it against, over texts of 1 to 20 letters."""

    def of(runner, reference=None, *, rows=20, seed=7, spec=None):
        texts = ["x" * (1 + row % 20) for row in range(rows)]
        table = pa.table({"id": [str(row) for row in range(rows)], "text": pa.array(texts, pa.string())})
        view = ViewContext("new", Rows(table, ("text",)), opened=lambda: runner, spec=spec)
        other = ViewContext("old", Rows(table, ("text",)), opened=lambda: reference) if reference else None
        model = Model(digest="d", module=lambda: None, processor=lambda: None)
        model_under_test = ModelUnderTest(model, Letters(), RunContext(exports=tmp_path), NoOptions())
        return ProbeContext(view, np.random.default_rng(seed), other, model_under_test)

    return of
