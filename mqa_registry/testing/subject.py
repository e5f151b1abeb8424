"""Subjects of conformance: a plugin, or one of its contributions, with what it is tried with."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import Contributor, TimeLimitReached, describe_error
from mqa_registry.contributions import FunctionContribution
from mqa_registry.errors import ContributionError, MqaError, NotRunError, UsageError
from mqa_registry.extras import missing_packages
from mqa_registry.options import contribution_options, validate
from mqa_registry.stats.randomness import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from mqa_registry.contributions import Contribution
    from mqa_registry.plugins import Plugin
    from mqa_registry.testing.fresh_process import FreshProcess
    from mqa_registry.types import Example


class NotTriedError(Exception):
    """A rule cannot be tried on a contribution. The message says why."""


class CallError(Exception):
    """A contribution raised something. The message continues a sentence about it: `raises ValueError: ...`."""


class RefusalError(CallError):
    """A contribution raised an error for its user: it does not take such input."""


@dataclass(frozen=True)
class Trial:
    """What one contribution is tried with, where its own defaults and the examples of the kit are not enough.

    `options` are as a suite gives them. `examples` are rows: fields by name, with every column that a slice reads.

    `golden` are pairs of an input and what has to come of it: of a perturbation, an example and the example that it becomes,
    drawn by `numpy.random.default_rng(0)`; of a slice, a row and its group.

    `perfect` is the number that a metric gives where every prediction is right and sure, `worst` that where every one is
    wrong and sure.

    `model` is the table `[model]` of a suite, for a task or a backend: where the model comes from, and of a backend's its
    `task`. `backend` is the table of the backend that a task is run on.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    examples: Sequence[Example] = ()
    golden: Sequence[tuple[Any, Any]] = ()
    perfect: float | None = None
    worst: float | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    backend: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A plugin, or one of its contributions, that rules are tried on.

    `label` is the first part of the ids of its tests. `contribution` is None of the plugin as a whole, which has the
    `process` that it is watched in.
    """

    label: str
    plugin: Plugin
    contribution: Contribution | None = None
    trial: Trial = field(default_factory=Trial)
    process: FreshProcess | None = None

    def expect(self, kind: type[Any] | tuple[type[Any], ...]) -> Any:
        """The contribution, known to be of this kind, or of one of these, by the rule."""
        assert isinstance(self.contribution, kind)
        return self.contribution

    def find_in_process(self, rule: str) -> str:
        """What was seen of a rule in the plugin's own process."""
        assert self.process is not None
        return self.process.find(rule)

    @property
    def name(self) -> str:
        """The plugin's name, with that of the contribution behind a slash."""
        return self.plugin.name if self.contribution is None else f"{self.plugin.name}/{self.contribution.name}"

    @property
    def contributor(self) -> Contributor:
        """The contribution as errors name it."""
        assert self.contribution is not None
        return Contributor(self.contribution.kind, self.name, self.contribution.code)

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """The options of the trial as the contribution takes them. Not tried where one that it needs is not given."""
        assert self.contribution is not None
        options = contribution_options(self.contribution)
        if lacking := [one.name for one in options if one.required and one.name not in self.trial.options]:
            raise NotTriedError(
                f'it needs the option `{lacking[0]}`: `trials={{"{self.label}": Trial(options={{...}})}}` gives it'
            )
        return validate(options, self.trial.options, owner=f"`{self.name}`").values

    def check_options(self) -> None:
        """Raise a UsageError where the trial has options that the contribution does not take."""
        assert self.contribution is not None
        faults = validate(contribution_options(self.contribution), self.trial.options, owner=f"`{self.name}`").faults
        if faults:
            raise UsageError(f"the trial of `{self.label}` cannot be used: {faults[0].message}", hint=faults[0].hint)

    def require_packages(self) -> None:
        """Raise a NotTriedError where a package that the contribution requires is not installed."""
        assert self.contribution is not None
        if missing := next(missing_packages(self.contribution.requires), None):
            raise NotTriedError(f"the package `{missing}`, which it requires, is not installed")

    def call(self, *arguments: Any, **options: Any) -> Any:
        """What the contribution's function returns for the options of the trial, with others in place of some."""
        function = self.expect(FunctionContribution).function
        return self.call_function(function, *arguments, **deepcopy({**self.options, **options}))

    def call_function(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a function of the plugin returns. A CallError where it raises; not tried where it refuses the input."""
        self.require_packages()
        try:
            return function(*arguments, **options)
        except NotRunError as error:
            raise NotTriedError(f"it does not run here: {error.message}") from error
        except ContributionError as error:
            raise CallError(error.fault) from error
        except MqaError as error:
            raise RefusalError(f"refuses its input: {error.message}") from error
        except (KeyboardInterrupt, TimeLimitReached):
            raise
        except BaseException as error:
            raise CallError(f"raises {describe_error(error)}") from error


def draw(row: int = 0) -> np.random.Generator:
    """The generator of a row, the same every time."""
    return generator(0, "conformance", str(row))


def show(value: Any) -> str:
    """A value in a message, cut short."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


SHOWN = 120  # characters of a value in a message
