"""Which weight of a model a tensor is: the same numbers in any shape and order of axes, or most of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.stored_tensors import StoredTensor, is_fractional

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

SAMPLE, LARGE_SAMPLE = 64, 4096  # numbers that are looked at before all are
TELLING = (
    4  # different numbers, at least, that have to be equal for a tensor to be a weight, or several, with some changed
)
MOST_AXES = 5
CORRELATED = 0.95  # of a weight and the same after some more training
VECTORS = 1_000_000  # numbers, of the largest tensor that is taken for vectors put together
QUANTIZED = re.compile(r"_(quantized|Q\d)$")  # what quantizers put behind the name of a weight
NEAR = 0.3  # of a weight's size: how far the two may then lie apart


@dataclass(frozen=True)
class Match:
    """A weight as a tensor has it: `weight` in the tensor's own shape; `turned` where that takes another order of axes."""

    name: str
    weight: Array
    turned: bool = False


class KnownWeights:
    """The weights of a model, by their sizes."""

    def __init__(self, weights: Iterable[tuple[str, Array]]) -> None:
        everything = dict(weights)
        self.arrays = {name: array for name, array in everything.items() if is_fractional(array)}
        self.integers = {name: array for name, array in everything.items() if array.dtype.kind in "iub"}
        self._by_size: dict[int, list[str]] = {}
        for name, array in self.arrays.items():
            self._by_size.setdefault(array.size, []).append(name)

    @property
    def numbers(self) -> int:
        """How many there are in all."""
        return sum(array.size for array in self.arrays.values())

    def named(self, tensor: StoredTensor, name: str) -> Match | None:
        """The weight of a name, in the order of axes in which a tensor has most of its numbers, else in its own."""
        forms = list(_forms(name, self.arrays[name], tensor.values.shape)) if name in self.arrays else []
        best = max(forms, key=lambda form: _equal_share(tensor, form), default=None)
        return best if best is None or 2 * _equal_share(tensor, best) >= 1 else forms[0]

    def equal(self, tensor: StoredTensor) -> list[Match]:
        """All weights that have a tensor's numbers."""
        firsts = (
            next((form for form in self._forms(tensor, name) if is_exact(tensor, form)), None)
            for name in self._by_size.get(tensor.values.size, ())
        )
        return [form for form in firsts if form is not None]

    def alike(self, tensor: StoredTensor, names: Collection[str]) -> Iterator[Match]:
        """Those of some weights that could have a tensor's shape, in every order of axes that gives it."""
        for name in self._by_size.get(tensor.values.size, ()):
            if name in names:
                yield from self._forms(tensor, name)

    def nearest(self, tensor: StoredTensor, names: Collection[str]) -> tuple[Match | None, bool]:
        """That of some weights which a tensor has most numbers of, and whether it has; else which it lies near to all over."""
        found = [(_nearness(tensor, form), form) for form in self.alike(tensor, names)]
        nearness, best = max(found, key=lambda one: one[0], default=(0.0, None))
        return (best, nearness > 1) if nearness > 0 else (None, False)

    def stacked(self, tensor: StoredTensor) -> tuple[float, list[str]]:
        """The share of a tensor's rows or columns that are rows or columns of weights in any order, and whose all are.

        Of vectors it is the share of their numbers. So are weights that are put together, or cut. Equal rows and equal
        numbers count once: a table of cosines is half ones, as the weight of any untrained normalization is.
        """
        values = np.squeeze(tensor.values)
        matrix = values.reshape(-1, values.shape[-1]) if values.ndim > 2 else values
        sides = (matrix, matrix.T) if matrix.ndim == 2 else ()
        found = [self._by_rows(np.ascontiguousarray(side)) for side in sides]
        if values.size <= VECTORS:
            found.append(self._by_numbers(values))
        return max(found, key=lambda one: one[0], default=(0.0, []))

    def _by_rows(self, rows: Array) -> tuple[float, list[str]]:
        there = {row.tobytes() for row in rows}
        known: set[bytes] = set()
        whole = []
        for name, array in self.arrays.items():
            one = np.squeeze(array)
            for side in (one, one.T) if one.ndim == 2 else ():
                if side.shape[1] == rows.shape[1]:
                    own = {row.tobytes() for row in np.ascontiguousarray(side.astype(rows.dtype))}
                    known |= own
                    whole += [name] if own <= there else []
        return _share(np.array([row in known for row in there], bool)), whole

    def _by_numbers(self, values: Array) -> tuple[float, list[str]]:
        vectors = {name: array for name, array in self.arrays.items() if max(array.shape, default=1) == array.size}
        known = [array.ravel().astype(values.dtype) for array in vectors.values()]
        if not known or not values.size:
            return 0.0, []
        whole = [name for name, one in zip(vectors, known, strict=True) if np.isin(one, values).all()]
        there = values.ravel()
        if values.dtype.itemsize == 2:  # so few numbers that a large model has most of them: two in a row tell
            pairs = [_pairs(one) for one in known if one.size > 1]
            follows = np.isin(_pairs(there), np.concatenate(pairs)) if pairs else np.zeros(max(0, there.size - 1), bool)
            hits = np.append(follows, False) | np.append(False, follows)
        else:
            hits = np.isin(there, np.concatenate(known))
        return _share(np.isin(np.unique(there), there[hits])), whole

    def _forms(self, tensor: StoredTensor, name: str) -> Iterator[Match]:
        yield from _forms(name, self.arrays[name], tensor.values.shape)


