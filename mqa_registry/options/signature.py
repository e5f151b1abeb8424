"""A contribution's signature, read as a list of options, and what is wrong with one, in words for its author."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from mqa_registry.contributions import (
    Backend,
    Comparison,
    Contribution,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Slice,
)
from mqa_registry.errors import PluginError
from mqa_registry.options.wording import describe_type, format_value, inner_type, plain_types, union_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Function: TypeAlias = Callable[..., Any]

REQUIRED: Any = inspect.Parameter.empty

# Functions that a contribution may have beside its main one, with some of its options.
PARTS: Mapping[type[Contribution], tuple[str, ...]] = {
    ModelSource: ("tells",),
    Backend: ("export", "stamp", "fixed_length"),
    Comparison: ("evidence",),
    Probe: ("check",),
}

VALUE_TYPES = (str, int, float, bool, Path)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a contribution, or one key of a table that the host reads itself."""

    name: str
    annotation: Any
    default: Any = REQUIRED
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def type(self) -> str:
        """What it takes, in words."""
        return describe_type(self.annotation)

    @property
    def numeric(self) -> bool:
        """Whether it takes one number."""
        choices = [kind for each in plain_types(self.annotation) for kind in _choices(each)]
        return any(kind in {int, float} for kind in choices)

    def __str__(self) -> str:
        if self.annotation is Any:
            return f"`{self.name}` is {self.doc}"
        default = f", {format_value(self.default)} if left out" if self.default and not self.required else ""
        more = self.doc.removeprefix(f"`{self.name}` is ")
        return f"`{self.name}` is {self.type}{default}{f': {more}' if more else ''}"


@dataclass(frozen=True, eq=False)
class Options:
    """The options of one function, in the order of its signature."""

    every: tuple[Option, ...]

    def __iter__(self) -> Iterator[Option]:
        return iter(self.every)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(option.name for option in self.every)

    def get(self, name: str) -> Option | None:
        return next((option for option in self.every if option.name == name), None)


@cache
def options_of(function: Function) -> Options:
    """The options of a contribution's function: its keyword-only parameters.

    Raises PluginError where an annotation cannot be resolved.
    """
    return Options(tuple(_option(function, parameter) for parameter in _keyword_only(function)))


def _option(function: Function, parameter: inspect.Parameter) -> Option:
    doc = _sentence_about(parameter.name, function.__doc__ or "")
    return Option(parameter.name, _resolved(function, parameter), parameter.default, doc)


def _choices(kind: Any) -> tuple[Any, ...]:
    """The types of a Literal's choices; of any other type, itself."""
    return tuple(type(choice) for choice in get_args(kind)) if get_origin(kind) is Literal else (kind,)


def _sentence_about(option: str, text: str) -> str:
    """The sentence of a docstring that begins with the option in backticks, else the first that has it."""
    sentences = re.split(r"(?<=\.)\s+", re.sub(r"\s+", " ", text).strip())
    about = [sentence.removesuffix(".") for sentence in sentences if f"`{option}`" in sentence]
    return next((sentence for sentence in about if sentence.startswith(f"`{option}`")), about[0] if about else "")


def _resolved(function: Function, parameter: inspect.Parameter) -> Any:
    """The type of one option; PluginError where a name in it means nothing at run time."""
    # One at a time: the positional parameters may well name types that are imported for type checkers alone.
    one = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = get_type_hints(one, globalns=inspect.unwrap(function).__globals__, include_extras=True)
    except Exception as error:  # an annotation is the plugin's code, and may raise anything
        raise PluginError(
            f"the type of option `{parameter.name}` cannot be resolved: {error}",
            hint="import what the type of an option needs outside of `if TYPE_CHECKING:`",
        ) from error
    return hints[parameter.name]


def _keyword_only(function: Function) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _positional(function: Function) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]


def signature_problems(contribution: Contribution, reserved: Sequence[str] = ("use",)) -> tuple[str, ...]:
    """What is wrong with the signature of a contribution's function, in words for its author.

    `reserved` are the keys of a contribution's table that the host reads, and no option can have.
    """
    if not inspect.isfunction(contribution.function):
        return (f"its function must be a plain function, not {contribution.function!r:.60}",)
    problems = [*_positional_problems(contribution), *_option_problems(contribution, reserved)]
    if isinstance(contribution, Backend) and not problems:
        problems += _twin_problems(contribution, "identity", contribution.identity)
    for name in PARTS.get(type(contribution), ()) if not problems else ():
        if (part := getattr(contribution, name)) is not None:
            problems += _part_problems(contribution, name, part)
    return tuple(problems)


