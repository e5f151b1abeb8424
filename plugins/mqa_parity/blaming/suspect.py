"""A piece of the graph under suspicion, with what the model gives it and makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.blaming.noise import ratio_in_any_shape
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Part, Piece
    from mqa_parity.blaming.taps import Taps
    from mqa_parity.blaming.traffic import Tensor

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Suspect:
    """A module's piece, or one that is none's; `whole` where it is the whole graph behind an output."""

    case: Case
    module: str
    piece: Piece
    feeds: Arrays
    single: Array
    double: Array
    whole: bool = False
    cleared: frozenset[str] = frozenset()  # weights that are known to be right
    given: Sequence[Tensor] = ()  # what PyTorch gives to the module

    @property
    def weights(self) -> Arrays:
        """The weights that may be wrong."""
        return {name: array for name, array in self.piece.weights.items() if name not in self.cleared}

    def ratio(self, found: Array) -> float:
        """How far off an answer of the piece is."""
        return ratio_in_any_shape(found, self.single, self.double, self.case.truth.real)

    def errs(self, *, weights: Arrays | None = None, optimization: str = "disabled") -> bool:
        """Whether the piece is off by itself, or with other weights, or optimized. An error that it raises is its own."""
        return self.ratio(self.piece.run(self.feeds, weights=weights, optimization=optimization)) > self.case.limit


def of_module(case: Case, anatomy: Anatomy, taps: Taps, part: Part) -> Suspect:
    """The piece that makes a module's output of the outputs of those before it."""
    end = of_value(case, anatomy, taps, part.value, (taps.single[part.value], taps.double[part.value]))
    return replace(end, module=part.module, given=taps.given.get(part.value, ()))


def of_value(case: Case, anatomy: Anatomy, taps: Taps, value: str, truth: tuple[Array, Array]) -> Suspect:
    """The piece that makes a value of what modules before it give; `truth` is what PyTorch has, single and double."""
    piece = anatomy.piece([one for one in taps.parts if one != value], value)
    feeds = {**anatomy.feed(case.batch), **taps.feeds()}
    return Suspect(case, "", piece, {name: feeds[name] for name in piece.inputs}, *truth)


def of_graph(case: Case, anatomy: Anatomy) -> Suspect:
    """The whole graph behind an output, the first that is off; a NotRunError where no output is one of the model's."""
    single, double = case.truth.outputs
    names = case.paired(anatomy.results())
    if not names:
        raise NotRunError("no output of the graph has the name of one of the model's")
    found = [(_whole(case, anatomy, theirs, single[ours], double[ours]), theirs) for theirs, ours in names]
    off = (one for one, name in found if name in case.outputs and one.ratio(case.outputs[name]) > case.limit)
    return next(off, found[0][0])


def _whole(case: Case, anatomy: Anatomy, output: str, single: Array, double: Array) -> Suspect:
    piece, feeds = anatomy.piece([], output), anatomy.feed(case.batch)
    return Suspect(case, "", piece, {name: feeds[name] for name in piece.inputs}, single, double, whole=True)
