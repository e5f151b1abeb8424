"""One model three times: in float64, in the candidate's precision by PyTorch, and as the candidate runs it."""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_parity.precision import format_of, precision_of
from mqa_parity.steady import reason
from mqa_registry import MqaError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy.typing as npt

    from mqa_parity.precision import Precision
    from mqa_registry import Inspectable, LiveView, Runner

PYTORCH, FILE = "PyTorch", "the reference file"


@dataclass(frozen=True)
class Trio:
    """`exact` and `peer` are the reference; the peer is in the `precision` of the candidate where it can be.

    Where it cannot, as for int8, it is in its own, and its errors are no yardstick for the candidate's. Nor are they where
    a reference that is a file cannot be had in float64: `doubt` says why, and `exact` is the reference as it is.
    `yardstick` is what a report calls the reference.
    """

    exact: Runner
    peer: Runner
    candidate: Runner
    precision: str
    form: Precision
    yardstick: str = PYTORCH
    doubt: str = ""

    @property
    def matched(self) -> bool:
        """Whether the peer computes in the candidate's precision, and float64 tells how far it errs."""
        return self.precision == self.form.name and not self.doubt


@contextmanager
def trio(reference: LiveView, candidate: LiveView) -> Iterator[Trio]:
    """All three, ready to run; a NotRunError where the reference has no float64, unless it is an ONNX file."""
    precision = precision_of(candidate.runner)
    form = format_of(precision)
    if not _is_file(reference.runner):
        with _in(reference, "float64") as exact, _in(reference, form.name) as peer:
            yield Trio(exact, peer, candidate.runner, precision, form)
        return
    own = reference.runner
    with ExitStack() as stack:
        exact, doubt = own, ""
        try:
            exact = stack.enter_context(_in(reference, "float64"))
        except NotRunError as error:
            doubt = error.message
        yield Trio(exact, own, candidate.runner, precision, format_of(precision_of(own)), FILE, doubt)


def trusted(three: Trio, arrays: Mapping[str, Any]) -> Trio:
    """The same, with a doubt where float64 is not what it seems: it does not run, or lies beyond rounding.

    The peer's error is the yardstick; a float64 that is wrong would make it so long that anything passes.
    """
    near = three.peer.run(arrays)
    try:
        true = three.exact.run(arrays)
    except MqaError:
        raise
    except Exception as error:
        return replace(three, exact=three.peer, doubt=f"{three.yardstick} does not run in float64: {reason(error)}")
    far = next((name for name, array in true.items() if _beyond_rounding(array, near[name], three.form.eps)), "")
    if far and three.yardstick == FILE:
        why = f"`{far}` of {three.yardstick} lies beyond rounding from what comes out in float64"
        return replace(three, exact=three.peer, doubt=why)
    return three


def _beyond_rounding(exact: npt.NDArray[Any], peer: npt.NDArray[Any], eps: float) -> bool:
    """Whether an error is larger than half of a format's digits."""
    if exact.dtype.kind != "f" or exact.shape != peer.shape:
        return exact.shape != peer.shape
    finite = np.isfinite(exact) & np.isfinite(peer)
    scale = np.abs(exact[finite]).max(initial=0.0)
    return bool(np.abs(exact[finite] - peer[finite]).max(initial=0.0) > math.sqrt(eps) * scale)


def _is_file(runner: Runner) -> bool:
    """Whether it runs an ONNX file, which has one precision, and maybe float64."""
    return "opset" in runner.facts


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
