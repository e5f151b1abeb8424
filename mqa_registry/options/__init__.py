"""Options: what a contribution lets a suite set, and whether the values fit.

One declaration, a function's signature or a dataclass, serves validation, the JSON Schema, `mqa plugins NAME` and the documentation. pydantic does the work and
stays inside.
"""

from mqa_registry.options.signature import (
    Option,
    Options,
    contribution_options,
    find_signature_problems,
    read_options,
)
from mqa_registry.options.validation import Valid, json_schema, validate
from mqa_registry.options.wording import Fault, describe_value, format_value, plain_types

__all__ = [
    "Fault",
    "Option",
    "Options",
    "Valid",
    "contribution_options",
    "describe_value",
    "find_signature_problems",
    "format_value",
    "json_schema",
    "plain_types",
    "read_options",
    "validate",
]
