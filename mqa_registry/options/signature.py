"""A contribution's signature, read as a list of options."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from mqa_registry.errors import PluginError
from mqa_registry.options.wording import kinds, spelled, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Function: TypeAlias = Callable[..., Any]

REQUIRED: Any = inspect.Parameter.empty


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
        return words(self.annotation)

    @property
    def numeric(self) -> bool:
        """Whether it takes one number."""
        choices = [kind for each in kinds(self.annotation) for kind in _choices(each)]
        return any(kind in {int, float} for kind in choices)

    def __str__(self) -> str:
        if self.annotation is Any:
            return f"`{self.name}` is {self.doc}"
        default = f", {spelled(self.default)} if left out" if self.default and not self.required else ""
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
    return Options(tuple(_option(function, parameter) for parameter in keyword_only(function)))


def _option(function: Function, parameter: inspect.Parameter) -> Option:
    doc = _sentence_about(parameter.name, function.__doc__ or "")
    return Option(parameter.name, resolved(function, parameter), parameter.default, doc)


def _choices(kind: Any) -> tuple[Any, ...]:
    """The types of a Literal's choices; of any other type, itself."""
    return tuple(type(choice) for choice in get_args(kind)) if get_origin(kind) is Literal else (kind,)


def _sentence_about(option: str, text: str) -> str:
    """The sentence of a docstring that begins with the option in backticks, else the first that has it."""
    sentences = re.split(r"(?<=\.)\s+", re.sub(r"\s+", " ", text).strip())
    about = [sentence.removesuffix(".") for sentence in sentences if f"`{option}`" in sentence]
    return next((sentence for sentence in about if sentence.startswith(f"`{option}`")), about[0] if about else "")


def resolved(function: Function, parameter: inspect.Parameter) -> Any:
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


def keyword_only(function: Function) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


def positional(function: Function) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]
