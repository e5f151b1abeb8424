"""Where the difference begins: every module as it comes out, and by itself on what the model gives it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Watched
from mqa_parity.blaming.finding import Step
from mqa_parity.blaming.noise import ratio_in_any_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Part, Reference

    Array: TypeAlias = npt.NDArray[Any]
    Lists: TypeAlias = Mapping[str, Sequence[Array]]

GUILTY = 20.0  # the least ratio of a module that errs by itself; healthy ones were never seen above 2
LIKELY = 5.0  # the least ratio of the largest of them, where none is that far off


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


@dataclass(frozen=True)
class Taps:
    """What PyTorch has for values of the graph, and for what those values are the outputs of."""

    parts: dict[str, Part]
    single: dict[str, Array]
    double: dict[str, Array]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # in the graph, where that is known

    def add(self, part: Part, single: Array, double: Array) -> None:
        """What a value is, unless it is known already."""
        if part.value not in self.parts and double.dtype.kind == "f":
            self.parts[part.value], self.single[part.value], self.double[part.value] = part, single, double

    def move(self, value: str, part: Part | None) -> None:
        """What was taken for one value is another's, or none's."""
        del self.parts[value]
        if part is not None:
            self.add(part, self.single[value], self.double[value])

    def given(self) -> dict[str, Array]:
        """PyTorch's own values, as near as float32 gets, to be given to the graph."""
        return {
            name: array.astype(np.float32).reshape(self.shapes.get(name, array.shape))
            for name, array in self.double.items()
        }


def find_taps(case: Case, anatomy: Anatomy) -> Taps:
    """Both sides' values of the same modules; where modules share a value it is the innermost's.

    What modules are given counts as well, where the reference shows it: so what stands between modules is told from them.
    """
    known = set(case.truth.reference.modules())
    modules = list(dict.fromkeys(part.module for part in anatomy.parts() if part.module in known))
    given, single = _traffic(case.truth.reference, case.batch, modules)
    exactly, double = _traffic(case.truth.exact, case.batch, modules)
    calls = {name: len(arrays) for name, arrays in double.items() if arrays}
    parts = [part for part in anatomy.parts(calls) if part.call < calls.get(part.module, 0)]
    taps = Taps({}, {}, {})
    for part in parts:
        taps.add(part, single[part.module][part.call], double[part.module][part.call])
    for part in parts:
        maker = anatomy.maker(part)
        if maker is not None and len(exactly.get(part.module, ())) == calls[part.module]:
            taps.add(maker, given[part.module][part.call], exactly[part.module][part.call])
    return replace(taps, parts=dict(sorted(taps.parts.items(), key=lambda pair: pair[1].end)))


def _traffic(runner: Reference, batch: Mapping[str, Array], modules: Sequence[str]) -> tuple[Lists, Lists]:
    """What modules are given, as far as it is shown, and what they give."""
    return runner.traffic(batch, modules) if isinstance(runner, Watched) else ({}, runner.tap(batch, modules))


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
    inherited = anatomy.outputs(case.batch, list(taps.parts)) if taps.parts else {}
    alike = [name for name, array in inherited.items() if array.size == taps.double[name].size]
    taps.shapes.update({name: inherited[name].shape for name in alike})
    given = taps.given()
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
