"""Suites of plugins: found by the name `plugin/name`, which may pin a version, as in `acme/toxicity@1.2`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mqa_registry import plugins
from mqa_registry.contributions import SuiteFile
from mqa_registry.errors import Problem, SuiteError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mqa_registry.errors import Location
    from mqa_registry.plugins import Plugin

PIN = "@"


def find_suite(reference: str, plugin_files: Sequence[Path], at: Location | None) -> SuiteFile:
    """The suite of a plugin that a reference names; a SuiteError where there is none, or in another version only.

    `at` is the position of the reference in a suite that extends it.
    """
    name, pin, version = reference.partition(PIN)
    plugin_name = name.partition("/")[0]
    catalog = plugins.load([plugin_name], files=plugin_files)
    found = catalog.find((SuiteFile,), name)
    if isinstance(found, Problem):
        missing = plugin_name not in catalog.plugins
        message = f"there is no file `{reference}`, and {found.message}" if missing else found.message
        hint = found.hint if not missing or "did you mean" in found.hint else "`mqa suites` lists the suites of plugins"
        raise SuiteError([Problem(message, hint, at)])
    assert isinstance(found, SuiteFile)
    if pin and (problem := _find_mismatch(reference, version, catalog.plugin(plugin_name))):
        raise SuiteError([replace(problem, location=at)])
    return found


def _find_mismatch(reference: str, version: str, plugin: Plugin) -> Problem | None:
    """What is wrong with the version that a reference pins; None where that is the one that is installed."""
    try:
        pinned = SpecifierSet(f"=={version}")
    except InvalidSpecifier:
        return Problem(
            f"`{reference}` pins no version: `{version}`", "write one after the `@`, as in `@1.2`, or `@1.*`"
        )
    if not plugin.version:
        return Problem(
            f"`{reference}` pins a version, and a plugin of `{plugin.distribution}` has none", "leave it out"
        )
    if pinned.contains(plugin.version, prereleases=True):
        return None
    return Problem(
        f"`{reference}` asks for version {version}, and {plugin.origin} is installed",
        f'`pip install "{plugin.distribution}=={version}"`, or leave the version out',
    )
