"""The options of a contribution, read from its function's signature or its dataclass, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from mqa_registry.contributions import (
    ClassContribution,
    Comparison,
    Contribution,
    FunctionContribution,
    Metric,
    Perturbation,
    Replay,
    Slice,
)
from mqa_registry.contributions.contribution import dataclass_documentation
from mqa_registry.errors import PluginError
from mqa_registry.options.wording import describe_type, format_value, inner_type, plain_types, union_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Source: TypeAlias = Callable[..., Any]  # a function, whose keyword-only parameters are options, or a dataclass of them

REQUIRED: Any = inspect.Parameter.empty
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
    """The options of one contribution, in the order in which they are declared."""

    every: tuple[Option, ...]

    def __iter__(self) -> Iterator[Option]:
        return iter(self.every)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(option.name for option in self.every)

    def get(self, name: str) -> Option | None:
        return next((option for option in self.every if option.name == name), None)


@dataclass(frozen=True)
class _Declaration:
    """An option as the code declares it: its type as it is written, and the names that the type may use."""

    name: str
    annotation: Any
    default: Any
    namespace: Mapping[str, Any]

    def resolve(self) -> Any:
        """The type; PluginError where a name in it means nothing at run time."""
        # One at a time: the positional parameters may well name types that are imported for type checkers alone.
        one = SimpleNamespace(__annotations__={self.name: self.annotation})
        try:
            hints = get_type_hints(one, globalns=dict(self.namespace), include_extras=True)
        except Exception as error:  # an annotation is the plugin's code, and may raise anything
            raise PluginError(
                f"the type of option `{self.name}` cannot be resolved: {error}",
                hint="import what the type of an option needs outside of `if TYPE_CHECKING:`",
            ) from error
        return hints[self.name]


@cache
def read_options(source: Any) -> Options:
    """The options that a function has for keyword-only parameters, or a dataclass for fields.

    Raises PluginError where an annotation cannot be resolved.
    """
    texts = _documentation(source)
    return Options(
        tuple(
            Option(one.name, one.resolve(), one.default, _sentence_about(one.name, texts))
            for one in _declarations(source)
        )
    )


def contribution_options(contribution: Contribution) -> Options:
    """The options that a suite may give to a contribution."""
    return read_options(contribution.options_source)


def _declarations(source: Source) -> list[_Declaration]:
    if isinstance(source, type):
        return [_field_declaration(source, one) for one in dataclasses.fields(source) if one.init]
    namespace = getattr(inspect.unwrap(source), "__globals__", {})
    return [_Declaration(one.name, one.annotation, one.default, namespace) for one in _keyword_only(source)]


def _field_declaration(source: type, field: dataclasses.Field[Any]) -> _Declaration:
    """A field as the class that declares it, which may be a base, has it."""
    owner = next(base for base in source.__mro__ if field.name in inspect.get_annotations(base))
    default = REQUIRED if field.default is dataclasses.MISSING else field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return _Declaration(field.name, field.type, default, vars(sys.modules[owner.__module__]))


def _documentation(source: Source) -> str:
    """The docstring of a function; of a dataclass, with those of the dataclasses that it inherits fields from."""
    return dataclass_documentation(source) if isinstance(source, type) else source.__doc__ or ""


def _choices(kind: Any) -> tuple[Any, ...]:
    """The types of a Literal's choices; of any other type, itself."""
    return tuple(type(choice) for choice in get_args(kind)) if get_origin(kind) is Literal else (kind,)


def _sentence_about(option: str, text: str) -> str:
    """The sentence of a docstring that begins with the option in backticks, else the first that has it."""
    sentences = re.split(r"(?<=\.)\s+", re.sub(r"\s+", " ", text).strip())
    about = [sentence.removesuffix(".") for sentence in sentences if f"`{option}`" in sentence]
    return next((sentence for sentence in about if sentence.startswith(f"`{option}`")), about[0] if about else "")


def _keyword_only(function: Source) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _positional(function: Source) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]


