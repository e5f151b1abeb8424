"""What one imported plugin gives, and everything that is wrong with it."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from mqa_registry import hookspecs
from mqa_registry.contributions import (
    ClassContribution,
    Comparison,
    Contribution,
    Metric,
    Perturbation,
    Probe,
    SuiteFile,
    Task,
    describe_renames,
)
from mqa_registry.expect import RESERVED
from mqa_registry.naming import did_you_mean
from mqa_registry.options import find_signature_problems
from mqa_registry.plugins.catalog import HOOKS, NAME, find_role
from mqa_registry.plugins.compatibility import read_api_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import Grouping

PROBE_INPUTS = ("rows", "predictions", "runner")  # what a probe can ask to see


class BrokenPluginError(Exception):
    """A plugin cannot be used; the message says why, to its author."""


def read_contributions(module: object) -> tuple[Contribution, ...]:
    """Everything that a plugin's hooks give; BrokenPluginError with all that is wrong with it."""
    # A manager of its own for each plugin: what pluggy holds against one cannot touch another.
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    _refuse(_hook_problems(manager, module))
    manager.register(module)
    hooks = _hooks(manager)
    if not hooks:
        raise BrokenPluginError("it has no hooks; does its entry point name the right module?")
    contributions = tuple(each for name, hook in hooks for each in _call(name, hook))
    _refuse((*_contribution_problems(contributions), *_suite_problems(contributions, module)))
    return contributions


def _refuse(problems: Iterable[str]) -> None:
    if reason := "; ".join(problems):
        raise BrokenPluginError(reason)


