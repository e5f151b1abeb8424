"""A plugin with a model that counts letters, slowly, and writes down every batch it runs."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Backend, Codec, Model, ModelSource, Perturbation, Probe, ProbeContext, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def letters(task: Task, context: Any) -> Model:
    """A model that counts letters."""
    return Model(digest="letters", module=lambda: None, processor=lambda: None, labels=("few", "many"))


def count(model: Model) -> Codec:
    """Whether a text has many vowels."""
    return Codec(_encode, _collate, partial(_decode, model.labels), lambda row: len(row["codes"]))


def _encode(examples: Any) -> list[dict[str, Any]]:
    return [{"codes": np.frombuffer(example["text"].encode(), dtype=np.uint8)} for example in examples]


def _collate(rows: Any) -> dict[str, Any]:
    width = max(len(row["codes"]) for row in rows)
    return {"codes": np.array([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}


def _decode(classes: Any, outputs: Any, rows: Any) -> pa.Table:
    share = outputs["share"]
    labels = [classes[int(one > 0.3)] for one in share]
    return pa.table({"label": labels, "probability": [[1 - one, one] for one in share]})


def _identity(model_under_test: Any) -> dict[str, str]:
    return {"device": "cpu"}


@dataclass
class _Runner:
    identity: Mapping[str, str] = field(default_factory=lambda: {"device": "cpu"})
    facts: Mapping[str, Any] = field(default_factory=lambda: {"device": "cpu"})
    budget: int = 600

    def run(self, batch: Any) -> dict[str, Any]:
        codes = batch["codes"]
        with Path(os.environ["LETTERS_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{codes.shape} {int(codes.astype(np.int64).sum())}\n")
        time.sleep(0.02)
        vowels = np.isin(codes, list(b"aeiou")).sum(axis=1)
        # The width of the batch leaks into the last digits, as it does on real hardware.
        return {"share": vowels / (codes > 0).sum(axis=1) + codes.shape[1] * 1e-9}


@contextmanager
def slowly(model_under_test: Any) -> Iterator[_Runner]:
    """Count, and take some time over it."""
    yield _Runner()


def alone(context: ProbeContext) -> pa.Table:
    """Whether a row is answered alone as it is among others."""
    assert context.model_under_test is not None
    codec = context.model_under_test.codec
    examples = list(context.view.rows.examples())[:6]
    rows = codec.encode(examples)
    runner = context.view.runner
    together = runner.run(codec.collate(rows))["share"]
    apart = [float(runner.run(codec.collate([row]))["share"][0]) for row in rows]
    texts = [example["text"] for example in examples]
    return pa.table({"text": texts, "off": np.abs(together - np.array(apart))})


def _offs(seen: pa.Table) -> Mapping[str, Any]:
    off = seen.column("off").to_numpy()
    return {"value": float(off.max()), "mean": off}


def _furthest(seen: pa.Table) -> Mapping[str, Any]:
    row = int(np.argmax(seen.column("off").to_numpy()))
    fields = {"text": seen.column("text")[row].as_py()}
    return {"remarks": ["a row alone is answered otherwise"], "examples": [{"id": str(row), "fields": fields}]}


@hookimpl
def mqa_probes() -> Iterator[Probe]:
    yield Probe(
        "alone", alone, gives=("value", "mean"), numbers=_offs, evidence=_furthest, sees="runner", texts=("text",)
    )


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
def mqa_models() -> Iterator[ModelSource]:
    yield ModelSource("letters", letters)


@hookimpl
def mqa_tasks() -> Iterator[Task]:
    yield Task("count", count, schema="label", fields={"text": "text"}, sample=(), metric="metrics/accuracy")


@hookimpl
def mqa_backends() -> Iterator[Backend]:
    yield Backend("slowly", slowly, identity=_identity)
