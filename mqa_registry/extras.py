"""Optional packages: what a contribution requires beyond the installation of its plugin, and the command that installs it.

A plugin's distribution lists such packages under an extra (`[project.optional-dependencies]`), and a contribution names
them in `requires`.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from mqa_registry.entry_points import UNKNOWN, list_entry_points, read_origin
from mqa_registry.errors import UsageError
from mqa_registry.hookspecs import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution
    from types import TracebackType

    from packaging.requirements import Requirement


class optional_import:  # noqa: N801 - a context manager, made a class since it may be entered for every row
    """The import of an optional package, as a context manager: `with optional_import("emoji"): import emoji`.

    `package` is the name that pip installs. Raises a UsageError with the command that installs it where it is missing.
    """

    __slots__ = ("package",)

    def __init__(self, package: str) -> None:
        self.package = package

    def __enter__(self) -> None:
        """Nothing has to be prepared."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, ModuleNotFoundError) and not is_installed(self.package):
            raise UsageError(
                f"the package `{self.package}` is not installed", hint=install_command(self.package)
            ) from error


def missing_packages(packages: Iterable[str]) -> Iterator[str]:
    """Those of these packages that are not installed."""
    return (package for package in packages if not is_installed(package))


def is_installed(package: str) -> bool:
    """Whether there is a distribution of that name, of any version."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def install_command(package: str) -> str:
    """The command that installs a package: with the extra of a plugin's distribution that brings it, where there is one."""
    for found in _plugin_distributions():
        if extra := _extra_with(package, found):
            return f'pip install "{found.metadata["Name"]}[{extra}]"'
    return f"pip install {package}"


def _plugin_distributions() -> list[Distribution]:
    """The distributions that bring plugins, each once, in the order of their names."""
    points = (point for named in list_entry_points(GROUP).values() for point in named)
    found = {read_origin(point)[0]: point.dist for point in points if point.dist is not None}
    return [found[name] for name in sorted(found) if name != UNKNOWN]


def _extra_with(package: str, found: Distribution) -> str:
    """The extra of a distribution that brings a package and the fewest others; empty where none does."""
    from packaging.utils import canonicalize_name

    optional = [one for one in _requirements(found) if one.marker and not one.marker.evaluate({"extra": ""})]
    brought = {
        extra: {canonicalize_name(one.name) for one in optional if one.marker and one.marker.evaluate({"extra": extra})}
        for extra in found.metadata.get_all("Provides-Extra") or ()
    }
    fitting = [extra for extra, names in brought.items() if canonicalize_name(package) in names]
    return min(fitting, key=lambda extra: len(brought[extra]), default="")


def _requirements(found: Distribution) -> Iterator[Requirement]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in found.requires or ():
        with suppress(InvalidRequirement):  # of an old package; pip would not take it either
            yield Requirement(line)
