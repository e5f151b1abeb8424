"""A plugin with a model that counts letters, slowly, and writes down every batch it runs."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import (
    Backend,
    Codec,
    Evidence,
    ExampleRow,
    Model,
    ModelSource,
    NoOptions,
    Perturbation,
    Probe,
    ProbeContext,
    RunnerFacts,
    Task,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import ModelUnderTest, RunContext


class Letters(ModelSource[NoOptions]):
    """A model that counts letters."""

    name = "letters"

    def load(self, task: Task[Any], run_context: RunContext, options: NoOptions) -> Model:
        return Model(digest="letters", module=lambda: None, processor=lambda: None, labels=("few", "many"))


class Count(Task[NoOptions]):
    """Whether a text has many vowels."""

    name = "count"
    schema = "label"
    fields: Mapping[str, str] = {"text": "text"}
    metric = "metrics/accuracy"

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return CountCodec(model)


class CountCodec(Codec):
    def __init__(self, model: Model) -> None:
        self._classes = model.labels

    def encode(self, examples: Any) -> list[dict[str, Any]]:
        return [{"codes": np.frombuffer(example["text"].encode(), dtype=np.uint8)} for example in examples]

    def collate(self, rows: Any) -> dict[str, Any]:
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.array([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def decode(self, outputs: Any, rows: Any) -> pa.Table:
        share = outputs["share"]
        labels = [self._classes[int(one > 0.3)] for one in share]
        return pa.table({"label": labels, "probability": [[1 - one, one] for one in share]})

    def cost(self, row: Any) -> int:
        return len(row["codes"])


@dataclass
class _Runner:
    identity: Mapping[str, str] = field(default_factory=lambda: {"device": "cpu"})
    facts: RunnerFacts = field(default_factory=lambda: RunnerFacts(device="cpu"))
    budget: int = 600

    def run(self, batch: Any) -> dict[str, Any]:
        codes = batch["codes"]
        with Path(os.environ["LETTERS_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{codes.shape} {int(codes.astype(np.int64).sum())}\n")
        time.sleep(float(os.environ.get("LETTERS_SECONDS", "0.02")))
        vowels = np.isin(codes, list(b"aeiou")).sum(axis=1)
        # The width of the batch leaks into the last digits, as it does on real hardware.
        return {"share": vowels / (codes > 0).sum(axis=1) + codes.shape[1] * 1e-9}


class Slowly(Backend[NoOptions]):
    """Counts, and takes some time over it."""

    name = "slowly"

    def identity(self, model_under_test: ModelUnderTest, options: NoOptions) -> dict[str, str]:
        return {"device": "cpu"}

    @contextmanager
    def open(self, model_under_test: ModelUnderTest, options: NoOptions) -> Iterator[_Runner]:
        yield _Runner()


class Alone(Probe[NoOptions]):
    """Whether a row is predicted alone as it is among others."""

    name = "alone"
    inputs = "runner"
    outputs = ("value", "mean")
    text_columns = ("text",)

    def observe(self, context: ProbeContext, options: NoOptions) -> pa.Table:
        assert context.model_under_test is not None
        codec = context.model_under_test.codec
        examples = list(context.view.rows.examples())[:6]
        rows = codec.encode(examples)
        runner = context.view.runner
        together = runner.run(codec.collate(rows))["share"]
        apart = [float(runner.run(codec.collate([row]))["share"][0]) for row in rows]
        texts = [example["text"] for example in examples]
        return pa.table({"text": texts, "off": np.abs(together - np.array(apart))})

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        off = table.column("off").to_numpy()
        return {"value": float(off.max()), "mean": off}

    def evidence(self, table: pa.Table) -> Evidence:
        row = int(np.argmax(table.column("off").to_numpy()))
        fields = {"text": table.column("text")[row].as_py()}
        return Evidence(["a row alone is answered otherwise"], examples=[ExampleRow(str(row), fields)])


@hookimpl
def mqa_probes() -> list[Probe[Any]]:
    return [Alone()]


def stars(example: Mapping[str, str], rng: np.random.Generator, *, severity: int = 1) -> dict[str, str]:
    """Some letters of a text as stars."""
    letters = list(example["text"])
    for place in rng.permutation(len(letters))[: 2 * severity]:
        letters[place] = "*"
    return {"text": "".join(letters)}


@hookimpl
def mqa_perturbations() -> Iterator[Perturbation]:
    yield Perturbation("stars", stars, modality="text")


@hookimpl
def mqa_models() -> list[ModelSource[Any]]:
    return [Letters()]


@hookimpl
def mqa_tasks() -> list[Task[Any]]:
    return [Count()]


@hookimpl
def mqa_backends() -> list[Backend[Any]]:
    return [Slowly()]
