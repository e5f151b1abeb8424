"""The prediction schemas: for every kind of prediction, a class that says all that the host needs to know of it."""

from mqa_registry.errors import DataError
from mqa_registry.types.schemas.classes import LabelSchema, LabelsSchema
from mqa_registry.types.schemas.schema import (
    SPAN,
    BoxesSchema,
    MaskSchema,
    MisfitError,
    RankingSchema,
    Schema,
    SpansSchema,
    TextSchema,
    ValueSchema,
    VectorSchema,
    WaveformSchema,
)

__all__ = ["SCHEMAS", "SPAN", "MisfitError", "Schema", "get_schema"]

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


def get_schema(name: str) -> Schema:
    """The schema of that name, or a DataError that lists them."""
    if name not in SCHEMAS:
        raise DataError(f"there is no prediction schema `{name}`", hint=f"the schemas are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]
