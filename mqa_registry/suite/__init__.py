"""The suite file: read with positions, checked against the plugins it names."""

from mqa_registry.expect import Expect
from mqa_registry.suite.confinement import real_folder, require_inside
from mqa_registry.suite.diagnostics import explain_error, render
from mqa_registry.suite.inputs import find_lacking_inputs
from mqa_registry.suite.live_objects import (
    infer_task,
    list_objects,
    name_type,
    take_model,
    with_objects,
    with_objects_of,
)
from mqa_registry.suite.model import Against, Check, Data, IntervalKind, ModelUse, Severity, Suite, Waiver
from mqa_registry.suite.overrides import Overrides
from mqa_registry.suite.positions import Text
from mqa_registry.suite.read import RawSuite, plugin_names, read, suite_of_tables
from mqa_registry.suite.schema import json_schema
from mqa_registry.suite.sections import unread_column_findings
from mqa_registry.suite.toml import Node, bases, read_tree, to_toml, toml_key, toml_line, with_bases
from mqa_registry.suite.use import Use, UseReference, identity
from mqa_registry.suite.validation import validate, validate_source, validate_tables

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
    "UseReference",
    "Waiver",
    "bases",
    "explain_error",
    "find_lacking_inputs",
    "identity",
    "infer_task",
    "json_schema",
    "list_objects",
    "name_type",
    "plugin_names",
    "read",
    "read_tree",
    "real_folder",
    "render",
    "require_inside",
    "suite_of_tables",
    "take_model",
    "to_toml",
    "toml_key",
    "toml_line",
    "unread_column_findings",
    "validate",
    "validate_source",
    "validate_tables",
    "with_bases",
    "with_objects",
    "with_objects_of",
]
