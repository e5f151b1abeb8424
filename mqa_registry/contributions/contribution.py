"""Contributions: what a plugin gives, each with a name and options.

A kind for which one function is enough is a frozen record of that function: its keyword-only parameters are the options,
and its docstring is the help. A kind that needs several functions over the same options is a class: a plugin derives
from it, `class Session(Backend[SessionOptions])`, and yields an instance. The fields of the dataclass between the
brackets are the options, and its docstring tells of them. Either is read once, for validation, the JSON Schema, `mqa
plugins NAME` and the documentation.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass, field, is_dataclass
from inspect import cleandoc, getdoc
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, get_args, get_origin

from mqa_registry.contributions.versions import VersionedClass, VersionedRecord

if TYPE_CHECKING:
    from collections.abc import Callable

OptionsT = TypeVar("OptionsT")


class Contribution(Protocol):
    """What contributions of all kinds have.

    `packages` are those, by the names that pip knows, whose versions its results depend on: reports have them.
    `requires` are packages, by the names that pip installs, that its code imports and that an installation of the plugin
    need not bring, since its distribution lists them under an extra. Where one is missing, a suite that names the
    contribution is refused with the command that installs it. Reports have the versions of these, too.
    """

    kind: ClassVar[str]  # as in `the metric`

    @property
    def name(self) -> str:
        """Its name behind the slash."""
        ...

    @property
    def packages(self) -> tuple[str, ...]: ...
    @property
    def requires(self) -> tuple[str, ...]: ...

    @property
    def code(self) -> Callable[..., Any]:
        """The function that does its main work: errors name its file and line."""
        ...

    @property
    def documentation(self) -> str:
        """What it is and what its options do; the first line is its help in lists."""
        ...

    @property
    def options_source(self) -> Callable[..., Any]:
        """The function or the dataclass whose signature lists its options."""
        ...


@dataclass(frozen=True, kw_only=True)
class FunctionContribution(VersionedRecord):
    """A contribution that is one function, and its name."""

    kind: ClassVar[str]
    takes_arguments: ClassVar[tuple[str, ...]]  # its function's positional parameters

    name: str = field(kw_only=False)
    function: Callable[..., Any] = field(kw_only=False)
    packages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def code(self) -> Callable[..., Any]:
        return self.function

    @property
    def documentation(self) -> str:
        return getdoc(self.function) or ""

    @property
    def options_source(self) -> Callable[..., Any]:
        return self.function


@dataclass(frozen=True)
class NoOptions:
    """The options of a contribution that has none."""


class ClassContribution(VersionedClass, ABC, Generic[OptionsT]):
    """A contribution that is a class with several methods over one dataclass of options.

    `options` is the dataclass, taken from the brackets of the base: `class Session(Backend[SessionOptions])`. `main` is
    the name of the method that does its main work.
    """

    kind: ClassVar[str]
    main: ClassVar[str]
    options: ClassVar[type[Any] | None] = None

    name: str
    packages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            if isinstance(get_origin(base), type) and issubclass(get_origin(base), ClassContribution):
                (options,) = get_args(base)
                cls.options = None if isinstance(options, TypeVar) else options

    @property
    def code(self) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(type(self), self.main)
        return method

    @property
    def documentation(self) -> str:
        texts = (getdoc(type(self)) or "", dataclass_documentation(self.options or NoOptions))
        return "\n\n".join(text for text in texts if text)

    @property
    def options_source(self) -> Callable[..., Any]:
        return self.options or NoOptions


def dataclass_documentation(options: type[Any]) -> str:
    """The docstring of a dataclass of options, with those of the dataclasses that it inherits fields from."""
    bases = (base for base in options.__mro__ if is_dataclass(base) and base is not NoOptions)
    return "\n\n".join(cleandoc(base.__doc__ or "") for base in bases)


def one_line_help(contribution: Contribution) -> str:
    """The first line of a contribution's documentation."""
    return contribution.documentation.strip().partition("\n")[0]
