"""How finely a precision tells numbers apart, how far it reaches, and how far a sound file may lie off in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry import Runner


@dataclass(frozen=True)
class Precision:
    """A floating-point format: `eps` is the step from 1 to the next number, `largest` the largest finite one.

    `least` is the smallest positive number that runtimes do not flush to zero. `allowed` is how many times as far from
    float64 as the reference's own largest error a candidate's largest may lie, `allowed_root` the same of their root
    mean squares in a channel or a row, and `roundings` how many `eps` of the largest value it may in any case. Of 24
    rows, sound exports of 26 architectures (`tests/benchmarks/architectures.py`) lie off at most 2.6 times in float32
    and 1.7 times in float16, and two ways through attention in 16 bits 3 times by their largest errors, 2.7 times by
    root mean squares. What ten times the error is in float32 no user sees; in 16 bits it moves a probability, and so
    less is allowed.
    """

    name: str
    eps: float
    largest: float
    least: float
    allowed: float = 10.0
    allowed_root: float = 10.0
    roundings: float = 8.0

    @property
    def floor(self) -> float:
        """The least that a yardstick is, as a share of the largest value."""
        return self.roundings / self.allowed * self.eps


HALF = {"allowed": 4.0, "allowed_root": 3.0, "roundings": 2.0}
FORMATS = {
    "float64": Precision("float64", 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022),
    "float32": Precision("float32", 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126),
    "bfloat16": Precision("bfloat16", 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, **HALF),
    "float16": Precision("float16", 2.0**-10, (2 - 2.0**-10) * 2.0**15, 2.0**-24, **HALF),
}


def precision_of(runner: Runner) -> str:
    """The precision that a runner says it computes in; float32 where it says nothing."""
    return str(runner.facts.get("precision", "float32"))


def format_of(precision: str) -> Precision:
    """The format that answers come in: integers are for weights, and the answers are then float32."""
    return FORMATS.get(precision, FORMATS["float32"])
