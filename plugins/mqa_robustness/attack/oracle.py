"""The oracle: a model that can only be asked, in batches, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import MqaError, NotRunError, OutOfMemoryError, shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Batching, Codec, Example, LiveView, Scene

    Encoded: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]

TOGETHER = 2048  # encoded at a time


@dataclass(frozen=True)
class Answer:
    """What the model says of one text: no label where it gives NaN or Inf."""

    label: str | None
    probabilities: Mapping[str, float]

    def of(self, label: str | None) -> float:
        """How sure it is of a label; where it gives no probabilities, 1 if that is its answer."""
        if self.label is None:
            return 0.0
        return self.probabilities.get(label or "", float(self.label == label))

    @property
    def sureness(self) -> float | None:
        """How sure it is of its own answer."""
        return self.probabilities.get(self.label or "")


@dataclass(frozen=True)
class Oracle:
    """A runner with the codec of its task: all that an attack knows of a model."""

    view: LiveView
    codec: Codec
    labels: tuple[str, ...]
    batching: Batching

    def answers(self, names: Sequence[str], examples: Sequence[Example]) -> list[Answer]:
        """The answer for each of some examples; `names` are the ids of the rows that they were made of.

        Equal encodings are run once. An MqaError names the row where the model fails.
        """
        found: list[Answer] = []
        for start in range(0, len(examples), TOGETHER):
            part = slice(start, start + TOGETHER)
            found += self._answers(names[part], self.codec.encode(examples[part]))
        return found

    def _answers(self, names: Sequence[str], rows: Sequence[Encoded]) -> list[Answer]:
        keys = [_key(row) for row in rows]
        distinct = {key: (name, row) for key, name, row in zip(keys, names, rows, strict=True)}
        batches = self.batching.batches(
            sorted(distinct, key=lambda key: -self.codec.size(distinct[key][1])),
            self.view.runner.budget,
            size=lambda key: self.codec.size(distinct[key][1]),
            shape=lambda key: shapes(distinct[key][1]),
        )
        known: dict[bytes, Answer] = {}
        for batch in batches:
            known |= zip(batch, self._run([distinct[key] for key in batch]), strict=True)
        return [known[key] for key in keys]

    def _run(self, batch: Sequence[tuple[str, Encoded]]) -> list[Answer]:
        rows = [row for _, row in batch]
        try:
            outputs = self.view.runner.run(self.codec.collate(rows))
        except OutOfMemoryError:
            if len(batch) == 1:
                raise
            middle = len(batch) // 2
            return self._run(batch[:middle]) + self._run(batch[middle:])
        except MqaError:
            raise
        except Exception as error:
            if len(batch) == 1:
                raise _failed(batch[0][0], self.view.backend, error) from error
            return [answer for one in batch for answer in self._run([one])]
        return list(self._read(self.codec.decode(outputs, rows).to_pylist()))

    def _read(self, answers: Sequence[Mapping[str, Any]]) -> Iterator[Answer]:
        for answer in answers:
            sure = answer.get("probability") or ()
            named = dict(zip(self.labels, sure, strict=True)) if sure else {}
            yield Answer(answer["label"], named)


def oracle_of(scene: Scene, view: LiveView) -> Oracle:
    """A view's runner, ready to be asked; a NotRunError where it does not sort rows into classes."""
    if scene.subject is None:
        raise NotRunError("there is no model to attack", hint="give the suite a `[model]`")
    task = scene.subject.task
    if task.schema != "label":
        raise NotRunError(
            f"an attack needs a model that gives a row one label, and `{task.name}` gives {task.schema}",
            hint="attack a model for classification",
        )
    return Oracle(view, view.codec or scene.subject.codec, scene.subject.model.labels, scene.batching)


def _failed(name: str, backend: str, error: Exception) -> MqaError:
    return MqaError(
        f"backend `{backend}` fails on row `{name}` or an edit of it: {type(error).__name__}: {error}",
        hint="does the model bear such a text alone?",
    )


def _key(row: Encoded) -> bytes:
    """What tells one encoded row from another."""
    parts = [(name, row[name].dtype.str, row[name].shape) for name in sorted(row)]
    return repr(parts).encode() + b"".join(np.ascontiguousarray(row[name]).tobytes() for name in sorted(row))
