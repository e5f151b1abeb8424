"""The suite file: read with positions, checked against the plugins it names."""

from mqa_registry.suite.check import check
from mqa_registry.suite.identity import identity
from mqa_registry.suite.madeup import made_up
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
    "from_toml",
    "identity",
    "json_schema",
    "made_up",
    "plugin_names",
    "read",
    "render",
    "to_toml",
]
