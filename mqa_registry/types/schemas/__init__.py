"""The prediction schemas: for every kind of prediction, a class that says all that the host needs to know of it."""

from mqa_registry.errors import DataError
from mqa_registry.types.schemas.answer import AnswerSchema
from mqa_registry.types.schemas.boxes import BOX, BoxesSchema
from mqa_registry.types.schemas.classes import LabelSchema
from mqa_registry.types.schemas.instances import InstancesSchema
from mqa_registry.types.schemas.mask_columns import MASK, masks_column
from mqa_registry.types.schemas.masks import MasksSchema
from mqa_registry.types.schemas.multi_label import LabelsSchema
from mqa_registry.types.schemas.ranking import RankingSchema
from mqa_registry.types.schemas.schema import (
    MisfitError,
    Schema,
    TextSchema,
    WaveformSchema,
)
from mqa_registry.types.schemas.spans import SPAN, SpansSchema
from mqa_registry.types.schemas.tokens import TokensSchema
from mqa_registry.types.schemas.value import ValueSchema
from mqa_registry.types.schemas.vector import VectorSchema

__all__ = ["BOX", "MASK", "SCHEMAS", "SPAN", "MisfitError", "Schema", "get_schema", "masks_column"]

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        LabelSchema(),
        LabelsSchema(),
        ValueSchema(),
        VectorSchema(),
        TextSchema(),
        SpansSchema(),
        TokensSchema(),
        AnswerSchema(),
        BoxesSchema(),
        MasksSchema(),
        InstancesSchema(),
        RankingSchema(),
        WaveformSchema(),
    )
}


def get_schema(name: str) -> Schema:
    """The schema of that name, or a DataError that lists them."""
    if name not in SCHEMAS:
        raise DataError(f"there is no prediction schema `{name}`", hint=f"the schemas are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]
