"""The prediction schemas: for every kind of answer, the columns that a table of predictions has beside `id`."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from mqa_registry.errors import DataError

SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
BOX = pa.struct(
    [
        *[(side, pa.float64()) for side in ("x0", "y0", "x1", "y1")],
        ("label", pa.string()),
        ("score", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of answer. `main` holds the answer itself and is null where there is none; `extra` may be left out."""

    name: str
    main: tuple[str, pa.DataType]
    extra: dict[str, pa.DataType] = field(default_factory=dict)
    classed: bool = False  # its answers are drawn from a fixed set of classes

    @property
    def columns(self) -> dict[str, pa.DataType]:
        return dict([self.main]) | self.extra


SCHEMAS = {
    schema.name: schema
    for schema in (
        Schema("label", ("label", pa.string()), {"probability": pa.list_(pa.float64())}, classed=True),
        Schema("labels", ("labels", pa.list_(pa.string())), {"probability": pa.list_(pa.float64())}, classed=True),
        Schema("value", ("value", pa.float64())),
        Schema("vector", ("vector", pa.list_(pa.float64()))),
        Schema("text", ("text", pa.string())),
        Schema("spans", ("spans", pa.list_(SPAN))),
        Schema("boxes", ("boxes", pa.list_(BOX))),
        Schema("mask", ("mask", pa.list_(pa.list_(pa.int32())))),
        Schema("ranking", ("ranking", pa.list_(pa.string())), {"scores": pa.list_(pa.float64())}),
        Schema("waveform", ("samples", pa.list_(pa.float32())), {"rate": pa.int32()}),
    )
}


def schema_named(name: str) -> Schema:
    """The schema of that name, or a DataError that lists them."""
    if name not in SCHEMAS:
        raise DataError(f"there is no prediction schema `{name}`", hint=f"the schemas are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]
