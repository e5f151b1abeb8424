"""Model sources, and the models that they load."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions.contribution import ClassContribution, OptionsT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mqa_registry.contributions.model_under_test import RunContext
    from mqa_registry.contributions.task import Task


class Model:
    """A model as a source gives it: known by its digest at once, built when somebody asks for the module.

    `digest` covers the weights, the configuration and the processor's files. `labels` are the classes that it predicts,
    in the order of its outputs. `about` goes into the report. `file` is what a backend runs of a model that is a file of
    its own and no PyTorch module.
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
    ) -> None:
        self.digest = digest
        self.file = file
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


class ModelSource(ClassContribution[OptionsT]):
    """Where models come from: a hub, a folder, a file, a function.

    `loads` are the kinds of model that it can load besides one as it was saved, as a task `needs` them, in the words of
    model hubs. With None, which no list can replace, every task may name it.
    """

    kind = "model source"
    main = "load"

    loads: tuple[str, ...] | None = None

    @abstractmethod
    def load(self, task: Task[Any], run_context: RunContext, options: OptionsT) -> Model:
        """The model for a task; its module is built later, on first use."""

    def recognizes(self, name: str) -> bool:
        """Whether this source opens a model of such a name, as `model.pt`, for commands that were given no source."""
        return False

    def infer_task(self, run_context: RunContext, options: OptionsT) -> str:
        """The task that a model is for, as a suite names it; empty where the source cannot infer it.

        Commands that are given a model alone call it, and report the task that they use. A suite names its task.
        """
        return ""

    def fits(self, task: Task[Any]) -> bool:
        """Whether it can load what a task needs."""
        return not task.needs or self.loads is None or task.needs in self.loads
