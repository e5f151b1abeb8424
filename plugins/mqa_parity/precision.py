"""How finely a precision tells numbers apart, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry import Runner


@dataclass(frozen=True)
class Precision:
    """A floating-point format: `eps` is the step from 1 to the next number, `largest` the largest finite one."""

    name: str
    eps: float
    largest: float


FORMATS = {
    "float64": Precision("float64", 2.0**-52, (2 - 2.0**-52) * 2.0**1023),
    "float32": Precision("float32", 2.0**-23, (2 - 2.0**-23) * 2.0**127),
    "bfloat16": Precision("bfloat16", 2.0**-7, (2 - 2.0**-7) * 2.0**127),
    "float16": Precision("float16", 2.0**-10, (2 - 2.0**-10) * 2.0**15),
}


def precision_of(runner: Runner) -> str:
    """The precision that a runner says it computes in; float32 where it says nothing."""
    return str(runner.facts.get("precision", "float32"))


def format_of(precision: str) -> Precision:
    """The format that answers come in: integers are for weights, and the answers are then float32."""
    return FORMATS.get(precision, FORMATS["float32"])
