"""Which values of a graph are what a model's modules give and are given: known by their numbers, else by their order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.blaming.doors import class_of
from mqa_parity.blaming.noise import narrowed, ratio_in_any_shape
from mqa_parity.blaming.traffic import Traffic, observe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Part
    from mqa_parity.blaming.traffic import Tensor

    Array: TypeAlias = npt.NDArray[Any]

LIKELY = 5.0  # times PyTorch's own noise: the most at which a value still has a tensor's numbers


@dataclass(frozen=True)
class Taps:
    """What PyTorch has for values of the graph, and for what those values are the outputs of.

    `given` are per value the tensors that PyTorch gives to the module whose output it is.
    """

    parts: dict[str, Part]
    single: dict[str, Array]
    double: dict[str, Array]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # in the graph, where that is known
    given: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    traffic: Traffic | None = None
    found: Mapping[str, Array] = field(default_factory=dict)  # what the graph makes of the batch, as far as it was run

    def add(self, part: Part, single: Array, double: Array) -> None:
        """What a value is, unless it is known already."""
        if part.value not in self.parts and double.dtype.kind == "f":
            self.parts[part.value], self.single[part.value], self.double[part.value] = part, single, double

    def move(self, value: str, part: Part | None) -> None:
        """What was taken for one value is another's, or none's."""
        del self.parts[value]
        if part is not None:
            self.add(part, self.single[value], self.double[value])

    def missing(self, tensor: Tensor) -> str:
        """The module without nodes in the file that gives a tensor; empty where none does."""
        return "" if self.traffic is None else self.traffic.missing(tensor)

    def feeds(self) -> dict[str, Array]:
        """PyTorch's own values, as near as float32 gets, to be given to the graph."""
        return {
            name: narrowed(array).reshape(self.shapes.get(name, array.shape)) for name, array in self.double.items()
        }


def find_taps(case: Case, anatomy: Anatomy) -> Taps:
    """Both sides' values of the same modules; where modules share a value it is the innermost's.

    What modules are given counts as well, where the reference shows it: so what stands between modules is told from them.
    A module may give several tensors, and several values may leave it in the graph: those with the same numbers belong
    together, and of the others those of the same size, in their order. Where an exporter folded a module into the one
    before it, or that into it, the value is that of both.
    """
    known = set(case.truth.reference.modules())
    named = [part.module for part in anatomy.parts() if part.module in known]
    if not named:
        return Taps({}, {}, {})
    traffic = observe(case.truth, anatomy, list(dict.fromkeys(named)))
    parts = [part for part in anatomy.parts(traffic.calls) if part.call < traffic.calls.get(part.module, 0)]
    found = _values(case, anatomy, parts)
    given: dict[str, list[Tensor]] = {}
    taps = Taps({}, {}, {}, given=given, traffic=traffic, found=found)
    for part in parts:
        for one, tensor in _outputs(case, part, traffic, found):
            taps.add(one, tensor.single, tensor.double)
            given.setdefault(one.value, [*traffic.given(part), *chain(*traffic.given_before(part))])
    for part in parts:
        makers = [one for one in anatomy.makers(part) if one.value not in taps.parts]
        for one, tensor in _entries(case, part, makers, traffic, found):
            taps.add(one, tensor.single, tensor.double)
    return replace(taps, parts=dict(sorted(taps.parts.items(), key=lambda pair: pair[1].end)))


def _values(case: Case, anatomy: Anatomy, parts: Sequence[Part]) -> Mapping[str, Array]:
    """The numbers of all values in question as the graph makes them; none where it cannot be run."""
    if case.crash:
        return {}
    wanted = dict.fromkeys(chain.from_iterable((part.value, *part.others, *part.entries) for part in parts))
    return anatomy.outputs(case.batch, list(wanted)) if wanted else {}


def _outputs(case: Case, part: Part, traffic: Traffic, found: Mapping[str, Array]) -> Iterator[tuple[Part, Tensor]]:
    """Which values that leave a part are which tensors of its module, or of those that were folded into it."""
    gave, folded = traffic.gave(part), traffic.gave_after(part)
    if not found:  # the graph does not run: its order is all that is known
        yield from ((part, tensor) for tensor in gave[:1])
        return
    values = [part.value, *part.others]
    alike = dict(_alike(case, values, [*gave, *folded], found))
    last = folded[-1:] if folded and folded[-1].normalizes else []
    left = last if last and gave[0] not in alike.values() else [one for one in gave if one not in alike.values()]
    ordered = _by_number([one for one in reversed(values) if one not in alike], left, found, first=gave[:1] + last)
    for value, tensor in (alike | dict(ordered)).items():
        others = tuple(one for one in part.others if one != value and one not in alike) if tensor in gave[:1] else ()
        one = replace(part, value=value, others=others)  # type: ignore[type-var] # every part is a dataclass
        yield (one if tensor.module == part.module else _renamed(case, one, tensor.module)), tensor


def _entries(
    case: Case, part: Part, makers: Sequence[Part], traffic: Traffic, found: Mapping[str, Array]
) -> Iterator[tuple[Part, Tensor]]:
    """Which values that a part reads are which tensors that its module is given, or one that was folded into it."""
    given, before = traffic.given(part), traffic.given_before(part)
    values = {one.value: one for one in makers}
    alike = dict(_alike(case, list(values), [*given, *chain(*before)], found))
    left = [one for one in (before[-1] if before else given) if one not in alike.values()]
    rest = [one for one in values if one not in alike]
    ordered = _by_number(rest, left, found, first=()) if len(rest) == 1 else ()
    yield from ((values[value], tensor) for value, tensor in (alike | dict(ordered)).items())


def _alike(
    case: Case, values: Sequence[str], tensors: Sequence[Tensor], found: Mapping[str, Array]
) -> Iterator[tuple[str, Tensor]]:
    """Values with tensors of the same numbers, the nearest first, each taken once."""
    near = [
        (ratio_in_any_shape(found[value], one.single, one.double, case.truth.real), place, number)
        for number, value in enumerate(values)
        for place, one in enumerate(tensors)
        if value in found and found[value].size == one.double.size
    ]
    taken: tuple[set[int], set[int]] = (set(), set())
    for ratio, place, number in sorted(near):
        if ratio <= LIKELY and place not in taken[0] and number not in taken[1]:
            taken[0].add(place)
            taken[1].add(number)
            yield values[number], tensors[place]


def _by_number(
    values: Sequence[str], tensors: Sequence[Tensor], found: Mapping[str, Array], first: Sequence[Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Of each size the values and tensors in their order, where there are as many of both.

    A module's `first` tensor is its last value in any case: what leaves it before that may be no output of it.
    """
    sizes = dict.fromkeys(tensor.double.size for tensor in tensors)
    for size in sizes:
        ours = [tensor for tensor in tensors if tensor.double.size == size]
        theirs = [value for value in values if not found or (value in found and found[value].size == size)]
        if len(ours) == len(theirs):
            yield from zip(theirs, ours, strict=True)
        elif theirs:
            yield from ((theirs[-1], one) for one in ours[:1] if one in first)


def _renamed(case: Case, part: Part, module: str) -> Part:
    """The part under the name of a module that was folded into it."""
    name = class_of(case.truth.reference, module)
    return replace(part, module=module, class_name=name)  # type: ignore[type-var] # every part is a dataclass
