"""What the model itself makes of what its modules give: the nodes between the last of these and the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_parity.blaming.causes import find_cause
from mqa_parity.blaming.doors import class_of
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.frozen import unless_frozen
from mqa_parity.blaming.gaps import find_gap
from mqa_parity.blaming.noise import ratio_in_any_shape
from mqa_parity.blaming.suspect import of_value
from mqa_parity.blaming.taps import LIKELY
from mqa_parity.blaming.traffic import Tensor

if TYPE_CHECKING:
    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.causes import Cause
    from mqa_parity.blaming.doors import Anatomy
    from mqa_parity.blaming.suspect import Suspect
    from mqa_parity.blaming.taps import Taps


def blame_outside(case: Case, anatomy: Anatomy, taps: Taps) -> Blame | None:
    """At the output that errs most where all modules give what PyTorch's do; None where none errs much."""
    single, double = case.truth.outputs
    ends = [
        of_value(case, anatomy, taps, value, (single[name], double[name]))
        for value, name in case.paired(case.outputs)
        if value not in taps.parts
    ]
    errors = [end.ratio(end.piece.run(end.feeds)) for end in ends]
    most = max(errors, default=0.0)
    if most <= LIKELY:
        return _blame_lost(case, taps)
    end = ends[errors.index(most)]
    return _blamed(case, end, most, find_gap(anatomy, end, taps) or unless_frozen(anatomy, end, find_cause(end)))


def _blame_lost(case: Case, taps: Taps) -> Blame | None:
    """An output that is what a module gives in the model, where the model makes something else of that."""
    single, double = case.truth.outputs
    for value, name in case.paired(case.outputs):
        if value in taps.parts and double[name].size == taps.double[value].size:
            off = ratio_in_any_shape(taps.double[value], single[name], double[name], case.truth.real)
            if off > LIKELY:
                return _lost(case, taps, name, value, off)
    return None


def _lost(case: Case, taps: Taps, name: str, value: str, off: float) -> Blame:
    module = taps.parts[value].module
    missing = taps.missing(Tensor("", case.truth.outputs[0][name], case.truth.outputs[1][name]))
    what = f"what the model makes of `{module}` for `{name}` is not in the file"
    return Blame(
        "exporter",
        f"`{missing}` is missing in the file: {what}" if missing else f"{what}: `{name}` is what `{module}` gives",
        off,
        module=missing,
        class_name=class_of(case.truth.reference, missing),
        value=value,
        meaning=f"`{missing}` is missing in the file" if missing else what,
    )


def _blamed(case: Case, end: Suspect, local: float, cause: Cause) -> Blame:
    reason = f"all modules agree, and what the model makes of them errs by {local:.3g} times PyTorch's noise"
    return Blame(
        cause.kind,
        f"{reason}: {cause.reason}",
        local,
        module=cause.owner if cause.nodes is not None else "",
        class_name="" if cause.owner else class_of(case.truth.reference, ""),
        nodes=tuple(end.piece.nodes) if cause.nodes is None else cause.nodes,
        weight=cause.weight,
        value=end.piece.output,
        meaning=cause.meaning,
    )
