"""A use of a contribution in a suite: its options, calls of it, and the identity that keys all that the store has of it."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import partial
from inspect import unwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mqa_registry.boundary import ContributionCall, Contributor
from mqa_registry.contributions import ClassContribution, FunctionContribution, ModelSource
from mqa_registry.errors import PluginError
from mqa_registry.options import contribution_options, read_options
from mqa_registry.provenance import HOST, content_digest, source_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from mqa_registry.contributions import Contribution
    from mqa_registry.errors import Location
    from mqa_registry.plugins import Catalog, Plugin


T = TypeVar("T")


@dataclass(frozen=True)
class Use:
    """One contribution with its options.

    `given` are the options as the suite file has them, which is how reports repeat them; `options` are the same after
    validation, with paths made whole, which is how the function is called. `plugin` is who gives it, `at` where the
    suite names it.
    """

    name: str  # plugin/name
    contribution: Contribution = field(compare=False, repr=False)
    given: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    plugin: Plugin | None = field(default=None, compare=False, repr=False)
    at: Location | None = field(default=None, compare=False, repr=False)

    @property
    def contributor(self) -> Contributor:
        """The contribution as errors name it."""
        return Contributor(self.contribution.kind, self.name, self.contribution.code)

    def contribution_as(self, kind: type[T]) -> T:
        """The contribution, known to be of this kind since the suite was checked."""
        assert isinstance(self.contribution, kind), f"`{self.name}` is a {self.contribution.kind}"
        return self.contribution

    def call(self, *arguments: Any, seconds: float | None = None) -> Any:
        """What the contribution's function returns for these arguments and the suite's options.

        A ContributionError where it raises what it must not, or takes longer than `seconds`, where those are not as is
        usual for its kind. What it returns is not checked yet.
        """
        function = self.contribution_as(FunctionContribution).function
        with ContributionCall(self.contributor, seconds=seconds):
            return function(*arguments, **self._copy_options())

    def call_function(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The same of another function of the contribution, which takes some of the options."""
        names = set(read_options(function).names)
        options = {name: value for name, value in self._copy_options().items() if name in names}
        with ContributionCall(self.contributor):
            return function(*arguments, **options)

    def call_method(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What a method of the contribution returns for these arguments and the suite's options; else as `call`."""
        options = self.contribution_as(ClassContribution).options_source
        with ContributionCall(self.contributor):
            return method(*arguments, options(**self._copy_options()))

    def _copy_options(self) -> dict[str, Any]:
        """A copy of the options, since a contribution may change those that it is given."""
        return deepcopy(dict(self.options))

    def as_table(self) -> dict[str, Any]:
        """The table of a suite file that names it, with the options that are given."""
        return {"use": self.name, **self.given}

    @property
    def key(self) -> str:
        """One string for this contribution with these options, equal for equal ones."""
        return json.dumps(self.as_table(), sort_keys=True, default=str)

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True)
class UseReference:
    """A use without its contribution, which another process loads again by its name. It pickles."""

    name: str
    given: Mapping[str, Any]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, use: Use) -> UseReference:
        return cls(use.name, use.given, use.options)

    @property
    def plugin(self) -> str:
        """The name of the plugin that gives it."""
        return self.name.partition("/")[0]

    def resolve(self, kind: type[Contribution], catalog: Catalog) -> Use:
        """The use, of a contribution of the catalog. A PluginError where that does not have it."""
        found = catalog.find((kind,), self.name)
        if not isinstance(found, kind):
            raise PluginError(f"`{self.name}` is not there any more")
        return Use(self.name, found, self.given, self.options, catalog.plugin(self.plugin))


def identity(use: Use) -> dict[str, Any]:
    """Its name, the version and source code of its plugin, and every option, as JSON has it.

    Options that were left out have their defaults, and paths are known by what they hold, wherever that lies. A model's
    folder is known by the digest that its source gives: not every file in there is of the model.
    """
    options = {option.name: option.default for option in contribution_options(use.contribution)} | dict(use.options)
    folders = not isinstance(use.contribution, ModelSource)
    return {
        "use": use.name,
        "version": use.plugin.version if use.plugin else "",
        "source": sorted({source_digest(module) for module in _modules(use)}),
        "options": {name: _resolved(value, folders=folders) for name, value in options.items()},
    }


def _modules(use: Use) -> Iterator[ModuleType]:
    """The module of the plugin, and those of the contribution's code, which may be another's."""
    if use.plugin is not None and use.plugin.module is not None:
        yield use.plugin.module
    for part in _code(use.contribution):
        module = sys.modules.get(getattr(part, "__module__", None) or "")
        if module is not None and module.__name__.partition(".")[0] != HOST:
            yield module


def _code(contribution: Contribution) -> Iterator[Any]:
    """The functions of a contribution; of a class, it and its bases, and its options."""
    if isinstance(contribution, ClassContribution):
        yield from type(contribution).__mro__
        yield contribution.options_source
        return
    assert isinstance(contribution, FunctionContribution)
    for each in fields(contribution):
        function = getattr(contribution, each.name)
        while isinstance(function, partial):
            function = function.func
        if callable(function):
            yield unwrap(function)


def _resolved(value: Any, *, folders: bool) -> Any:
    """A value as JSON has it, the same in every process."""
    inner = partial(_resolved, folders=folders)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return _content(value, folders=folders)
    if isinstance(value, dict):
        return {str(key): inner(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [inner(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(map(inner, value), key=str)
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _content(path: Path, *, folders: bool) -> Mapping[str, str]:
    if not path.exists():
        return {"missing": str(path)}
    if path.is_dir() and not folders:
        return {"folder": "known by the model's digest"}
    return {"sha256": content_digest(path)}
