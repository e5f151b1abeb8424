"""Options: what a contribution's signature lets a suite say, and whether what it says fits.

One signature serves validation, the JSON Schema, `mqa plugins NAME` and the documentation. pydantic does the work and
stays inside.
"""

from mqa_registry.options.defects import signature_problems
from mqa_registry.options.faults import Fault
from mqa_registry.options.signature import Option, Options, options_of
from mqa_registry.options.validation import Valid, json_schema, validate
from mqa_registry.options.wording import described, did_you_mean, spelled

__all__ = [
    "Fault",
    "Option",
    "Options",
    "Valid",
    "described",
    "did_you_mean",
    "json_schema",
    "options_of",
    "signature_problems",
    "spelled",
    "validate",
]
