"""A model that looks its predictions up in a table, for tests of plugins: no library, no weights, every step of a real run.

It is a plugin in a file of its own name, as `--plugin` loads one: suites name `lookup/model`, `lookup/text` and
`lookup/backend`. Two backends with other answers are a reference and a candidate.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Gt, Le

from mqa_registry import Backend, Blob, Codec, Model, ModelSource, NoOptions, RunnerFacts, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example, ModelUnderTest, RunContext

    Arrays = Mapping[str, npt.NDArray[Any]]

MODALITIES = ("text", "image", "audio", "columns")


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """`classes` are those that it predicts."""

    classes: list[str] = field(default_factory=lambda: ["negative", "positive"])


class LookupModel(ModelSource[ModelOptions]):
    """A model without weights: what it predicts stands in the options of its backend."""

    name = "model"

    def load(self, task: Task[Any], run_context: RunContext, options: ModelOptions) -> Model:
        """A model of these classes."""
        digest = json.dumps(["lookup", *options.classes])
        return Model(digest=digest, module=lambda: None, processor=lambda: None, labels=options.classes)


class LookupTask(Task[NoOptions]):
    """What an example is, as the table says: one class, or a number."""

    metric = ""

    def __init__(self, modality: str, schema: str) -> None:
        self.name = modality if schema == "label" else f"{modality}-{schema}"
        self.fields = {modality: modality}
        self.schema = schema

    def bind(self, model: Model, options: NoOptions) -> Codec:
        """The codec that feeds the backend with what it looks up."""
        return KeyCodec(next(iter(self.fields)), self.schema, model.labels)


class KeyCodec(Codec):
    """Examples as the bytes of their keys: of a text itself, of a file its name, of columns their JSON."""

    padding_mask = "mask"

    def __init__(self, field_name: str, schema: str, labels: Sequence[str]) -> None:
        self._field = field_name
        self._schema = schema
        self._labels = labels

    def encode(self, examples: Sequence[Example]) -> Sequence[Arrays]:
        """One array of bytes an example."""
        keys = [make_key(example[self._field]).encode("utf-8") for example in examples]
        return [{"key": np.frombuffer(key, np.uint8)} for key in keys]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """The keys, padded, and a mask that is 0 where a key is padding."""
        keys = np.zeros((len(rows), max(len(row["key"]) for row in rows)), np.uint8)
        mask = np.zeros(keys.shape, np.int64)
        for number, row in enumerate(rows):
            keys[number, : len(row["key"])] = row["key"]
            mask[number, : len(row["key"])] = 1
        return {"key": keys, "mask": mask}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The likeliest class with the probabilities, or the number; null where the table has no answer."""
        numbers = outputs["numbers"]
        if self._schema == "value":
            return pa.table({"value": numbers[:, 0]})
        missing = [bool(np.isnan(row).any()) for row in numbers]
        labels = [None if lacks else self._labels[code] for code, lacks in zip(numbers.argmax(1), missing, strict=True)]
        probabilities = [None if lacks else row.tolist() for row, lacks in zip(numbers, missing, strict=True)]
        return pa.table(
            {"label": pa.array(labels, pa.string()), "probability": pa.array(probabilities, pa.list_(pa.float64()))}
        )

    def cost(self, row: Arrays) -> int:
        """The bytes of the key."""
        return len(row["key"]) + 1


def make_key(value: Any) -> str:
    """What a value is looked up by."""
    if isinstance(value, str):
        return value
    if isinstance(value, Blob):
        return value.name
    return json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """The table.

    `answers` maps what an example contains to its prediction, a class or a number: the longest that is found in it counts.
    Of a text that is a part of it, of a file a part of its name, of columns a part of their JSON. `otherwise` is the
    prediction of all others; left out, they have none. `sure` is the probability of a class that is predicted; the others
    share the rest.
    """

    answers: dict[str, str | float]
    otherwise: str | float | None = None
    sure: Annotated[float, Gt(0), Le(1)] = 0.9


class LookupBackend(Backend[BackendOptions]):
    """A table of answers that runs as a backend."""

    name = "backend"

    def identity(self, model_under_test: ModelUnderTest, options: BackendOptions) -> Mapping[str, str]:
        """The whole table."""
        return {"table": json.dumps([options.answers, options.otherwise, options.sure], sort_keys=True)}

    @contextmanager
    def open(self, model_under_test: ModelUnderTest, options: BackendOptions) -> Iterator[LookupRunner]:
        """A runner of the table."""
        yield LookupRunner(self.identity(model_under_test, options), model_under_test.model.labels, options)


class LookupRunner:
    """A table, loaded and ready."""

    budget = 4096  # bytes of keys at a time
    facts = RunnerFacts(device="cpu")

    def __init__(self, identity: Mapping[str, str], labels: Sequence[str], options: BackendOptions) -> None:
        self.identity = identity
        self._labels = labels
        self._options = options

    def run(self, batch: Arrays) -> Arrays:
        """The probabilities of the classes, or the number, shape (rows, numbers); NaN where there is no answer."""
        lengths = batch["mask"].sum(axis=1)
        keys = [bytes(row[:length]).decode("utf-8") for row, length in zip(batch["key"], lengths, strict=True)]
        return {"numbers": np.array([self._find(key) for key in keys], np.float64)}

    def _find(self, key: str) -> list[float]:
        found = max(
            (part for part in self._options.answers if part in key), key=lambda part: (len(part), part), default=None
        )
        answer = self._options.otherwise if found is None else self._options.answers[found]
        if answer is None:
            return [np.nan] * max(1, len(self._labels))
        if not isinstance(answer, str):
            return [float(answer)]
        others = (1 - self._options.sure) / max(1, len(self._labels) - 1)
        return [self._options.sure if label == answer else others for label in self._labels]


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    yield LookupModel()


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    for modality in MODALITIES:
        yield LookupTask(modality, "label")
        yield LookupTask(modality, "value")


@hookimpl
def mqa_backends() -> Iterable[Backend[Any]]:
    yield LookupBackend()