def find_signature_problems(contribution: Contribution, reserved: Sequence[str] = ("use",)) -> tuple[str, ...]:
    """What is wrong with a contribution's functions and options, in words for its author.

    `reserved` are the keys of a contribution's table that the host reads, and no option can have.
    """
    if isinstance(contribution, FunctionContribution):
        return tuple(_function_problems(contribution, reserved))
    assert isinstance(contribution, ClassContribution)
    return tuple(_class_problems(contribution, reserved))


def _function_problems(contribution: FunctionContribution, reserved: Sequence[str]) -> Iterator[str]:
    if not inspect.isfunction(contribution.function):
        yield f"its function must be a plain function, not {contribution.function!r:.60}"
        return
    problems = [
        *_positional_problems(contribution),
        *_hidden_problems(contribution.function),
        *_option_problems(contribution.kind, contribution.function, reserved),
    ]
    yield from problems
    if isinstance(contribution, Comparison) and contribution.evidence is not None and not problems:
        yield from _part_problems(contribution.function, "evidence", contribution.evidence)


def _class_problems(contribution: ClassContribution[Any], reserved: Sequence[str]) -> Iterator[str]:
    name, base = type(contribution).__name__, type(contribution).__mro__[1].__name__
    if (options := contribution.options) is None:
        yield f"it names no options: write `class {name}({base}[OPTIONS])`, OPTIONS a dataclass or `NoOptions`"
    elif not dataclasses.is_dataclass(options) or not options.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield f"its options `{_type_name(options)}` must be a frozen dataclass: `@dataclass(frozen=True, kw_only=True)`"
    else:
        yield from _option_problems(contribution.kind, options, reserved)
        if isinstance(contribution, Replay) and "schema" not in {one.name for one in dataclasses.fields(options)}:
            yield f"its options `{_type_name(options)}` must have `schema`, the prediction schema of what it reads"


def _allowed_positional(contribution: FunctionContribution) -> tuple[tuple[str, ...], ...]:
    takes = contribution.takes_arguments
    if isinstance(contribution, Metric):
        return (takes, (*takes, "groups"))
    if isinstance(contribution, Perturbation) and contribution.target_effect == "moves":
        return (("example", "target", "rng"),)
    if isinstance(contribution, Slice):
        return ((contribution.inputs,),)
    return (takes,)


def _positional_problems(contribution: FunctionContribution) -> Iterator[str]:
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


def _hidden_problems(function: Source) -> Iterator[str]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            yield f"`{parameter}` hides what it takes: name every option as a keyword-only parameter"


def _option_problems(kind: str, source: Source, reserved: Sequence[str]) -> Iterator[str]:
    for declaration in _declarations(source):
        if problem := _option_problem(kind, declaration, reserved):
            yield problem


def _option_problem(kind: str, declaration: _Declaration, reserved: Sequence[str]) -> str:
    if declaration.name in reserved:
        return f"option `{declaration.name}` cannot be set: the key is the host's in the table of a {kind}"
    if declaration.annotation is inspect.Parameter.empty:
        return f"option `{declaration.name}` has no type: annotate it"
    try:
        annotation = declaration.resolve()
    except PluginError as error:
        return f"{error.message}; {error.hint}"
    if not _allowed(annotation):
        return f"option `{declaration.name}` has the type `{_type_name(annotation)}`, which a suite file cannot hold"
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
    members = union_members(annotation)
    return _all_allowed(members) if members != (annotation,) else annotation in VALUE_TYPES


def _all_allowed(annotations: Sequence[Any]) -> bool:
    return bool(annotations) and all(_allowed(annotation) for annotation in annotations)


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _part_problems(function: Source, name: str, part: Source) -> Iterator[str]:
    """A part takes some of the options of its contribution's function, with the same defaults."""
    if not inspect.isfunction(part):
        yield f"its `{name}` must be a plain function, not {part!r:.60}"
        return
    own, other = ({p.name: p.default for p in _keyword_only(f)} for f in (function, part))
    for option, default in other.items():
        if option not in own:
            yield f"its `{name}` takes the option `{option}`, which its function does not"
        elif default != own[option]:
            yield f"its `{name}` has another default for `{option}` than its function"
