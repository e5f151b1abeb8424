"""The version of the hooks, and the error for a plugin that was written for an earlier one.

In version 1 every contribution was a record of functions. Since version 2 the kinds that take several functions are
classes, and some fields have other names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mqa_registry.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOOKS_VERSION = 2

# By class, the names of fields in version 1 and since then.
RENAMED_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Metric": {"takes": "schemas"},
    "Comparison": {"takes": "schemas", "right": "is_correct"},
    "Slice": {"sees": "inputs"},
    "Perturbation": {"answer": "target_effect"},
    "Probe": {
        "sees": "inputs", "gives": "outputs", "reused": "cacheable", "texts": "text_columns", "takes": "schemas",
    },
    "Backend": {"stamp": "record_verdict"},
    "ModelSource": {"tells": "infer_task"},
    "Codec": {
        "size": "cost", "mask": "padding_mask", "reading": "read_outputs", "full_sizes": "full_costs",
        "unusable": "find_unusable", "of_length": "with_length",
    },
    "Statistic": {
        "of": "compute", "cells": "bins", "size": "n_bins", "shown": "per_group", "spread": "pairwise",
        "never": "never_defined",
    },
}  # fmt: skip
RENAMED_IMPORTS = {
    "Conditions": "RunContext",
    "LiveView": "ViewContext",
    "Reading": "OutputReading",
    "Scene": "ProbeContext",
    "Subject": "ModelUnderTest",
    "remake": "rebuild_model",
    "reopen": "reopen_runner",
}


class VersionedRecord:
    """A base of dataclasses: a field by its name in version 1 is a PluginError that says the name since then."""

    def __new__(cls, *_: Any, **fields: Any) -> Self:
        if renames := describe_renames(cls, fields):
            raise _outdated(f"of `{cls.__name__}`, {renames}")
        return super().__new__(cls)


class VersionedClass:
    """A base of classes that were records of functions: an instance made of functions is a PluginError that says so."""

    def __new__(cls, *functions: Any, **fields: Any) -> Self:
        if (functions or fields) and cls.__module__.startswith("mqa_registry.contributions."):
            method = getattr(cls, "main", "")
            change = f"make its function the method `{method}`" if method else "make its functions methods"
            renames = describe_renames(cls, fields)
            raise _outdated(
                f"`{cls.__name__}` is a class: derive from it, {change} and "
                f"{'yield' if method else 'return'} an instance{f'; {renames}' if renames else ''}"
            )
        return super().__new__(cls)


def describe_renames(cls: type, names: Iterable[str]) -> str:
    """Those of a class's fields that have other names since version 2, as in `` `takes` is now `schemas` ``."""
    renamed: Mapping[str, str] = {}
    for base in reversed(cls.__mro__):
        renamed = {**renamed, **RENAMED_FIELDS.get(base.__name__, {})}
    return ", ".join(f"`{name}` is now `{renamed[name]}`" for name in names if name in renamed)


def _outdated(change: str) -> PluginError:
    return PluginError(
        f"it was written for an earlier version of the hooks than {HOOKS_VERSION}: {change}",
        hint="the plugin's own newer version may do so already",
    )