def find_unknown_hooks(module: object) -> Iterator[str]:
    """A sentence for each hook of a plugin that this mqa does not have: a later one may, or its name is misspelled."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name)
        hook = (marked["specname"] or name) if marked else name
        looks_like_one = hook.startswith(f"{hookspecs.GROUP}_") and inspect.isfunction(getattr(module, name))
        if (marked or looks_like_one) and hook not in HOOKS and not (marked and marked["optionalhook"]):
            yield _unknown_hook(hook)


def _hook_problems(manager: pluggy.PluginManager, module: object) -> Iterator[str]:
    if read_api_version(module) is None:  # else they are warnings: it may have been written for a later mqa as well
        yield from find_unknown_hooks(module)
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name)
        if marked:
            yield from _marked_problems(marked["specname"] or name, marked, getattr(module, name))
        elif name in HOOKS and inspect.isfunction(getattr(module, name)):
            yield f"`{name}` lacks `@hookimpl`"


def _marked_problems(name: str, marked: Mapping[str, Any], function: Any) -> Iterator[str]:
    if inspect.signature(function).parameters:
        yield f"hook `{name}` takes {inspect.signature(function)}, and a hook takes no arguments"
    if marked["wrapper"] or marked["hookwrapper"]:
        yield f"hook `{name}` is a wrapper, and a plugin speaks for itself alone"


def _unknown_hook(name: str) -> str:
    hint = did_you_mean(name, HOOKS)
    return f"`{name}` is no hook of this version of mqa{f'; {hint}' if hint else ''}"


def _hooks(manager: pluggy.PluginManager) -> list[tuple[str, pluggy.HookImpl]]:
    return [(name, impl) for name in HOOKS for impl in getattr(manager.hook, name).get_hookimpls()]


def _call(name: str, hook: pluggy.HookImpl) -> Iterator[Contribution]:
    """What one hook yields, all of it of the kinds that it may."""
    items = hook.function()
    if not isinstance(items, Iterable):
        raise BrokenPluginError(f"hook `{name}` gives {items!r:.40}, and a hook yields contributions")
    for item in items:
        if isinstance(item, type) and issubclass(item, ClassContribution):
            raise BrokenPluginError(
                f"hook `{name}` yields the class `{item.__name__}`: yield an instance, `{item.__name__}()`"
            )
        if not isinstance(item, HOOKS[name]):
            allowed = " or ".join(f"`{kind.__name__}`" for kind in HOOKS[name])
            raise BrokenPluginError(f"hook `{name}` yields a `{type(item).__name__}`, and takes {allowed} alone")
        yield item


def _contribution_problems(contributions: tuple[Contribution, ...]) -> Iterator[str]:
    for each in contributions:
        if not hasattr(each, "name"):
            yield f"the {each.kind} `{type(each).__name__}` has no `name`"
            continue
        if lacking := _missing_attributes(each):
            renames = describe_renames(type(each), dir(each))
            yield from (
                f"{each.kind} `{each.name}`: it lacks `{attribute}`{f' ({renames})' if renames else ''}"
                for attribute in lacking
            )
            continue
        if not (isinstance(each.name, str) and NAME.fullmatch(each.name)):
            yield f"{each.kind} {each.name!r:.40} has a name of other than letters, digits, `_`, `.` and `-`"
        signature = () if isinstance(each, SuiteFile) else find_signature_problems(each, find_role(type(each)).keys)
        for problem in (*_field_problems(each), *signature):
            yield f"{each.kind} `{each.name}`: {problem}"
    named = [(find_role(type(each)).title, each.name) for each in contributions if hasattr(each, "name")]
    for (role, name), count in Counter(named).items():
        if count > 1:
            yield f"`{name}` is given {count} times for {role}"


def _suite_problems(contributions: tuple[Contribution, ...], module: object) -> Iterator[str]:
    """What is wrong with the files of suites: each is a file that can be read, in the folder of the module."""
    home = Path(os.path.realpath(getattr(module, "__file__", None) or os.devnull)).parent
    for each in contributions:
        if not isinstance(each, SuiteFile):
            continue
        if not isinstance(each.path, Path):
            yield f'suite `{each.name}`: `path` must be a path, as in `Path(__file__).with_name("x.toml")`, not {each.path!r:.40}'
        elif not Path(os.path.realpath(each.path)).is_relative_to(home):
            yield f"suite `{each.name}`: `{each.path}` is outside of the plugin's folder `{home}`"
        else:
            try:
                each.documentation  # noqa: B018  # read once, and kept
            except (OSError, ValueError) as error:
                yield f"suite `{each.name}`: `{each.path}` cannot be read: {getattr(error, 'strerror', None) or error}"


def _missing_attributes(contribution: Contribution) -> list[str]:
    """The attributes that its kind needs and a class contribution has not set."""
    if not isinstance(contribution, ClassContribution):
        return []
    kinds = (kind for kind in type(contribution).__mro__ if kind in find_role(type(contribution)).kinds)
    return [name for kind in kinds for name in inspect.get_annotations(kind) if not hasattr(contribution, name)]


def _field_problems(contribution: Contribution) -> Iterator[str]:
    """Mistakes that a type checker would have found."""
    schemas = getattr(contribution, "schemas", ("any",))
    any_will_do = isinstance(contribution, Probe) and schemas == ()
    if not any_will_do and not (
        isinstance(schemas, tuple) and schemas and all(isinstance(schema, str) for schema in schemas)
    ):
        yield f'`schemas` must be a tuple of prediction schemas, as in `("label",)`, not {schemas!r:.40}'
    if isinstance(contribution, Metric | Comparison) and not _is_range(contribution.range):
        yield f"`range` must be its least and its largest value, as in `(0.0, 1.0)`, not {contribution.range!r:.40}"
    requires = contribution.requires
    if not (isinstance(requires, tuple) and all(isinstance(package, str) for package in requires)):
        yield f'`requires` must be a tuple of names of packages, as in `("emoji",)`, not {requires!r:.40}'
    if isinstance(contribution, Task) and not contribution.fields:
        yield "`fields` must name at least one field of its examples"
    if isinstance(contribution, Task) and contribution.grouping is not None:
        yield from _grouping_problems(contribution, contribution.grouping)
    if isinstance(contribution, Probe):
        yield from _probe_problems(contribution)
    if isinstance(contribution, Perturbation):
        yield from _perturbation_problems(contribution)


def _is_range(value: object) -> bool:
    """Whether a value is a pair of numbers, the lower one first."""
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(end, int | float) for end in value)
    return is_pair and value[0] < value[1]  # type: ignore[index]  # a pair has items


def _grouping_problems(task: Task[Any], grouping: Grouping) -> Iterator[str]:
    from mqa_registry.types.blobs import BLOB_MODALITIES  # brings numpy, which few plugins need this early

    if not grouping.fields:
        yield "`grouping` must name at least one field that each member has its own value of"
    for name in grouping.fields:
        if name not in task.fields:
            yield f"`grouping` names `{name}`, which is none of its `fields`"
        elif task.fields[name] in BLOB_MODALITIES:
            yield f"`grouping` names `{name}`, and members of a group have no {task.fields[name]}s"
    if "id" in task.fields or "group" in task.fields:
        yield "with `grouping`, `id` and `group` say which group a row is in, and are no `fields`"
    if not 1 <= grouping.min_members <= (grouping.max_members or grouping.min_members):
        yield "`grouping` must have `min_members` from 1 on, and `max_members` not below it"


def _probe_problems(probe: Probe[Any]) -> Iterator[str]:
    if not (isinstance(probe.outputs, tuple) and probe.outputs and all(map(str.isidentifier, probe.outputs))):
        yield f'`outputs` must name the numbers that it makes, as in `("value",)`, not {probe.outputs!r:.40}'
    elif taken := sorted(RESERVED & set(probe.outputs)):
        yield f"`outputs` names `{taken[0]}`, which means something else in `expect`"
    if probe.inputs not in PROBE_INPUTS:
        yield f"`inputs` must be one of {', '.join(f'`{one}`' for one in PROBE_INPUTS)}, not {probe.inputs!r:.40}"


def _perturbation_problems(perturbation: Perturbation) -> Iterator[str]:
    if perturbation.target_effect not in {"stays", "moves", "changes"}:
        yield f'`target_effect` must be "stays", "moves" or "changes", not {perturbation.target_effect!r:.40}'
    if perturbation.edits and perturbation.modality != "text":
        yield f"`edits` are those of a text, and it perturbs {perturbation.modality}"
    if perturbation.edits and perturbation.target_effect == "moves":
        yield 'with `edits` mqa moves the target, and with `target_effect="moves"` the function does: leave one out'
