"""An order for one export: all that whoever makes it has to know, as JSON can carry it into another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.variant import PLAIN, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Order:
    """Make an export in `folder`, for `opset` where one is asked for.

    `rows` are a few encoded rows to trace the model with. A variant that is not traced is made of the float32 export
    `base`; `batches` are those to calibrate with.
    """

    folder: Path
    rows: Path
    opset: int | None = None
    variant: Variant = PLAIN
    base: Path | None = None
    batches: Path | None = None

    def spelled(self) -> dict[str, Any]:
        paths = {name: value and str(value) for name, value in asdict(self).items() if name in PATHS}
        return paths | {"opset": self.opset, "variant": self.variant.spelled()}

    @classmethod
    def read(cls, spelled: Mapping[str, Any]) -> Order:
        paths = {name: Path(value) for name in PATHS if (value := spelled[name])}
        return cls(**paths, opset=spelled["opset"], variant=Variant(**spelled["variant"]))


PATHS = ("folder", "rows", "base", "batches")
