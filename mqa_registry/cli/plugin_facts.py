"""What is known of plugins and their contributions, in values of JSON: for `mqa plugins --json`, and for its pages."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import (
    Comparison,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Slice,
    SuiteFile,
    Task,
    one_line_help,
)
from mqa_registry.extras import missing_packages
from mqa_registry.options import contribution_options
from mqa_registry.plugins import find_role

if TYPE_CHECKING:
    from mqa_registry.contributions import Contribution
    from mqa_registry.options import Option
    from mqa_registry.plugins import Plugin

SLOW_SECONDS = 1.0  # that an import may take before it is told; the slowest of mqa's own takes a tenth


def describe_plugin(plugin: Plugin) -> dict[str, Any]:
    """A plugin with its state and all that it gives."""
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.broken,
        "hint": plugin.hint,
        "warnings": list_warnings(plugin),
        "contributions": [describe_contribution(plugin, one) for one in plugin.contributions],
    }


def list_warnings(plugin: Plugin) -> list[str]:
    """What the author of a plugin should look at, though it can be used."""
    slow = f"its import took {plugin.seconds:.1f} s: import what is large inside of the functions that need it"
    return [*plugin.warnings, *([slow] if plugin.seconds > SLOW_SECONDS else [])]


def describe_contribution(plugin: Plugin, one: Contribution) -> dict[str, Any]:
    """A contribution with its help, its facts and its options."""
    return {
        "name": f"{plugin.name}/{one.name}",
        "kind": one.kind,
        "named_in": find_role(type(one)).title.replace("`", ""),
        "summary": one_line_help(one),
        "documentation": one.documentation,
        "requires": list(one.requires),
        "missing": list(missing_packages(one.requires)),
        **describe_kind(one),
        "options": [_describe_option(option) for option in contribution_options(one)],
    }


def describe_kind(one: Contribution) -> dict[str, Any]:
    """What contributions of its kind say of themselves: what they read and give, and within which range."""
    facts: dict[str, Any] = {}
    match one:
        case Task():
            facts = {"schemas": _describe_schemas(one.schemas), "fields": dict(one.fields), "metric": one.metric}
        case Metric() | Comparison():
            facts = {"schemas": list(one.schemas), "range": [_finite(end) for end in one.range], "version": one.version}
        case Probe():
            facts = {"inputs": one.inputs, "compares": one.compares, "outputs": list(one.outputs)}
        case Perturbation():
            facts = {"modality": one.modality, "target_effect": one.target_effect, "edits": one.edits}
        case Slice():
            facts = {"inputs": one.inputs}
        case SuiteFile():
            facts = {"path": str(one.path)}
        case ModelSource():
            facts = {"takes": one.takes, "loads": None if one.loads is None else list(one.loads)}
    return facts


def _describe_schemas(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The columns of predictions of each schema, with their Arrow types."""
    from mqa_registry.types import SCHEMAS  # brings pyarrow, which a list of plugins does not need

    return {
        name: {column: str(kind) for column, kind in SCHEMAS[name].columns.items()} if name in SCHEMAS else {}
        for name in names
    }


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _describe_option(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.type,
        "required": option.required,
        "default": None if option.required else json.loads(json.dumps(option.default, default=str)),
        "help": option.doc.removeprefix(f"`{option.name}` is "),
    }
