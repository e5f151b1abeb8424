"""What a backend runs: the model under test with its task, in the context of a run."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mqa_registry.contributions.model_source import Model
    from mqa_registry.contributions.task import Batch, Codec, Task
    from mqa_registry.types import Example

SAMPLES = 4  # rows of the data, where a task has no sample of its own


@dataclass(frozen=True)
class RunContext:
    """What the command line allows and asks for; nothing here can be set from a suite file.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`. `exports` is the folder where a backend keeps what it exports,
    `plugin_files` are the Python files that are loaded as plugins. With `force`, files that mqa did not write may be
    replaced by what the command writes.
    """

    exports: Path
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    force: bool = False
    plugin_files: tuple[Path, ...] = ()


class ModelUnderTest:
    """What a backend runs: the model under test with its task, in the context of this run.

    `digest` covers the model, and the name, code and options of its source and of the task: it is the key of all that is
    stored of a model under test. `options` are the task's. `spec` says in values of JSON how it was made, so that
    `rebuild_model` can make it again in another process; None where it cannot. `given` has the rows that `examples` gave
    so far, by their number. `fixed_length` is how many tokens every row has, where a backend of the run takes no other
    number; None for rows of any length.
    """

    fixed_length: int | None = None

    def __init__(
        self,
        model: Model,
        task: Task[Any],
        run_context: RunContext,
        options: Any = None,
        *,
        spec: Mapping[str, Any] | None = None,
        examples: Callable[[int], Sequence[Example]] | None = None,
        sample: Batch | None = None,
        digest: str = "",
        bind: Callable[[Model], Codec] | None = None,
    ) -> None:
        self._digest = digest or f"{model.digest} {task.name} {options}"
        self.model = model
        self.task = task
        self.run_context = run_context
        self._spec = spec
        self._options = options
        self.given: dict[int, Sequence[Example]] = {}
        self._examples = examples
        self._sample = sample
        self._bind = bind

    @property
    def digest(self) -> str:
        """Of the model, its source and task, and of the length that every row has."""
        return self._digest if self.fixed_length is None else f"{self._digest} {self.fixed_length} tokens"

    @property
    def spec(self) -> Mapping[str, Any] | None:
        """How it was made, in values of JSON; None where it cannot be made again."""
        if self._spec is None or self.fixed_length is None:
            return self._spec
        return {**self._spec, "fixed_length": self.fixed_length}

    def with_length(self, length: int | None) -> ModelUnderTest:
        """The same with rows of so many tokens, for a backend that takes no others; with None, of any length."""
        made = copy(self)
        vars(made).pop("codec", None)
        made.fixed_length = length
        return made

    @cached_property
    def codec(self) -> Codec:
        """The task bound to the model, for rows of the fixed length; `bind` checks what it gives, where the host set it."""
        codec = self._bind(self.model) if self._bind else self.task.bind(self.model, self._options)
        return codec if self.fixed_length is None else codec.with_length(self.fixed_length) or codec

    def examples(self, most: int) -> Sequence[Example]:
        """Unperturbed rows of the suite's first data set, spread over it, such as a quantizer calibrates with."""
        if most not in self.given:
            self.given[most] = self._examples(most) if self._examples else ()
        return self.given[most]

    def samples(self) -> Sequence[Example]:
        """A few real examples, such as an exporter traces with: the task's, else some of the suite's data."""
        return self.task.sample or self.examples(SAMPLES)

    def sample(self) -> Batch:
        """The same as one batch; a DataError where there are none."""
        if self._sample is not None:
            return self._sample
        if not (rows := self.samples()):
            raise DataError(f"the task `{self.task.name}` brings no examples of its own, and there are no data")
        return self.codec.collate(self.codec.encode(rows))
