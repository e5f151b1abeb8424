"""The suite file: read with positions, checked against the plugins it names."""

from mqa_registry.bounds import Expect
from mqa_registry.suite.check import adhoc, adhoc_source, check
from mqa_registry.suite.diagnostics import render
from mqa_registry.suite.identity import identity
from mqa_registry.suite.model import Against, Check, Data, IntervalKind, ModelUse, Severity, Suite, Use, Waiver
from mqa_registry.suite.overrides import Overrides
from mqa_registry.suite.paths import check_inside, real_folder
from mqa_registry.suite.read import RawSuite, made_up, plugin_names, read
from mqa_registry.suite.schema import json_schema
from mqa_registry.suite.sections import unread_column_findings
from mqa_registry.suite.toml import Node, Text, bases, read_tree, to_toml, with_bases

__all__ = [
    "Against",
    "Check",
    "Data",
    "Expect",
    "IntervalKind",
    "ModelUse",
    "Node",
    "Overrides",
    "RawSuite",
    "Severity",
    "Suite",
    "Text",
    "Use",
    "Waiver",
    "adhoc",
    "adhoc_source",
    "bases",
    "check",
    "check_inside",
    "identity",
    "json_schema",
    "made_up",
    "plugin_names",
    "read",
    "read_tree",
    "real_folder",
    "render",
    "to_toml",
    "unread_column_findings",
    "with_bases",
]
