"""Models and codecs that model sources and tasks return, wrapped: each call of their methods is a ContributionCall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary.calls import ContributionCall, reject_output, summarize_value
from mqa_registry.boundary.rows import check_decoded
from mqa_registry.contributions import (
    Codec,
    Generation,
    InputVariant,
    LiveModel,
    Model,
    ModelDescription,
    Streaming,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.contributions import RunModeName
    from mqa_registry.contributions.task import Batch, Encoded, OutputReading, Outputs
    from mqa_registry.types import Example


def check_model(contributor: Contributor, output: Any) -> Model:
    """The model that a source returned; its module and processor are built later, each by a ContributionCall."""
    if not isinstance(output, Model):
        reject_output(contributor, f"gave {summarize_value(output)}, and a `Model` is expected")
    if not isinstance(output.digest, str):
        reject_output(
            contributor,
            f"gave a model with the digest {summarize_value(output.digest)}",
            "a digest tells one model from another",
        )
    if not all(isinstance(label, str) for label in output.labels) or len(set(output.labels)) < len(output.labels):
        reject_output(
            contributor,
            f"gave a model with the labels {summarize_value(output.labels)}",
            "labels are text, and no two are the same",
        )
    return output.through(lambda make: _build_part(contributor, make))


def check_live_model(contributor: Contributor, output: Any) -> LiveModel:
    """A model in memory that a source took, with its digest."""
    if not (isinstance(output, LiveModel) and isinstance(output.digest, str) and output.digest):
        reject_output(
            contributor, f"took a model as {summarize_value(output)}", "it gives a `LiveModel` with a digest, or None"
        )
    return output


def check_description(contributor: Contributor, output: Any) -> ModelDescription | None:
    """What a task knows of a model in memory; None where it cannot be for such a model."""
    if not (output is None or isinstance(output, ModelDescription)):
        reject_output(
            contributor, f"describes a model as {summarize_value(output)}", "it gives a `ModelDescription`, or None"
        )
    return output


def _build_part(contributor: Contributor, make: Callable[[], Any]) -> Any:
    with ContributionCall(contributor):
        return make()


def check_inferred_task(contributor: Contributor, output: Any) -> str:
    """The name of the task that a source inferred; empty where it cannot."""
    if not isinstance(output, str):
        reject_output(
            contributor,
            f"infers {summarize_value(output)} for a model's task",
            "it gives the name of a task, as in a suite",
        )
    return output


def check_classes(contributor: Contributor, output: Any) -> tuple[str, ...]:
    """The classes that a task chooses from: texts, no two of which are the same."""
    classes = tuple(output) if isinstance(output, list | tuple) else None
    if classes is None or not all(isinstance(one, str) for one in classes) or len(set(classes)) < len(classes):
        reject_output(
            contributor,
            f"gave the classes {summarize_value(output)}",
            "classes are text, and no two are the same",
        )
    return classes


def check_task(contributor: Contributor, output: Any, task: Task[Any]) -> Task[Any]:
    """What a task gave for a model: a task of the same name and fields, whose schema is one of those that it declares."""
    if not isinstance(output, Task):
        reject_output(contributor, f"gave {summarize_value(output)} for a model, and a `Task` is expected")
    if output.schema not in task.schemas:
        reject_output(
            contributor,
            f"gave a task of the schema `{output.schema}` for a model, and declares {', '.join(f'`{one}`' for one in task.schemas)}",
            "declare it: `Task.other_schemas`",
        )
    if (output.name, dict(output.fields)) != (task.name, dict(task.fields)):
        reject_output(contributor, f"gave the task `{output.name}` for a model, with other fields or another name")
    return output


def check_codec(
    contributor: Contributor, output: Any, schema: str, classes: Sequence[str], run_mode: RunModeName = "forward"
) -> CheckedCodec:
    """The codec that a task of this run mode returned, wrapped."""
    if not isinstance(output, Codec):
        reject_output(contributor, f"gave {summarize_value(output)}, and a `Codec` is expected")
    given = output.run_mode
    if not (given is None or isinstance(given, Generation | Streaming)):
        reject_output(contributor, f"gave a codec with the run mode {summarize_value(given)}")
    if (name := "forward" if given is None else given.name) != run_mode:
        reject_output(
            contributor,
            f"is a task of the run mode `{run_mode}`, and its codec has `{name}`",
            "declare it: `Task.run_mode`",
        )
    if isinstance(given, Streaming) and not output.splits:
        reject_output(
            contributor, "gave a codec that streams and does not split rows", "chunks come from `Codec.split`"
        )
    return CheckedCodec(contributor, output, schema, classes)


class CheckedCodec(Codec):
    """A task's codec: each method is called in a ContributionCall, and its output is checked.

    `reads_outputs` is true where the codec has `read_outputs`, for which some rows are run first. A batch has the states
    of the first step, where the codec's run mode has some.
    """

    def __init__(self, contributor: Contributor, codec: Codec, schema: str, classes: Sequence[str]) -> None:
        self._contributor = contributor
        self._codec = codec
        self._schema = schema
        self._classes = classes
        self._encodes_arrays = False
        self._reading: OutputReading | None = None
        self.padding_mask = codec.padding_mask
        self.limit = codec.limit
        self.length = codec.length
        self.encodes_in_threads = codec.encodes_in_threads
        self.remarks = codec.remarks
        self.run_mode = codec.run_mode
        self.dynamic_axes = codec.dynamic_axes
        self.reads_outputs = type(codec).read_outputs is not Codec.read_outputs

    def with_array_rows(self) -> CheckedCodec:
        """A copy that checks that encoded rows are arrays: these can be compared, padded and stored."""
        codec = copy(self)
        codec._encodes_arrays = True  # noqa: SLF001 - its own
        return codec

    def with_reading(self, reading: OutputReading | None) -> CheckedCodec:
        """A copy that decodes outputs by this reading of them."""
        codec = copy(self)
        codec._reading = reading  # noqa: SLF001 - its own
        return codec

    def encode(self, examples: Sequence[Example]) -> Sequence[Encoded]:
        with ContributionCall(self._contributor):
            encoded = self._codec.encode(examples)
            rows = encoded if isinstance(encoded, list | tuple) else list(encoded)
        if len(rows) != len(examples):
            reject_output(self._contributor, f"encoded {len(examples):,} examples as {len(rows):,}")
        for row in rows if self._encodes_arrays else ():
            check_arrays(self._contributor, "encoded an example as", row)
        return rows

    def collate(self, rows: Sequence[Encoded]) -> Batch:
        with ContributionCall(self._contributor):
            batch = self._codec.collate(rows)
        check_arrays(self._contributor, "made a batch of", batch)
        return batch if self.run_mode is None else self.run_mode.first_step(batch)

    @property
    def splits(self) -> bool:
        return self._codec.splits

    def split(self, row: Encoded) -> Sequence[Encoded]:
        with ContributionCall(self._contributor):
            given = self._codec.split(row)
            parts = given if isinstance(given, list | tuple) else list(given)
        if not parts:
            reject_output(self._contributor, "split a row into no parts", "the row itself is its one part")
        for part in parts:
            check_arrays(self._contributor, "split a row into", part)
        return parts

    def reduce(self, outputs: Outputs, parts: Sequence[Encoded]) -> Outputs:
        with ContributionCall(self._contributor):
            reduced = self._codec.reduce(outputs, parts)
        check_arrays(self._contributor, "reduced the outputs for a batch to", reduced)
        return {name: np.asarray(array) for name, array in reduced.items()}

    def join(self, outputs: Sequence[Outputs], row: Encoded) -> Outputs:
        with ContributionCall(self._contributor):
            joined = self._codec.join(outputs, row)
        check_arrays(self._contributor, "joined the outputs for a row as", joined)
        return {name: np.asarray(array) for name, array in joined.items()}

    def process_logits(self, logits: npt.NDArray[Any], tokens: Sequence[Sequence[int]]) -> npt.NDArray[Any]:
        with ContributionCall(self._contributor):
            processed = np.asarray(self._codec.process_logits(logits, tokens))
        if processed.shape != logits.shape:
            reject_output(
                self._contributor,
                f"made of logits of the shape {logits.shape} some of {processed.shape}",
                "`process_logits` gives a logit for each token of each row",
            )
        return processed

    def decode(self, outputs: Outputs, rows: Sequence[Encoded]) -> pa.Table:
        decode = self._codec.decode if self._reading is None else self._reading.decode
        with ContributionCall(self._contributor):
            table = decode(outputs, rows)
        return check_decoded(self._contributor, table, self._schema, self._classes, len(rows))

    def cost(self, row: Encoded) -> int:
        return self.costs([row])[0]

    def costs(self, rows: Sequence[Encoded]) -> list[int]:
        with ContributionCall(self._contributor):
            costs = [self._codec.cost(row) for row in rows]
        for cost in costs:
            if not is_whole_number(cost, minimum=0):
                reject_output(
                    self._contributor,
                    f"says that a row costs {summarize_value(cost)}",
                    "`cost` is a whole number of tokens or the like",
                )
        return [int(cost) for cost in costs]

    def read_outputs(self, outputs: Outputs, rows: Sequence[Encoded]) -> OutputReading | None:
        with ContributionCall(self._contributor):
            return self._codec.read_outputs(outputs, rows)

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Encoded]) -> Sequence[int]:
        with ContributionCall(self._contributor):
            return self._codec.full_costs(examples, rows)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        with ContributionCall(self._contributor):
            return self._codec.find_unusable(examples)

    def with_length(self, length: int) -> CheckedCodec | None:
        with ContributionCall(self._contributor):
            codec = self._codec.with_length(length)
        return None if codec is None else self._check(codec)

    def with_processor(self, folder: Path) -> CheckedCodec | None:
        with ContributionCall(self._contributor):
            codec = self._codec.with_processor(folder)
        return None if codec is None else self._check(codec)

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        """The same, each of them checked; `other` is one that `with_processor` gave."""
        with ContributionCall(self._contributor):
            given = list(self._codec.variants(other._codec if isinstance(other, CheckedCodec) else other))  # noqa: SLF001 - its own
        for one in given:
            if not isinstance(one, InputVariant):
                reject_output(self._contributor, f"gave {summarize_value(one)}, and an `InputVariant` is expected")
            yield InputVariant(one.difference, self._check(one.codec))

    def _check(self, codec: Codec) -> CheckedCodec:
        """Another codec of the same task, wrapped."""
        run_mode: RunModeName = "forward" if self.run_mode is None else self.run_mode.name
        return check_codec(self._contributor, codec, self._schema, self._classes, run_mode)


def check_arrays(contributor: Contributor, what: str, output: Any) -> None:
    """Refuse anything but arrays by name; arrays of a library that numpy can read are accepted."""
    if not isinstance(output, Mapping):
        reject_output(contributor, f"{what} {summarize_value(output)}, and arrays by name are expected")
    for name, array in output.items():
        if not isinstance(name, str):
            reject_output(contributor, f"{what} an array under the name {summarize_value(name)}")
        if not isinstance(array, np.ndarray):
            with ContributionCall(contributor):
                array = np.asarray(array)  # noqa: PLW2901 - the same as numpy has it
        if array.dtype == object:
            reject_output(contributor, f"{what} the array `{name}` of Python objects, and numbers or text are expected")


def is_whole_number(value: Any, *, minimum: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= minimum)
