"""The judge: from observations to verdicts. Pure, and quick enough to be asked again.

What it says can be read without numpy and Arrow; `judge` itself is loaded on first use.
"""

from typing import TYPE_CHECKING

from mqa_registry.judging.result import Number, Part, Result, Step, Verdict

if TYPE_CHECKING:
    from mqa_registry.judging.cases import judge

__all__ = ["Number", "Part", "Result", "Step", "Verdict", "judge"]


def __getattr__(name: str) -> object:
    if name != "judge":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mqa_registry.judging.cases import judge

    globals()[name] = judge
    return judge
