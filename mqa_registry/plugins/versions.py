"""The versions of what results depend on: mqa, Python, packages, and the plugins with their source code."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import mqa_registry
from mqa_registry.contributions import ClassContribution, FunctionContribution
from mqa_registry.provenance import source_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.plugins.catalog import Catalog, Kinds, Plugin

HOST_PACKAGES = ("numpy", "pyarrow", "scipy")  # with which the host calculates


def required_packages(catalog: Catalog, kinds: Kinds = (FunctionContribution, ClassContribution)) -> tuple[str, ...]:
    """The packages on whose versions the results depend: those of contributions of these kinds, and of the host."""
    packages = (package for _, one in catalog.each(kinds) for package in (*one.packages, *one.requires))
    return tuple(dict.fromkeys([*packages, *HOST_PACKAGES]))


def list_versions(packages: tuple[str, ...]) -> dict[str, Any]:
    """The versions of mqa, of Python, and of those packages that are installed."""
    return {
        "mqa": version("mqa-registry"),
        "python": platform.python_version(),
        "packages": {name: installed for name in packages if (installed := _installed_version(name))},
    }


def _installed_version(package: str) -> str:
    """The version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@dataclass(frozen=True)
class Installed:
    """A version, and the digest of the source code of what may change under one version: mqa itself, and plugins."""

    version: str
    source: str = ""


def list_installed(catalog: Catalog) -> dict[str, Installed]:
    """All that predictions depend on and that may be another in another process, by names for messages."""
    versions = list_versions(required_packages(catalog))
    return {
        "mqa": Installed(versions["mqa"], source_digest(mqa_registry)),
        "Python": Installed(versions["python"]),
        **{f"the package `{name}`": Installed(number) for name, number in versions["packages"].items()},
        **{f"the plugin `{name}`": _describe_plugin(plugin) for name, plugin in catalog.plugins.items()},
    }


def _describe_plugin(plugin: Plugin) -> Installed:
    """Its version, without its path where it is a file: that may lie elsewhere in another process."""
    return Installed(plugin.version, "" if plugin.module is None else source_digest(plugin.module))


def describe_differences(worker: Mapping[str, Installed], driver: Mapping[str, Installed]) -> Iterator[str]:
    """What a worker has in another version than the driver: "the package `torch` is 2.12 on the worker and 2.13 here"."""
    for name, expected in driver.items():
        found = worker.get(name)
        if found is None or found.version != expected.version:
            yield f"{name} is {found.version if found else 'missing'} on the worker and {expected.version} here"
        elif found != expected:
            yield f"{name} has other source code on the worker"
    yield from (f"{name} is on the worker alone" for name in worker if name not in driver)