def _share(known: Array) -> float:
    """The share of different rows or numbers that are a model's; where others are not, fewer than `TELLING` are chance."""
    return float(known.mean()) if known.size and (known.all() or known.sum() >= TELLING) else 0.0


def _pairs(numbers: Array) -> Array:
    """Every number of 16 bits with the one that follows it, as one integer."""
    bits = np.ascontiguousarray(numbers).view(np.uint16).astype(np.uint32)
    return bits[:-1] << 16 | bits[1:]


def is_exact(tensor: StoredTensor, match: Match) -> bool:
    """Whether a tensor has a weight's numbers, rounded as its type rounds; a few of them tell as a rule that it has not."""
    places = _places(tensor.values.shape, SAMPLE)
    return not tensor.at(places).deviates(match.weight[places]).any() and not tensor.deviates(match.weight).any()


def _forms(name: str, weight: Array, shape: tuple[int, ...]) -> Iterator[Match]:
    """A weight in a tensor's shape: its numbers in their order, then with its axes in any other that gives the shape."""
    if weight.size != np.prod(shape, dtype=int):
        return
    yield Match(name, weight.reshape(shape))
    whole, wanted = np.squeeze(weight), tuple(size for size in shape if size > 1)
    if not 2 <= whole.ndim <= MOST_AXES:
        return
    for order in permutations(range(whole.ndim)):
        if order != tuple(range(whole.ndim)) and tuple(whole.shape[axis] for axis in order) == wanted:
            yield Match(name, whole.transpose(order).reshape(shape), turned=True)


def _places(shape: tuple[int, ...], number: int) -> tuple[Array, ...]:
    size = int(np.prod(shape, dtype=int))
    if not shape:  # one number, at no index
        return ()
    return tuple(np.unravel_index(np.linspace(0, size - 1, min(size, number)).astype(int), shape))


def _equal_share(tensor: StoredTensor, match: Match) -> float:
    places = _places(tensor.values.shape, LARGE_SAMPLE)
    return 1 - float(tensor.at(places).deviates(match.weight[places]).mean())


def _nearness(tensor: StoredTensor, match: Match) -> float:
    """Above 1 where at least half of the numbers are equal and tell something; up to 1 where all lie near; else 0."""
    places = _places(tensor.values.shape, LARGE_SAMPLE)
    few, right = tensor.at(places), np.asarray(match.weight[places], np.float64)
    same = ~few.deviates(match.weight[places])
    if 2 * same.sum() >= same.size and len(np.unique(right[same])) >= TELLING:
        return 1 + float(same.mean())
    found = np.asarray(few.values, np.float64)
    if right.size < SAMPLE // 2 or not np.isfinite(found).all() or not (right.std() and found.std()):
        return 0.0
    near = np.linalg.norm(found - right) <= NEAR * np.linalg.norm(right - right.mean())
    correlation = float(np.corrcoef(found, right)[0, 1])
    return correlation if near and correlation >= CORRELATED else 0.0


def rounding_of(tensor: StoredTensor, weight: Array) -> str:
    """The type of 16 bits that a tensor's numbers were rounded to, beyond what its own type rounds; empty if none."""
    if tensor.step is not None:
        return ""
    kinds = (kind for kind in ("float16", "bfloat16") if kind not in tensor.halves)
    return next((kind for kind in kinds if tensor.is_rounded_to(kind, weight)), "")


def aligned_names(names: Iterable[str], weights: Iterable[str]) -> dict[str, str]:
    """Per tensor the weight of its name, where the model may have been exported inside of another, or a part of it.

    Quantizers put a word of theirs behind a name.
    """
    bare = {name: QUANTIZED.sub("", name) for name in names}
    known = frozenset(weights)
    prefixes = {one[: place + 1] for one in (*bare.values(), *known) for place, sign in enumerate(one) if sign == "."}
    moves = [("", ""), *((one, "") for one in prefixes), *(("", one) for one in prefixes)]
    counts = Counter({move: sum(_moved(name, *move) in known for name in bare.values()) for move in moves})
    best = max(moves, key=lambda move: (counts[move], -len(move[0]) - len(move[1])))
    moved = {name: _moved(one, *best) for name, one in bare.items()}
    return {name: one for name, one in moved.items() if one in known}


def _moved(name: str, off: str, on: str) -> str:
    return f"{on}{name.removeprefix(off)}" if name.startswith(off) else ""
