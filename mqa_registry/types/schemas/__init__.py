"""The prediction schemas: for every kind of prediction, a class that says all that the host needs to know of it."""

from mqa_registry.errors import DataError
from mqa_registry.types.schemas.classes import LabelSchema, LabelsSchema
from mqa_registry.types.schemas.numbers import ValueSchema, VectorSchema, WaveformSchema
from mqa_registry.types.schemas.parts import SPAN, BoxesSchema, MaskSchema, SpansSchema
from mqa_registry.types.schemas.schema import MisfitError, Schema
from mqa_registry.types.schemas.target_column import TargetColumn
from mqa_registry.types.schemas.words import RankingSchema, TextSchema

__all__ = ["SCHEMAS", "SPAN", "MisfitError", "Schema", "TargetColumn", "schema_named"]

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        LabelSchema(),
        LabelsSchema(),
        ValueSchema(),
        VectorSchema(),
        TextSchema(),
        SpansSchema(),
        BoxesSchema(),
        MaskSchema(),
        RankingSchema(),
        WaveformSchema(),
    )
}


def schema_named(name: str) -> Schema:
    """The schema of that name, or a DataError that lists them."""
    if name not in SCHEMAS:
        raise DataError(f"there is no prediction schema `{name}`", hint=f"the schemas are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]
