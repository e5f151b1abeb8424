"""Whose weights an ONNX file has: each tensor in it is a weight of the model, comes of one, or nobody knows where it is from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.differences import Difference, describe_bare, describe_difference
from mqa_onnxruntime.folding import PARTS, ROUNDINGS, find_folding, normalizations
from mqa_onnxruntime.graph import parsed
from mqa_onnxruntime.matching import KnownWeights, Match, aligned_names, is_exact
from mqa_onnxruntime.stored_tensors import StoredTensor, read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.folding import Folding

    Array: TypeAlias = npt.NDArray[Any]

SMALL = 32  # elements; a smaller tensor that is no parameter is a constant of the computation, such as an epsilon
AGAIN = 4e-7  # of the largest number: what float32 leaves of one that was worked out in another order
STACKED = 0.5  # the least share of rows that are a model's, of a tensor that is made of several weights
WEIGHT, BIAS = "weight", "bias"


@dataclass(frozen=True)
class Weights:
    """Where the tensors of an ONNX file come from.

    `exact`, `transposed`, `cast` and `quantized` count those that are weights of the model bit by bit, after a
    transposition, rounded to half precision or to integers. `derived` are those that are scaled or shifted, or put
    together of several. `unknown` are the tensors of `SMALL` elements or more that come from nowhere, `missing` the
    model's weights that are not in the file. `changed` names for some of those the tensor of another value that stands
    in their place: it has their name, most of their numbers, or nothing else has their shape. `folded` are those that
    have other values because a batch normalization was folded into them. `differences` are what is certainly wrong:
    tensors that stand for a weight and have other numbers, or have numbers that are none.
    """

    exact: int
    transposed: int
    cast: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    changed: Mapping[str, str]
    folded: tuple[str, ...]
    numbers: int  # in the file's floating-point tensors
    model_numbers: int  # in the model's
    quantized: int = 0
    derived: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    unread: tuple[str, ...] = ()  # of `SMALL` integers of few bits or more, in a form that is not known here

    @property
    def held(self) -> int:
        """How many tensors are weights of the model, or come of some."""
        return self.exact + self.transposed + self.cast + self.quantized + len(self.derived) + len(self.folded)


def weigh(path: Path, weights: Callable[[], Iterable[tuple[str, Array]]]) -> Weights:
    """Hold every tensor of an ONNX file against the model's weights, which are found by name and by their numbers."""
    model = parsed(path)
    names = [name for name, _ in weights()]
    found = _Found(KnownWeights(weights()), _biases(model))
    own = aligned_names([tensor.name for tensor in read_tensors(path, model)], names)
    for tensor in read_tensors(path, model):
        found.take(tensor, own.get(tensor.name, ""))
    for tensor, name in sorted(found.strangers, key=lambda one: one[0].values.ndim < 2):  # biases after their weights
        found.explain(tensor, name)
    return found.weights()


def _biases(model: Any) -> dict[str, str]:
    """Per tensor that a layer reads as its weight, the one that it reads as its bias."""
    layers = ("Conv", "ConvTranspose", "Gemm", "FusedConv")
    return {node.input[1]: node.input[2] for node in model.graph.node if node.op_type in layers and len(node.input) > 2}