def _allowed_positional(contribution: Contribution) -> tuple[tuple[str, ...], ...]:
    takes = contribution.takes_arguments
    if isinstance(contribution, Metric):
        return (takes, (*takes, "groups"))
    if isinstance(contribution, Perturbation) and contribution.answer == "moves":
        return (("example", "target", "rng"),)
    if isinstance(contribution, Slice):
        return ((contribution.sees,),)
    return (takes,)


def _positional_problems(contribution: Contribution) -> Iterator[str]:
    # A leading underscore marks an argument as unused; the names themselves keep their order from being mixed up.
    found = [parameter.name.lstrip("_") for parameter in _positional(contribution.function)]
    required = _allowed_positional(contribution)[0]
    if tuple(found) in _allowed_positional(contribution):
        return
    surplus = [name for name in found if name not in required]
    if found[: len(required)] == list(required):
        names = ", ".join(f"`{name}`" for name in surplus)
        yield f"{names} must be keyword-only to be an option: put `*` before it in the signature"
        return
    yield f"a {contribution.kind} takes ({', '.join((*required, '*', 'options'))}), and its function ({', '.join(found)})"


def _option_problems(contribution: Contribution, reserved: Sequence[str]) -> Iterator[str]:
    for parameter in inspect.signature(contribution.function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            yield f"`{parameter}` hides what it takes: name every option as a keyword-only parameter"
    for parameter in _keyword_only(contribution.function):
        if problem := _option_problem(contribution, parameter, reserved):
            yield problem


def _option_problem(contribution: Contribution, parameter: inspect.Parameter, reserved: Sequence[str]) -> str:
    if parameter.name in reserved:
        return f"option `{parameter.name}` cannot be set: the key is the host's in the table of a {contribution.kind}"
    if parameter.annotation is parameter.empty:
        return f"option `{parameter.name}` has no type: annotate it"
    try:
        annotation = _resolved(contribution.function, parameter)
    except PluginError as error:
        return f"{error.message}; {error.hint}"
    if not _allowed(annotation):
        return f"option `{parameter.name}` has the type `{_type_name(annotation)}`, which a suite file cannot spell"
    return ""


def _allowed(annotation: Any) -> bool:
    """Whether a value of this type can stand in a suite file."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(arguments[0])
    if origin is Literal:
        return all(isinstance(choice, str | int) for choice in arguments)
    if origin is dict and arguments[0] is not str:
        return False
    if (inner := inner_type(annotation)) is not None:
        return _allowed(inner)
    several = union_members(annotation)
    return _all_allowed(several) if several != (annotation,) else annotation in VALUE_TYPES


def _all_allowed(annotations: Sequence[Any]) -> bool:
    return bool(annotations) and all(_allowed(annotation) for annotation in annotations)


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _part_problems(contribution: Contribution, name: str, part: Function) -> Iterator[str]:
    """A part takes some of the options of its contribution's function, with the same defaults."""
    if not inspect.isfunction(part):
        yield f"its `{name}` must be a plain function, not {part!r:.60}"
        return
    own, other = ({p.name: p.default for p in _keyword_only(f)} for f in (contribution.function, part))
    for option, default in other.items():
        if option not in own:
            yield f"its `{name}` takes the option `{option}`, which its function does not"
        elif default != own[option]:
            yield f"its `{name}` has another default for `{option}` than its function"


def _twin_problems(backend: Backend, name: str, twin: Function) -> Iterator[str]:
    """`identity` takes all options of the function, with the same defaults: the keys of the store cover each of them."""
    if not inspect.isfunction(twin):
        yield f"its `{name}` must be a plain function, not {twin!r:.60}"
        return
    own, other = ({p.name: p.default for p in _keyword_only(f)} for f in (backend.function, twin))
    for option in own.keys() ^ other.keys():
        yield f"its `{name}` and its function must take the same options; only one of them has `{option}`"
    for option in own.keys() & other.keys():
        if own[option] != other[option]:
            yield f"its `{name}` has another default for `{option}` than its function"
