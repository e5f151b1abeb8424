"""The whole inquiry, from two runners and some batches to an answer."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.blaming.another import find_another, held_weights
from mqa_parity.blaming.bundle import write_bundle
from mqa_parity.blaming.case import Case, Truth, worst, worst_row
from mqa_parity.blaming.causes import find_cause, strayed, together
from mqa_parity.blaming.doors import Dissected, class_of, dissected
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.frozen import frozen, frozen_rows, unless_frozen
from mqa_parity.blaming.gaps import find_gap
from mqa_parity.blaming.optimizers import blame_optimizers
from mqa_parity.blaming.outside import blame_outside
from mqa_parity.blaming.places import GUILTY, find_places, guilty, trail
from mqa_parity.blaming.repeating import blame_repeating
from mqa_parity.blaming.signature import blame_form, blame_signature
from mqa_parity.blaming.suspect import of_graph, of_module
from mqa_parity.blaming.taps import find_taps
from mqa_parity.blaming.unnamed import blame_unnamed, known_weights
from mqa_parity.blaming.unread import with_unread
from mqa_parity.blaming.wavering import blame_reference
from mqa_parity.blaming.widths import sizes_of, told_apart
from mqa_parity.steady import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_parity.blaming.causes import Cause
    from mqa_parity.blaming.doors import Anatomy, Candidate, Reference
    from mqa_parity.blaming.places import Place
    from mqa_parity.blaming.suspect import Suspect
    from mqa_parity.blaming.taps import Taps
    from mqa_parity.pairing import Pairing

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

NODE = re.compile(r"\bnode `([^`]+)` \(")  # how the runner of a file names the node that failed


def blame(
    reference: Reference,
    candidate: Candidate,
    batches: Sequence[Arrays],
    *,
    mask: str = "",
    limit: float = 10.0,
    exact: Reference | None = None,
    bundle: Path | None = None,
    pairing: Pairing | None = None,
) -> Blame | None:
    """Whose fault it is that a candidate differs from its reference, and at which module; None where it does not.

    `mask` names the array of a batch that says which positions are real. An error counts where it is more than `limit`
    times the error of the reference itself, both held against the reference in float64; where none does, the form of
    the outputs does. `exact` is the reference in float64, where that is at hand; `bundle` a folder that is to show
    what numbers are off to others. `pairing` says which outputs are held; by name or place if left out.
    """
    with nullcontext(exact) if exact is not None else reference.variant(dtype="float64") as truth:
        sizes = sizes_of(reference)

        def held(batch: Arrays) -> Case:
            return told_apart(Case(Truth(reference, truth, batch, mask), candidate, limit, pairing), sizes)

        cases = list(map(held, batches))
        case = worst(cases)
        if case is None:
            return next(filter(None, (ask(case) for ask in (blame_form, blame_reference) for case in cases)), None)
        largest = max(cases, key=lambda case: case.size)
        for one in (case, largest) if largest.size > case.size else (case,):
            if (found := blame_reference(one)) is not None:
                return found
        alone = worst_row(case)
        found = explain(alone)
        if bundle is not None:
            write_bundle(alone, found, bundle)
        return found


def explain(case: Case) -> Blame:
    """The fault behind a case that fails, what is cheap to find out first."""
    found = blame_repeating(case) or blame_signature(case) or blame_optimizers(case) or _blame_module(case)
    found = with_unread(case, found)
    if found.class_name or not found.module:
        return found
    return replace(found, class_name=class_of(case.truth.reference, found.module))


def _blame_module(case: Case) -> Blame:
    """By the modules of the graph, as it is in the file."""
    if not isinstance(case.candidate, Dissected):
        return Blame(
            "exporter", "the file cannot be taken apart, and no optimizer of a runtime is known to it", case.failure
        )
    anatomy = dissected(case.candidate, case.truth.reference)
    taps = find_taps(case, anatomy)
    if not taps.parts:
        return _blame_unnamed(case, anatomy)
    if case.crash:
        return _blame_crash(case, anatomy, taps)
    places = find_places(case, anatomy, taps)
    if not places:
        return _blame_unnamed(case, anatomy)
    culprit = guilty(places)
    if culprit is None:
        outside = blame_outside(case, anatomy, taps)
        return replace(outside or _blame_nobody(case, anatomy, places), trail=trail(places, None))
    found = _blame_place(case, anatomy, taps, culprit)
    if found.kind == "precision":
        culprit, found = _beyond_rounding(case, anatomy, taps, places, culprit)
    return replace(found, trail=trail(places, culprit))


def _blame_unnamed(case: Case, anatomy: Anatomy) -> Blame:
    """By numbers alone, where the model shows no modules or the graph none; where the graph does, with its nodes."""
    found = blame_unnamed(case, anatomy)
    nodes = _own(anatomy, found.module, of_graph(case, anatomy).piece.nodes) if found.module else ()
    return _moved(anatomy, replace(found, nodes=nodes), found.module) if nodes else found


def _beyond_rounding(
    case: Case, anatomy: Anatomy, taps: Taps, places: Sequence[Place], first: Place
) -> tuple[Place, Blame]:
    """Where few bits make every module err: the first that has a wrong weight, else the one that errs most."""
    erring = [place for place in places if place.local > GUILTY] or [first]
    for place in erring:
        if (cause := strayed(at := of_module(case, anatomy, taps, place.part))) is not None:
            return place, _blamed(anatomy, place, at, cause)
    for place in sorted(erring, key=lambda place: -place.local):
        if (found := _blame_place(case, anatomy, taps, place)).kind == "precision":
            return place, found
    return first, _blame_place(case, anatomy, taps, first)


def _blame_place(case: Case, anatomy: Anatomy, taps: Taps, place: Place) -> Blame:
    at = of_module(case, anatomy, taps, place.part)
    known = known_weights(case, at.piece.weights)
    if not at.module:  # what stands between modules, or in those that do not show: a weight there may be any
        at = replace(at, cleared=known)
    cause = find_gap(anatomy, at, taps) or unless_frozen(anatomy, at, find_cause(at))
    if cause.kind == "weights" or (cause.kind == "exporter" and known < frozenset(at.piece.weights)):
        held = held_weights(case)
        if (another := find_another(held)) is not None:
            return Blame(another.kind, another.reason, case.failure, meaning=another.meaning)
        if cause.kind != "weights" and cause.nodes is None:
            cause = together(at, held) or cause
    return _blamed(anatomy, place, at, cause)


def _blamed(anatomy: Anatomy, place: Place, at: Suspect, cause: Cause) -> Blame:
    nodes = _own(anatomy, place.part.module, at.piece.nodes)
    found = Blame(
        cause.kind,
        f"given what PyTorch has before it, it errs by {place.local:.3g} times PyTorch's noise: {cause.reason}",
        place.local,
        module=place.part.module,
        call=place.part.call,
        class_name=place.part.class_name or ("" if place.part.module else class_of(at.case.truth.reference, "")),
        source=place.part.source,
        nodes=nodes or tuple(anatomy.nodes(place.part)),
        weight=cause.weight,
        value=place.part.value,
        meaning=cause.meaning,
    )
    if cause.nodes is not None:
        return _moved(anatomy, replace(found, nodes=cause.nodes), cause.owner, cause.nodes)
    if cause.owner not in {"", found.module}:
        return _moved(anatomy, found, cause.owner)
    if not nodes and found.nodes and cause.kind != "weights":  # of the module that another was folded into
        return _moved(anatomy, found, anatomy.owner(found.nodes[-1])[0])
    return found


def _moved(anatomy: Anatomy, found: Blame, module: str, known: tuple[str, ...] | None = None) -> Blame:
    """To another module, with as much as the graph tells of that; or to none, with nodes that are `known`."""
    nodes = _own(anatomy, module, found.nodes) if known is None else known
    owner, class_name, source = anatomy.owner(nodes[-1]) if nodes else ("", "", "")
    told = (class_name, source) if owner == module else ("", "")
    kept = found.nodes if known is None else known
    return replace(found, module=module, class_name=told[0], source=told[1], nodes=nodes or kept)


def _own(anatomy: Anatomy, module: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Those of a piece's nodes that are the module's, of which it may share some with others."""
    own = anatomy.inside(module)
    return tuple(node for node in nodes if node in own)


