"""The suite file: read with positions, checked against the plugins it names."""

from mqa_registry.suite.check import check
from mqa_registry.suite.identity import identity
from mqa_registry.suite.in_memory import find_model_source, read_sections, suite_of
from mqa_registry.suite.model import Against, Check, Data, Expect, IntervalKind, ModelUse, Severity, Suite, Use, Waiver
from mqa_registry.suite.overrides import Overrides
from mqa_registry.suite.read import RawSuite, plugin_names, read
from mqa_registry.suite.render import render
from mqa_registry.suite.schema import json_schema
from mqa_registry.suite.spelling import bases, from_toml, to_toml

__all__ = [
    "Against",
    "Check",
    "Data",
    "Expect",
    "IntervalKind",
    "ModelUse",
    "Overrides",
    "RawSuite",
    "Severity",
    "Suite",
    "Use",
    "Waiver",
    "bases",
    "check",
    "find_model_source",
    "from_toml",
    "identity",
    "json_schema",
    "plugin_names",
    "read",
    "read_sections",
    "render",
    "suite_of",
    "to_toml",
]
