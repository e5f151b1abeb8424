"""The judge: from observations to verdicts. Pure, and quick enough to run again on a kept run.

Its results can be read without numpy and Arrow; what judges is loaded on first use.
"""

from typing import TYPE_CHECKING

from mqa_registry.judging.result import Number, Part, Result, Step, Verdict

if TYPE_CHECKING:
    from mqa_registry.judging.judge import Judge, judge
    from mqa_registry.judging.label_order import find_label_order
    from mqa_registry.judging.tag_repairs import find_tag_repairs

__all__ = ["Judge", "Number", "Part", "Result", "Step", "Verdict", "find_label_order", "find_tag_repairs", "judge"]


def __getattr__(name: str) -> object:
    if name not in {"Judge", "judge", "find_label_order", "find_tag_repairs"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mqa_registry.judging.judge import Judge, judge
    from mqa_registry.judging.label_order import find_label_order
    from mqa_registry.judging.tag_repairs import find_tag_repairs

    globals().update(
        {"Judge": Judge, "judge": judge, "find_label_order": find_label_order, "find_tag_repairs": find_tag_repairs}
    )
    return globals()[name]
