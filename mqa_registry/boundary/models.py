"""Models: what model sources, tasks and backends return, from a model and its codec to a runner and an export.

Methods of what they return (a codec, a runner) are contributions' code, too: they are wrapped, so that each call of them is
a ContributionCall.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mqa_registry.boundary.calls import ContributionCall, TimeLimitReached, reject_output, summarize_value
from mqa_registry.boundary.evidence import to_json_values
from mqa_registry.boundary.rows import check_decoded
from mqa_registry.contributions import Codec, Model
from mqa_registry.errors import ContributionError
from mqa_registry.findings import Exported, Finding, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.contributions.backend import Runner
    from mqa_registry.contributions.task import Batch, Encoded, OutputReading, Outputs
    from mqa_registry.types import Example

LEVELS = get_args(Level)


def check_model(contributor: Contributor, output: Any) -> Model:
    """The model that a source returned; its module and processor are built later, each by a ContributionCall."""
    if not isinstance(output, Model):
        reject_output(contributor, f"gave {summarize_value(output)}, and a `Model` is due")
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
            "labels are text, each of its own",
        )
    return output.through(lambda make: _build_part(contributor, make))


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


def check_codec(contributor: Contributor, output: Any, schema: str, classes: Sequence[str]) -> CheckedCodec:
    """The codec that a task returned, wrapped."""
    if not isinstance(output, Codec):
        reject_output(contributor, f"gave {summarize_value(output)}, and a `Codec` is due")
    return CheckedCodec(contributor, output, schema, classes)


class CheckedCodec(Codec):
    """A task's codec: each method is called in a ContributionCall, and its output is checked.

    `reads_outputs` is true where the codec has `read_outputs`, for which some rows are run first.
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
        self.remarks = codec.remarks
        self.reads_outputs = type(codec).read_outputs is not Codec.read_outputs

    def with_array_rows(self) -> CheckedCodec:
        """A copy that checks that encoded rows are arrays: these can be compared, padded and stored."""
        made = copy(self)
        made._encodes_arrays = True  # noqa: SLF001 - its own
        return made

    def with_reading(self, reading: OutputReading | None) -> CheckedCodec:
        """A copy that decodes outputs by this reading of them."""
        made = copy(self)
        made._reading = reading  # noqa: SLF001 - its own
        return made

    def encode(self, examples: Sequence[Example]) -> Sequence[Encoded]:
        with ContributionCall(self._contributor):
            encoded = self._codec.encode(examples)
            rows = encoded if isinstance(encoded, list | tuple) else list(encoded)
        if len(rows) != len(examples):
            reject_output(self._contributor, f"encoded {len(examples):,} examples as {len(rows):,}")
        for row in rows if self._encodes_arrays else ():
            _check_arrays(self._contributor, "encoded an example as", row)
        return rows

    def collate(self, rows: Sequence[Encoded]) -> Batch:
        with ContributionCall(self._contributor):
            batch = self._codec.collate(rows)
        _check_arrays(self._contributor, "made a batch of", batch)
        return batch

    def decode(self, outputs: Outputs, rows: Sequence[Encoded]) -> pa.Table:
        decode = self._codec.decode if self._reading is None else self._reading.decode
        with ContributionCall(self._contributor):
            table = decode(outputs, rows)
        return check_decoded(self._contributor, table, self._schema, self._classes, len(rows))

    def cost(self, row: Encoded) -> int:
        with ContributionCall(self._contributor):
            cost = self._codec.cost(row)
        if not _is_whole_number(cost, minimum=0):
            reject_output(
                self._contributor,
                f"says that a row costs {summarize_value(cost)}",
                "`cost` is a whole number of tokens or the like",
            )
        return int(cost)

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
            found = self._codec.with_length(length)
        return None if found is None else check_codec(self._contributor, found, self._schema, self._classes)


def _check_arrays(contributor: Contributor, what: str, output: Any) -> None:
    """Refuse anything but arrays by name; arrays of a library that numpy can read are accepted."""
    if not isinstance(output, Mapping):
        reject_output(contributor, f"{what} {summarize_value(output)}, and arrays by name are due")
    for name, array in output.items():
        if not isinstance(name, str):
            reject_output(contributor, f"{what} an array under the name {summarize_value(name)}")
        if not isinstance(array, np.ndarray):
            with ContributionCall(contributor):
                array = np.asarray(array)  # noqa: PLW2901 - the same as numpy has it
        if array.dtype == object:
            reject_output(contributor, f"{what} the array `{name}` of Python objects, and numbers or text are due")


