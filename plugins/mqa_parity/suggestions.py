"""What a new suite asks of an export: does it compute what the model does?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_parity.decisions import SCHEMAS
from mqa_parity.suite import INVARIANCE, MAX_RATIO, TENSORS
from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import SuiteContext

PARITY = 40  # the order of such checks in a suite
MIN_AGREEMENT = 0.99  # a share of rows
MAX_INVARIANCE = 200  # roundings; sound exports of many architectures change by 9 at most


def suggest_parity(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """The tensors and the answers of two backends; of one backend, whether a row's outputs depend on its batch."""
    if len(context.backends) < 2:
        yield SuggestedCheck(
            table={"measure": {"use": INVARIANCE, "rows": 4}, "expect": {"max": MAX_INVARIANCE}},
            about="Do the outputs of a row depend on the batch that it runs in? In roundings.",
            bounds="promise",
            order=PARITY,
        )
        return
    yield SuggestedCheck(
        table={"measure": TENSORS, "expect": {"mismatches": {"max": 0}, "ratio": {"max": MAX_RATIO}}},
        about="Are its outputs the model's, but for roundings? `ratio` is in units of the model's own error; leave it out "
        "for a quantized file.",
        bounds="promise",
        order=PARITY,
    )
    if context.schema in SCHEMAS:
        yield SuggestedCheck(
            table={"measure": "parity/agreement", "expect": {"min": MIN_AGREEMENT}},
            about="Does it answer as the model does?",
            bounds="promise",
            order=PARITY,
        )
    if context.schema == "value":
        yield SuggestedCheck(
            table={"measure": "parity/close", "expect": {"min": MIN_AGREEMENT}},
            about="Are its numbers the model's, within 0.1 %? Set `atol` to what makes no difference.",
            bounds="promise",
            order=PARITY,
        )