@dataclass
class _Found:
    """What is known of a file's tensors, filled in as they are read."""

    known: KnownWeights
    biases: Mapping[str, str]  # by the names of the weights that they go with
    counts: Counter[str] = field(default_factory=Counter)
    there: set[str] = field(default_factory=set)  # weights that are in the file
    strangers: list[tuple[StoredTensor, str]] = field(default_factory=list)  # with the weight of the name, if any
    differences: dict[str, Difference] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)  # tensors, with the weight that they come of
    derived: list[str] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of tensors that come from nowhere
    # Biases that a folding changes: what was folded, what they are to be where that is known, and the model's name.
    expected: dict[str, tuple[str, Array | None, str]] = field(default_factory=dict)
    lost: dict[str, Array] = field(default_factory=dict)  # how far each of these may be off, where 16 bits made it
    unread: list[str] = field(default_factory=list)
    numbers: int = 0

    def take(self, tensor: StoredTensor, name: str) -> None:
        """Count a tensor that is a weight; keep any other for later."""
        if not tensor.is_fractional:
            self._take_integers(tensor, name)
            return
        self.numbers += tensor.values.size
        own = self.known.named(tensor, name)
        if own is not None and is_exact(tensor, own):
            self._count(tensor, [own])
            return
        equal = self.known.equal(tensor)
        if own is not None and equal and own.weight.any():  # another weight's numbers, under this one's name
            self.differences[tensor.name] = Difference(tensor.name, name, f"it is `{equal[0].name}`", own.weight)
        elif equal:
            self._count(tensor, equal)
        else:
            self.strangers.append((tensor, "" if own is None else name))

    def explain(self, tensor: StoredTensor, name: str) -> None:
        """Say of a tensor that is no weight what it comes of, or that it differs."""
        own = self.known.named(tensor, name)
        missing = self._missing()
        if self._is_expected(tensor) or self._is_folded(tensor, own, missing):
            return
        if own is None and self._is_rounded(tensor, missing):
            return
        match, most = (own, True) if own is not None else self.known.nearest(tensor, missing)
        if not (match is not None and most) and self._is_stacked(tensor):
            return
        if match is not None:
            self._differs(tensor, match)
        elif (bare := describe_bare(tensor)) and tensor.values.size > 1:
            self.differences[tensor.name] = Difference(tensor.name, "", bare)
        elif (tensor.values != tensor.values.flat[0]).any():  # else it is filled with one number
            self.shapes[tensor.name] = tensor.values.shape

    def weights(self) -> Weights:
        """All of it."""
        zeros = {name for name, array in self.known.arrays.items() if not array.any()}
        named = {one.weight for one in self.differences.values()} | set(self.folded.values())
        missing = tuple(name for name in self._missing() if name not in zeros or name in named)
        changed = {one.weight: one.tensor for one in self.differences.values() if one.weight in missing}
        changed |= {weight: tensor for tensor, weight in self.folded.items() if weight == tensor}
        lost = {name: self.known.arrays[name].shape for name in missing if name not in named}
        changed |= dict(_in_place_of(lost, self.shapes))
        return Weights(
            exact=self.counts["exact"],
            transposed=self.counts["transposed"],
            cast=self.counts["cast"],
            unknown=tuple(
                name for name, shape in self.shapes.items() if prod(shape) >= SMALL and name not in changed.values()
            ),
            missing=tuple(name for name in missing if name not in set(self.folded.values()) or name in changed),
            changed=changed,
            folded=tuple(self.folded),
            numbers=self.numbers,
            model_numbers=self.known.numbers,
            quantized=self.counts["quantized"],
            derived=tuple(self.derived),
            differences=tuple(self.differences.values()),
            unread=tuple(self.unread),
        )

    def _take_integers(self, tensor: StoredTensor, name: str) -> None:
        """Those of a buffer, which have its name and shape; others of few bits may be a weight in an unknown form."""
        right = self.known.integers.get(name)
        if right is None and tensor.is_narrow and tensor.values.size >= SMALL:
            self.unread.append(tensor.name)
        if right is not None and right.shape == tensor.values.shape and tensor.deviates(right).any():
            other = int(tensor.deviates(right).sum())
            reason = f"{other:,} of {right.size:,} integers differ"
            self.differences[tensor.name] = Difference(tensor.name, name, reason)

    def _count(self, tensor: StoredTensor, matches: list[Match]) -> None:
        self.there.update(one.name for one in matches)
        if tensor.step is not None:
            how = "quantized"
        elif tensor.values.dtype.itemsize < 4:
            how = "cast"
        else:
            how = "transposed" if matches[0].turned else "exact"
        self.counts[how] += 1

    def _missing(self) -> list[str]:
        """The model's weights that no tensor is, nor is equal to one that is."""
        missing = [name for name in self.known.arrays if name not in self.there]
        there = {name: StoredTensor(name, self.known.arrays[name]) for name in self.there}
        by_size: dict[int, list[StoredTensor]] = {}
        for tensor in there.values():
            by_size.setdefault(tensor.values.size, []).append(tensor)
        for name in missing:
            array = self.known.arrays[name]
            alike = (one for one in by_size.get(array.size, ()) if one.values.shape == array.shape)
            if any(is_exact(one, Match(name, array)) for one in alike):
                self.there.add(name)
        return [name for name in missing if name not in self.there]

    def _is_expected(self, tensor: StoredTensor) -> bool:
        """Whether it is the bias of a layer that a normalization was folded into; then it is as that makes it, or differs."""
        if tensor.name not in self.expected:
            return False
        name, right, bias = self.expected[tensor.name]
        if right is None:
            self.folded[tensor.name] = bias
            return True
        bound = tensor.allowed() + ROUNDINGS * np.abs(right).max() + self.lost.get(tensor.name, 0.0)
        wrong = ~(np.abs(tensor.values.astype(np.float64) - right) <= bound)
        if wrong.any():
            reason = f"{wrong.sum()} of {wrong.size} numbers are not what folding `{name}` into the layer makes of them"
            self.differences[tensor.name] = Difference(tensor.name, bias or f"{name}.{BIAS}", reason, right)
        else:
            self.folded[tensor.name] = bias or tensor.name
        return True

    def _is_folded(self, tensor: StoredTensor, own: Match | None, missing: list[str]) -> bool:
        """Whether it is a weight that was scaled or shifted, by a normalization or by anything else."""
        normalizing = normalizations(self.known.arrays)
        for match in self.known.alike(tensor, missing if own is None else [own.name]):
            folding = find_folding(tensor, match.weight, normalizing)
            if folding is not None:
                self._fold(tensor, match, folding)
                return True
        return False

    def _fold(self, tensor: StoredTensor, match: Match, folding: Folding) -> None:
        bias = f"{match.name.removesuffix(WEIGHT)}{BIAS}" if match.name.endswith(WEIGHT) else ""
        beside = self.biases.get(tensor.name, bias)
        normalizing = folding.normalization
        if normalizing is not None:
            self.there.update(f"{normalizing.name}.{part}".removeprefix(".") for part in PARTS)
            before = self.known.arrays.get(bias, np.zeros(1))
            right = normalizing.shift(folding.scale, before.astype(np.float64))
            self.lost[beside] = normalizing.lost(folding.scale, before.astype(np.float64), tensor.roundoff)
            self.expected[beside] = normalizing.name, right, bias if bias in self.known.arrays else ""
        elif folding.axis is not None and bias and beside == bias:
            self.expected.setdefault(beside, (match.name, None, bias))
        if normalizing is not None and folding.wrong:
            count = f"{len(folding.wrong)} of {len(folding.scale)} channels"
            reason = f"{count} are not what folding `{normalizing.name}` into it makes of them"
            right = folding.of(match.weight)
            self.differences[tensor.name] = Difference(tensor.name, match.name, reason, right)
        elif folding.axis is None:
            self.derived.append(tensor.name)
            self.there.add(match.name)
        else:
            self.folded[tensor.name] = match.name

    def _is_rounded(self, tensor: StoredTensor, missing: list[str]) -> bool:
        """Whether it is a weight that was worked out anew, and so rounded otherwise; one number may be next to nothing."""
        for match in self.known.alike(tensor, missing):
            off = tensor.deviates(match.weight)
            found, right = (np.asarray(array[off], np.float64) for array in (tensor.values, match.weight))
            bound = AGAIN * np.abs(np.asarray(match.weight, np.float64)).max()
            if (np.abs(found - right) <= bound).all():
                self.derived.append(tensor.name)
                self.there.add(match.name)
                return True
        return False

    def _is_stacked(self, tensor: StoredTensor) -> bool:
        """Whether it is put together of several weights, or cut out of them; then it differs where some rows are none's."""
        share, whole = self.known.stacked(tensor) if tensor.values.size >= SMALL else (0.0, [])
        if share <= STACKED:
            return False
        if share == 1:
            self.derived.append(tensor.name)
            self.there.update(whole)
            return True
        reason = f"{1 - share:.2g} of it is of no weight of the model, and the rest is"
        self.differences[tensor.name] = Difference(tensor.name, "", reason)
        return True

    def _differs(self, tensor: StoredTensor, match: Match) -> None:
        reason = describe_difference(tensor, match.weight)
        self.differences[tensor.name] = Difference(tensor.name, match.name, reason, match.weight)


def _in_place_of(
    missing: Mapping[str, tuple[int, ...]], strangers: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, str]]:
    """Which stranger is the only one that could stand in the place of which missing weight, by its shape."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name, shape in strangers.items():
        by_shape.setdefault(tuple(sorted(shape)), []).append(name)
    lacking = Counter(tuple(sorted(shape)) for shape in missing.values())
    for name, shape in missing.items():
        key = tuple(sorted(shape))
        alike = by_shape.get(key, [])
        if len(alike) == 1 and lacking[key] == 1 and prod(shape) >= SMALL:
            yield name, alike[0]
