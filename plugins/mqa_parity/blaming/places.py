"""Where the difference begins: every module as it comes out, and by itself on what the model gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.blaming.finding import Step
from mqa_parity.blaming.noise import ratio_in_any_shape
from mqa_parity.blaming.taps import LIKELY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Part
    from mqa_parity.blaming.taps import Taps

    Array: TypeAlias = npt.NDArray[Any]

GUILTY = 20.0  # the least ratio of a module that errs by itself; healthy ones were never seen above 2


@dataclass(frozen=True)
class Place:
    """A value of the graph that is a module's output: what PyTorch has there, and what the graph makes of it."""

    part: Part
    single: Array
    double: Array
    inherited: float  # the ratio of the value as it comes out
    local: float  # and where all before it is as PyTorch has it

    def step(self) -> Step:
        return Step(self.part.module, self.part.call, self.inherited, self.local)


def find_places(case: Case, anatomy: Anatomy, taps: Taps) -> list[Place]:
    """Every module that both sides have, in the graph's order, from two runs of the graph as it is in the file.

    No module errs by itself and comes out right: one that seems to was given what is another module's output in the
    graph than in the model. Such a value gives way to another one of that module, if there is one.
    """
    places = _measured(case, anatomy, taps)
    while strangers := _strangers(anatomy, places):
        for name in strangers:
            taps.move(name, anatomy.instead(taps.parts[name]))
        places = _measured(case, anatomy, taps)
    return places


def _measured(case: Case, anatomy: Anatomy, taps: Taps) -> list[Place]:
    rest = [name for name in taps.parts if name not in taps.found]
    inherited = {name: taps.found[name] for name in taps.parts if name in taps.found}
    inherited |= anatomy.outputs(case.batch, rest) if rest else {}
    alike = [name for name, array in inherited.items() if array.size == taps.double[name].size]
    taps.shapes.update({name: inherited[name].shape for name in alike})
    given = taps.feeds()
    local = anatomy.forced(case.batch, {name: given[name] for name in alike}) if alike else {}
    return [
        Place(
            taps.parts[name],
            taps.single[name],
            taps.double[name],
            measure(case, taps, name, inherited[name]),
            measure(case, taps, name, local[name]),
        )
        for name in alike
    ]


def _strangers(anatomy: Anatomy, places: Sequence[Place]) -> set[str]:
    """What is far off and yet read by modules that are not, unless they are given what PyTorch has there."""
    known = {place.part.value for place in places}
    far_off = {place.part.value for place in places if place.inherited > GUILTY}
    odd = [place for place in places if place.local > GUILTY and place.inherited <= LIKELY]
    return {name for place in odd for name in anatomy.reads(known, place.part.value)} & far_off


def measure(case: Case, taps: Taps, value: str, found: Array) -> float:
    """The ratio of one value, whatever shape the graph has it in."""
    return ratio_in_any_shape(found, taps.single[value], taps.double[value], case.truth.real)


def guilty(places: Sequence[Place]) -> Place | None:
    """The first module that errs by itself, whatever those before it do; else the one that errs most, if it is much."""
    first = next((place for place in places if place.local > GUILTY), None)
    most = max(places, key=lambda place: place.local, default=None)
    return first or (most if most is not None and most.local > LIKELY else None)


def trail(places: Sequence[Place], culprit: Place | None) -> tuple[Step, ...]:
    """The modules around the guilty one; where there is none, those that are furthest off."""
    if culprit is None:
        return tuple(place.step() for place in sorted(places, key=lambda place: -place.inherited)[:5])
    position = list(places).index(culprit)
    return tuple(place.step() for place in places[max(0, position - 2) : position + 3])
