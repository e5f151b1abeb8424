"""One model three times: in float64, in the candidate's precision by PyTorch, and as the candidate runs it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mqa_parity.precision import format_of, precision_of
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from mqa_parity.precision import Precision
    from mqa_registry import Inspectable, LiveView, Runner


@dataclass(frozen=True)
class Trio:
    """`exact` and `peer` are the reference; the peer is in the `precision` of the candidate where it can be.

    Where it cannot, as for int8, it is in float32, and its errors are no yardstick for the candidate's.
    """

    exact: Runner
    peer: Runner
    candidate: Runner
    precision: str
    form: Precision

    @property
    def matched(self) -> bool:
        """Whether the peer computes in the candidate's precision."""
        return self.precision == self.form.name


@contextmanager
def trio(reference: LiveView, candidate: LiveView) -> Iterator[Trio]:
    """All three, ready to run; a NotRunError where the reference has no float64."""
    precision = precision_of(candidate.runner)
    form = format_of(precision)
    with _in(reference, "float64") as exact, _in(reference, form.name) as peer:
        yield Trio(exact, peer, candidate.runner, precision, form)


def _in(view: LiveView, precision: str) -> AbstractContextManager[Runner]:
    """A view's backend in some precision."""
    if precision_of(view.runner) == precision:
        return nullcontext(view.runner)
    if not hasattr(view.runner, "variant"):
        raise NotRunError(
            f"backend `{view.backend}` runs in no other precision, and what is right is known by `float64`",
            hint='name a backend of `transformers/torch` in `against = { backend = "..." }`',
        )
    return cast("Inspectable", view.runner).variant(dtype=precision)
