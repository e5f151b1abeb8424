"""The precisions that an export can be had in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mqa_registry import DataError

Precision = Literal["float32", "float16", "bfloat16", "int8-dynamic", "int8-static"]


@dataclass(frozen=True)
class Variant:
    """What an export is to be computed in.

    `per_channel` scales every channel of a weight by itself. `calibration` is a file of rows to measure activations
    with, for `int8-static` where the suite's own data are not to serve.
    """

    precision: Precision = "float32"
    per_channel: bool = False
    calibration: Path | None = None

    def __post_init__(self) -> None:
        if self.per_channel and not self.precision.startswith("int8"):
            raise DataError(f"`per_channel` is for int8, and `precision` is `{self.precision}`")
        if self.calibration is not None and not self.calibrated:
            raise DataError(f"`calibration` is for `int8-static`, and `precision` is `{self.precision}`")

    @property
    def traced(self) -> bool:
        """Whether it is traced from the module, and not made of the float32 export."""
        return self.precision in {"float32", "bfloat16"}

    @property
    def calibrated(self) -> bool:
        """Whether it is made with rows of data."""
        return self.precision == "int8-static"

    def spelled(self) -> dict[str, Any]:
        """As JSON has it, for a recipe or an order."""
        return {"precision": self.precision, "per_channel": self.per_channel}


PLAIN = Variant()
