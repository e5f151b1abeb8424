"""Models, codecs and runners: what sources, tasks and backends give, each wrapped so that every call crosses the boundary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary.calls import TimeLimitReached, calling, refuse
from mqa_registry.boundary.evidence import plain
from mqa_registry.boundary.measures import spelled
from mqa_registry.boundary.tables import checked_answers
from mqa_registry.contributions import Codec, Model
from mqa_registry.errors import ContributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.contributions.backend import Runner
    from mqa_registry.contributions.task import Batch, Encoded, OutputReading, Outputs
    from mqa_registry.types import Example


def checked_source(who: Contributor, given: Any) -> Model:
    """A model as a source gives it; its module and processor are built later, across the boundary too."""
    if not isinstance(given, Model):
        refuse(who, f"gave {spelled(given)}, and a `Model` is due")
    if not isinstance(given.digest, str):
        refuse(who, f"gave a model with the digest {spelled(given.digest)}", "a digest tells one model from another")
    if not all(isinstance(label, str) for label in given.labels) or len(set(given.labels)) < len(given.labels):
        refuse(who, f"gave a model with the labels {spelled(given.labels)}", "labels are text, each of its own")
    return given.through(lambda make: _made(who, make))


def _made(who: Contributor, make: Callable[[], Any]) -> Any:
    with calling(who):
        return make()


def checked_codec(who: Contributor, given: Any, schema: str, classes: Sequence[str]) -> CheckedCodec:
    """A task's codec, of which every method is called across the boundary and what it returns is checked."""
    if not isinstance(given, Codec):
        refuse(who, f"gave {spelled(given)}, and a `Codec` is due")
    return CheckedCodec(who, given, schema, classes)


class CheckedCodec(Codec):
    """A codec whose every method is called across the boundary.

    `reads_outputs` says whether the task tells how outputs are decoded: then some rows are run for that.
    """

    def __init__(self, who: Contributor, codec: Codec, schema: str, classes: Sequence[str]) -> None:
        self._who = who
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

    def encoding_arrays(self) -> CheckedCodec:
        """The same codec, whose encoded rows are checked to be arrays: those are compared, padded and kept."""
        made = copy(self)
        made._encodes_arrays = True  # noqa: SLF001 - its own
        return made

    def with_reading(self, reading: OutputReading | None) -> CheckedCodec:
        """The same codec, which decodes outputs as this reading of them says."""
        made = copy(self)
        made._reading = reading  # noqa: SLF001 - its own
        return made

    def encode(self, examples: Sequence[Example]) -> Sequence[Encoded]:
        with calling(self._who):
            encoded = self._codec.encode(examples)
            rows = encoded if isinstance(encoded, list | tuple) else list(encoded)
        if len(rows) != len(examples):
            refuse(self._who, f"encoded {len(examples):,} examples as {len(rows):,}")
        for row in rows if self._encodes_arrays else ():
            _check_arrays(self._who, "encoded an example as", row)
        return rows

    def collate(self, rows: Sequence[Encoded]) -> Batch:
        with calling(self._who):
            batch = self._codec.collate(rows)
        _check_arrays(self._who, "made a batch of", batch)
        return batch

    def decode(self, outputs: Outputs, rows: Sequence[Encoded]) -> pa.Table:
        decode = self._codec.decode if self._reading is None else self._reading.decode
        return self._decode_with(decode, outputs, rows)

    def cost(self, row: Encoded) -> int:
        with calling(self._who):
            cost = self._codec.cost(row)
        if isinstance(cost, bool) or not isinstance(cost, int | np.integer) or cost < 0:
            refuse(
                self._who, f"says that a row costs {spelled(cost)}", "`cost` is a whole number of tokens or the like"
            )
        return int(cost)

    def read_outputs(self, outputs: Outputs, rows: Sequence[Encoded]) -> OutputReading | None:
        with calling(self._who):
            return self._codec.read_outputs(outputs, rows)

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Encoded]) -> Sequence[int]:
        with calling(self._who):
            return self._codec.full_costs(examples, rows)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        with calling(self._who):
            return self._codec.find_unusable(examples)

    def with_length(self, length: int) -> CheckedCodec | None:
        with calling(self._who):
            found = self._codec.with_length(length)
        return None if found is None else checked_codec(self._who, found, self._schema, self._classes)

    def _decode_with(
        self, decode: Callable[[Outputs, Sequence[Encoded]], Any], outputs: Outputs, rows: Sequence[Encoded]
    ) -> pa.Table:
        with calling(self._who):
            table = decode(outputs, rows)
        return checked_answers(self._who, table, self._schema, self._classes, len(rows))


def _check_arrays(who: Contributor, what: str, given: Any) -> None:
    """Arrays by name; those of a library that numpy can read will do."""
    if not isinstance(given, Mapping):
        refuse(who, f"{what} {spelled(given)}, and arrays by name are due")
    for name, array in given.items():
        if not isinstance(name, str):
            refuse(who, f"{what} an array under the name {spelled(name)}")
        if not isinstance(array, np.ndarray):
            with calling(who):
                array = np.asarray(array)  # noqa: PLW2901 - the same as numpy has it
        if array.dtype == object:
            refuse(who, f"{what} the array `{name}` of Python objects, and numbers or text are due")


@contextmanager
def runner_of(who: Contributor, opened: Any) -> Iterator[Runner]:
    """The runner of a backend's context manager, entered and left across the boundary."""
    if not (hasattr(opened, "__enter__") and hasattr(opened, "__exit__")):
        refuse(who, f"gave {spelled(opened)}, and a context manager of a runner is due", "`@contextmanager` makes one")
    with calling(who):
        runner = opened.__enter__()
    try:
        yield runner
    except BaseException as error:
        with suppress(ContributionError), calling(who):  # the first error is the one to tell of
            opened.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        with calling(who):
            opened.__exit__(None, None, None)


def checked_identity(who: Contributor, given: Any) -> dict[str, Any]:
    """An identity or facts, in the values that JSON has."""
    if not isinstance(given, Mapping):
        refuse(who, f"says that it is {spelled(given)}, and a table by name is due")
    return plain(who, dict(given))


def checked_budget(who: Contributor, given: Any) -> int:
    """How many tokens suit one batch."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        refuse(who, f"has the budget {spelled(given)}", "`budget` is a whole number of tokens, 1 or more")
    return int(given)


def checked_length(who: Contributor, given: Any) -> int | None:
    """How many tokens a backend's rows must have, where it takes no other number."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1):
        refuse(who, f"takes rows of {spelled(given)} tokens", "`fixed_length` is a whole number of tokens, or None")
    return None if given is None else int(given)


class Passes:
    """Forward passes of a backend's runner; one that did not end in time is not asked for another."""

    def __init__(self, who: Contributor) -> None:
        self._who = who
        self._overdue: ContributionError | None = None

    def outputs(self, runner: Runner, batch: Batch) -> Outputs:
        """What it gives for a batch: arrays of numbers by name."""
        if self._overdue is not None:
            raise self._overdue
        try:
            with calling(self._who):
                given = runner.run(batch)
        except ContributionError as error:
            if isinstance(error.__cause__, TimeLimitReached):
                self._overdue = error
            raise
        _check_arrays(self._who, "gave for outputs", given)
        return {name: array if isinstance(array, np.ndarray) else np.asarray(array) for name, array in given.items()}
