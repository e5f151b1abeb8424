"""The catalog: the plugins of one run, and how a reference such as `metrics/f1` is looked up in them.

A reference stands in a role, such as `measure`, that contributions of some kinds have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from mqa_registry.contributions import (
    Backend,
    Comparison,
    Contribution,
    Dataset,
    Diagnosis,
    Executor,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Replay,
    Slice,
    Suggestion,
    SuiteFile,
    Task,
)
from mqa_registry.errors import PluginError, Problem
from mqa_registry.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType


Kinds: TypeAlias = tuple[type[Contribution], ...]


@dataclass(frozen=True)
class Role:
    """A role that contributions of some kinds have. A contribution's name is unique in its role.

    `title` is where they are named, in messages. `hooks` maps each hook that gives them to its kinds. `keys` are those
    of their table that the host reads, so that no option can have such a name.
    """

    title: str
    hooks: Mapping[str, Kinds]
    keys: tuple[str, ...] = ("use",)

    @property
    def kinds(self) -> Kinds:
        return tuple(kind for kinds in self.hooks.values() for kind in kinds)


MODEL_SOURCE = Role("`[model]`", {"mqa_models": (ModelSource,)}, ("use", "task", "labels"))
TASK = Role("the `task` of `[model]`", {"mqa_tasks": (Task,)})
DATASET = Role("`[data.NAME]`", {"mqa_datasets": (Dataset,)}, ("use", "columns", "labels", "sample", "limit"))
BACKEND = Role("`[backends.NAME]`", {"mqa_backends": (Backend, Replay)})
EXECUTOR = Role("`[execution]`", {"mqa_executors": (Executor,)})
MEASURE = Role("`measure`", {"mqa_metrics": (Metric,), "mqa_comparisons": (Comparison,), "mqa_probes": (Probe,)})
PERTURBATION = Role("`perturb`", {"mqa_perturbations": (Perturbation,)})
SLICE = Role("`by`", {"mqa_slices": (Slice,)})
SUITE = Role("the command line, or `extends`", {"mqa_suites": (SuiteFile,)})
SUGGESTION = Role("a suite that `mqa init` writes", {"mqa_suggestions": (Suggestion,)})
DIAGNOSIS = Role("the report of `mqa doctor`", {"mqa_diagnoses": (Diagnosis,)})

ROLES = (MODEL_SOURCE, TASK, DATASET, BACKEND, EXECUTOR, MEASURE, PERTURBATION, SLICE, SUITE, SUGGESTION, DIAGNOSIS)
HOOKS: Mapping[str, Kinds] = {hook: kinds for role in ROLES for hook, kinds in role.hooks.items()}


def find_role(kind: type[Contribution]) -> Role:
    """The role of the contributions of a kind."""
    return next(role for role in ROLES if issubclass(kind, role.kinds))


NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Plugin:
    """What a plugin gives, or why it cannot be used.

    `distribution` and `version` are those of the package it came with; a file's plugin has its path for the one and
    nothing for the other. `broken` says why it cannot be used, also of one that is `disabled`, and `hint` what to do about
    it. `warnings` are for its author. `module` is where its hooks are, and `seconds` is the processor's time
    that its import took.
    """

    name: str
    distribution: str
    version: str = ""
    contributions: tuple[Contribution, ...] = ()
    broken: str = ""
    hint: str = ""
    disabled: bool = False
    warnings: tuple[str, ...] = ()
    module: ModuleType | None = field(default=None, compare=False, repr=False)
    seconds: float = field(default=0.0, compare=False)

    @property
    def state(self) -> Literal["ok", "broken", "disabled"]:
        """Whether it can be used."""
        return "disabled" if self.disabled else "broken" if self.broken else "ok"

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}".rstrip()


@dataclass(frozen=True)
class Catalog:
    """The plugins that were loaded, by name, and the names of all that are installed."""

    plugins: Mapping[str, Plugin]
    installed: tuple[str, ...] = field(default=())

    def plugin(self, name: str) -> Plugin:
        """The plugin of that name, usable or not; PluginError where there is none."""
        if name not in self.plugins:
            problem = self._no_plugin(name)
            raise PluginError(problem.message, hint=problem.hint)
        return self.plugins[name]

    def find(self, kinds: Kinds, reference: str) -> Contribution | Problem:
        """The contribution that a reference names, if it is of one of these kinds; else what is wrong with it."""
        plugin_name, slash, name = reference.partition("/")
        if not (slash and NAME.fullmatch(plugin_name) and NAME.fullmatch(name)):
            return Problem(f"`{reference}` names no contribution: write `plugin/name`", self._hint(kinds, reference))
        if plugin_name not in self.plugins:
            return self._no_plugin(plugin_name, self._hint(kinds, reference))
        plugin = self.plugins[plugin_name]
        if plugin.broken:
            return Problem(f"plugin `{plugin.name}` ({plugin.origin}) cannot be used: {plugin.broken}", plugin.hint)
        same = [each for each in plugin.contributions if each.name == name]
        fitting = [each for each in same if isinstance(each, kinds)]
        return fitting[0] if fitting else self._misfit(kinds, plugin, name, same)

    def each(self, kinds: Kinds) -> Iterator[tuple[str, Contribution]]:
        """Every contribution of these kinds with its reference, by plugin, in the order in which each gives them."""
        for plugin in self.plugins.values():
            for contribution in plugin.contributions:
                if isinstance(contribution, kinds):
                    yield f"{plugin.name}/{contribution.name}", contribution

    def _no_plugin(self, plugin: str, hint: str = "") -> Problem:
        names = sorted({*self.installed, *self.plugins})
        listed = f"installed are {', '.join(f'`{each}`' for each in names) or 'none'}"
        return Problem(f"no plugin `{plugin}` is installed", hint or did_you_mean(plugin, names) or listed)

    def _misfit(self, kinds: Kinds, plugin: Plugin, name: str, same: list[Contribution]) -> Problem:
        reference = f"{plugin.name}/{name}"
        if same:
            kind = _with_article(same[0].kind)
            return Problem(
                f"`{reference}` is {kind}, and here stands {_with_article(_kind_names(kinds))}",
                f"{kind} stands in {find_role(type(same[0])).title}",
            )
        hint = self._hint(kinds, reference) or _contents(kinds, plugin)
        return Problem(f"plugin `{plugin.name}` has no {_kind_names(kinds)} `{name}`", hint)

    def _hint(self, kinds: Kinds, reference: str) -> str:
        """A hint with references like this one, or with those whose name behind the slash it is."""
        references = [full for full, _ in self.each(kinds)]
        same_name = [full for full in references if full.partition("/")[2] == reference.rpartition("/")[2]]
        return f"did you mean `{same_name[0]}`?" if same_name else did_you_mean(reference, references)


def _kind_names(kinds: Kinds) -> str:
    *others, last = (kind.kind for kind in kinds)
    return f"{', '.join(others)} or {last}" if others else last


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _contents(kinds: Kinds, plugin: Plugin) -> str:
    names = [f"`{each.name}`" for each in plugin.contributions if isinstance(each, kinds)]
    return f"it has {', '.join(names)}" if names else f"it gives no {_kind_names(kinds)} at all"