def _blame_crash(case: Case, anatomy: Anatomy, taps: Taps) -> Blame:
    """By the node that ONNX Runtime names where it gives up."""
    node = found[1] if (found := NODE.search(case.crash)) else ""
    module, class_name, source = anatomy.owner(node)
    blamed = Blame(
        "exporter",
        f"the model takes this input, and the file does not: {shortened(case.crash)}",
        float("inf"),
        module=module,
        class_name=class_name,
        source=source,
        nodes=(node,) if node else (),
    )
    if why := frozen(case, anatomy):
        return replace(_by_class(case, blamed), reason=f"{why}, at {_where(blamed, node)}", meaning=why)
    part = next((part for part in taps.parts.values() if part.module == module), None)
    if part is None:
        return _by_class(case, blamed)
    cause = find_cause(of_module(case, anatomy, taps, part))
    blamed = replace(blamed, value=part.value)
    return replace(
        blamed, kind=cause.kind, reason=f"{blamed.reason}: {cause.reason}", weight=cause.weight, meaning=cause.meaning
    )


def _by_class(case: Case, found: Blame) -> Blame:
    """With the class of the model itself, where a node is in none of its modules."""
    if found.module or not found.nodes:
        return found
    return replace(found, class_name=found.class_name or class_of(case.truth.reference, ""))


def _where(found: Blame, node: str) -> str:
    return f"node `{node}`" + (f" of `{found.module}`" if found.module else "") if node else "a node without a name"


def _blame_nobody(case: Case, anatomy: Anatomy, places: list[Place]) -> Blame:
    if why := frozen_rows(case, anatomy):
        return Blame("exporter", why, case.failure, meaning=why)
    if not isfinite(case.failure):  # which no rounding adds up to
        ours, theirs = (", ".join(f"`{name}`" for name in some) for some in (case.truth.outputs[1], case.outputs))
        return Blame("signature", f"no module errs by itself, and {theirs} is not what the model has for {ours}", inf)
    most = max(places, key=lambda place: place.local, default=None)
    largest = (
        f": the one that does most, `{most.part.module}`, by {most.local:.3g} times PyTorch's noise" if most else ""
    )
    return Blame("tolerance", f"no module errs by itself{largest}", case.failure)
