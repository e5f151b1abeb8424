"""Models: the sources that load them, and the model under test, which is a model with its task in the context of a run."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from mqa_registry.contributions.contribution import ClassContribution, OptionsT
from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mqa_registry.contributions.task import Batch, Codec, Outputs, Task
    from mqa_registry.types import Example


class OnnxConverter(Protocol):
    """How a model that is no PyTorch module becomes an ONNX file: by a converter of its library.

    `name` is the converter's, and `packages` are the installed packages that the file depends on.
    """

    @property
    def name(self) -> str: ...

    @property
    def packages(self) -> Sequence[str]: ...

    def convert(self, module: Any, batch: Batch, path: Path, opset: int | None) -> None:
        """Write the file, with the names, types and shapes of a batch; None is an opset of the converter's choice."""

    def predict(self, module: Any, batch: Batch) -> Outputs:
        """The model's own outputs for a batch, by the names that they have in the file."""


class Model:
    """A model as a source gives it: known by its digest at once, built when somebody asks for the module.

    `digest` covers the weights, the configuration and the processor's files. `labels` are the classes that it predicts,
    in the order of its outputs. `about` goes into the report. `file` is what a backend runs of a model that is a file of
    its own and no PyTorch module; `converter` makes an ONNX file of it, where something does. `card` is the file that tells people of it, its model card, where there is one.
    """

    def __init__(
        self,
        *,
        digest: str,
        module: Callable[[], Any],
        processor: Callable[[], Any],
        labels: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
        file: Path | None = None,
        converter: OnnxConverter | None = None,
        card: Path | None = None,
    ) -> None:
        self.digest = digest
        self.file = file
        self.converter = converter
        self.card = card
        self.labels = tuple(labels)
        self.about = dict(about or {})
        self._module = module
        self._processor = processor

    def through(self, call: Callable[[Callable[[], Any]], Any]) -> Model:
        """The same model, whose module and processor are made by way of `call`."""
        made = copy(self)
        vars(made).update(_module=partial(call, self._module), _processor=partial(call, self._processor))
        return made

    @cached_property
    def module(self) -> Any:
        """The model itself, in float32 and evaluation mode, built on first use."""
        return self._module()

    @cached_property
    def processor(self) -> Any:
        """What prepares its inputs (a tokenizer, an image processor), loaded on first use."""
        return self._processor()


@dataclass(frozen=True)
class LiveModel:
    """A model in memory, as a caller in Python passes it to a run.

    `model` is the object as its library has it, such as a module or a pipeline; `processor` is what makes its inputs of
    examples, such as a tokenizer, where that is not part of the object. `digest` is set by the source that takes it.
    """

    model: Any
    processor: Any = None
    digest: str = ""


@dataclass(frozen=True)
class ModelDescription:
    """What a task knows of a model in memory.

    `labels` are its classes, in the order of its outputs, and `about` facts as `Model.about` has them. `processor` is its
    processor as the task needs it, where that is not as it was passed, and `config` are values that the configuration of
    its module has to have.
    """

    labels: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    processor: Any = None
    config: Mapping[str, Any] = field(default_factory=dict)


class ModelSource(ClassContribution[OptionsT]):
    """Where models come from: a hub, a folder, a file, a function, the memory of a caller in Python.

    `loads` are the kinds of model that it can load besides one as it was saved, as a task `needs` them, in the words of
    model hubs. With None, which no list can replace, every task may name it. `takes` says what it takes for a model, for
    a message that there is none: `a folder with config.json`.
    """

    kind = "model source"
    main = "load"

    loads: tuple[str, ...] | None = None
    takes: str = ""

    @abstractmethod
    def load(self, task: Task[Any], run_context: RunContext, options: OptionsT) -> Model:
        """The model for a task; its module is built later, on first use."""

    def recognizes(self, name: str) -> bool:
        """Whether this source opens a model of such a name, as `model.pt`, for commands that were given no source."""
        return False

    def take(self, live: LiveModel) -> LiveModel | None:
        """The module and the processor of a model in memory, with its digest; None of an object that it does not take.

        The digest covers all that a prediction depends on, as that of `Model`. What the caller has is left as it is: what
        has to be changed is copied. `load` finds the same by its option `digest`, as `run_context.find_object` has it. A
        source with this method loads such models alone.
        """
        return None

    def locate(self, live: LiveModel) -> Mapping[str, Any] | None:
        """The options by which it loads this very model from files; None where it would load another, or is not sure.

        `live` is as a source took it. What is stored of the files then holds for the model, and what is stored of the
        model for the files.
        """
        return None

    @property
    def is_in_memory(self) -> bool:
        """Whether its models are objects that a caller in Python passes, which no suite file can name."""
        return type(self).take is not ModelSource.take

    def infer_task(self, run_context: RunContext, options: OptionsT) -> str:
        """The task that a model is for, as a suite names it; empty where the source cannot infer it.

        Commands that are given a model alone call it, and report the task that they use. A suite names its task.
        """
        return ""

    def fits(self, task: Task[Any]) -> bool:
        """Whether it can load what a task needs."""
        return not task.needs or self.loads is None or task.needs in self.loads


SAMPLES = 4  # rows of the data, where a task has no sample of its own


@dataclass(frozen=True)
class RunContext:
    """What the command line allows and asks for; nothing here can be set from a suite file.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`. `exports` is the folder where a backend keeps what it exports,
    `plugin_files` are the Python files that are loaded as plugins. With `force`, files that mqa did not write may be
    replaced by what the command writes. `objects` are models and tables that a caller in Python passes, by their digests.
    `scratch` gives a folder for files that the run needs while it works, which is removed at its end; it is None where
    there is none, and all stays in memory.
    `confined_to` is the folder, with links resolved, that has to have every file which the data name; None for any folder.
    """

    exports: Path
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    force: bool = False
    plugin_files: tuple[Path, ...] = ()
    confined_to: Path | None = None
    objects: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    scratch: Callable[[], Path] | None = field(default=None, compare=False, repr=False)

    def find_object(self, digest: str, what: str) -> Any:
        """The object of this digest; a DataError where the caller passes none. `what` is a `model` or a `data set`."""
        if digest not in self.objects:
            passed = "model=MODEL" if what == "model" else 'data={"NAME": TABLE}'
            raise DataError(
                f"the {what} is an object in the memory of a Python program, and none was passed",
                hint=f"call `mqa_registry.run` with `{passed}`",
            )
        return self.objects[digest]


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
        """The same as one batch, of rows in parts the first few; a DataError where there are none."""
        if self._sample is not None:
            return self._sample
        if not (rows := self.samples()):
            raise DataError(f"the task `{self.task.name}` brings no examples of its own, and there are no data")
        return self.codec.collate(self.codec.encode_parts(rows)[: max(SAMPLES, len(rows))])