@contextmanager
def open_runner(contributor: Contributor, opened: Any) -> Iterator[Runner]:
    """The runner of the context manager that a backend returned; entering and leaving it are ContributionCalls."""
    if not (hasattr(opened, "__enter__") and hasattr(opened, "__exit__")):
        reject_output(
            contributor,
            f"gave {summarize_value(opened)}, and a context manager of a runner is due",
            "`@contextmanager` makes one",
        )
    with ContributionCall(contributor):
        runner = opened.__enter__()
    try:
        yield runner
    except BaseException as error:
        with suppress(ContributionError), ContributionCall(contributor):  # the first error is the one that is reported
            opened.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        with ContributionCall(contributor):
            opened.__exit__(None, None, None)


def check_identity(contributor: Contributor, output: Any) -> dict[str, Any]:
    """An identity or facts, as values of JSON by name."""
    if not isinstance(output, Mapping):
        reject_output(contributor, f"says that it is {summarize_value(output)}, and a table by name is due")
    return to_json_values(contributor, dict(output))


def check_budget(contributor: Contributor, output: Any) -> int:
    """The number of tokens that suits one batch."""
    if not _is_whole_number(output, minimum=1):
        reject_output(
            contributor, f"has the budget {summarize_value(output)}", "`budget` is a whole number of tokens, 1 or more"
        )
    return int(output)


def check_length(contributor: Contributor, output: Any) -> int | None:
    """The number of tokens that a backend's rows must have; None where it accepts any."""
    if output is not None and not _is_whole_number(output, minimum=1):
        reject_output(
            contributor,
            f"takes rows of {summarize_value(output)} tokens",
            "`fixed_length` is a whole number of tokens, or None",
        )
    return None if output is None else int(output)


class ForwardPasses:
    """The forward passes of one backend's runner. After one that did not end in time there is no other: its error is raised."""

    def __init__(self, contributor: Contributor) -> None:
        self._contributor = contributor
        self._overdue: ContributionError | None = None

    def run(self, runner: Runner, batch: Batch) -> Outputs:
        """The outputs for a batch: arrays of numbers by name."""
        if self._overdue is not None:
            raise self._overdue
        try:
            with ContributionCall(self._contributor):
                output = runner.run(batch)
        except ContributionError as error:
            if isinstance(error.__cause__, TimeLimitReached):
                self._overdue = error
            raise
        _check_arrays(self._contributor, "gave for outputs", output)
        return {name: array if isinstance(array, np.ndarray) else np.asarray(array) for name, array in output.items()}


def check_findings(contributor: Contributor, output: Any) -> list[Finding]:
    """The findings that a contribution returned; a generator is exhausted inside a ContributionCall."""
    if not isinstance(output, Iterable) or isinstance(output, str | bytes | Mapping):
        reject_output(
            contributor,
            f"gave {summarize_value(output)}, and findings are due",
            "with nothing to say, it gives an empty list",
        )
    with ContributionCall(contributor):
        findings = list(output)
    for one in findings:
        if not isinstance(one, Finding):
            reject_output(contributor, f"gave {summarize_value(one)}, and a `Finding` is due")
        if one.level not in LEVELS:
            reject_output(
                contributor,
                f"gave a finding of the level {summarize_value(one.level)}",
                f"the levels are {', '.join(LEVELS)}",
            )
        for field in fields(one):
            if not isinstance(words := getattr(one, field.name), str):
                reject_output(
                    contributor, f"gave a finding with {summarize_value(words)} for its {field.name}, and words are due"
                )
    return findings


def check_export(contributor: Contributor, output: Any) -> Exported:
    """The export that a backend returned: files that exist, findings, facts as values of JSON, and a summary in words."""
    if not isinstance(output, Exported):
        reject_output(contributor, f"gave {summarize_value(output)}, and an `Exported` is due")
    if not isinstance(output.files, list | tuple) or not all(isinstance(file, Path) for file in output.files):
        reject_output(contributor, f"gave {summarize_value(output.files)} for its files, and a list of paths is due")
    if absent := [file for file in output.files if not file.is_file()]:
        reject_output(contributor, f"says that it exported `{absent[0]}`, which is not there")
    if not output.files:
        reject_output(contributor, "says that it exported no file")
    if not isinstance(output.facts, Mapping) or not isinstance(output.summary, Mapping):
        reject_output(contributor, "gave no tables for its facts and its summary")
    if wrong := [one for pair in output.summary.items() for one in pair if not isinstance(one, str)]:
        reject_output(contributor, f"gave {summarize_value(wrong[0])} in its summary, and words are due")
    return replace(
        output,
        findings=check_findings(contributor, output.findings),
        facts=to_json_values(contributor, dict(output.facts)),
    )


def _is_whole_number(value: Any, *, minimum: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= minimum
