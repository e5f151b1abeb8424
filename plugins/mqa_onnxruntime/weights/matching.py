"""Which weight of a model a tensor is: by name, by equal numbers in any shape and order of axes, or by most of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.weights.stored_tensors import StoredTensor, is_fractional

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

SMALL_SAMPLE, LARGE_SAMPLE = 64, 4096  # numbers that are compared before all are
MIN_DISTINCT = 4  # equal numbers, all different, that make a tensor a changed weight, or one of several put together
MAX_AXES = 5
# Of a weight and the same after some more training, relative to the weight's deviation from its mean. Their correlation
# is then 0.95 at least.
MAX_DISTANCE = 0.3
MAX_VECTOR_SIZE = 1_000_000  # numbers in the largest tensor that is taken for concatenated vectors
QUANTIZED = re.compile(r"_(quantized|Q\d)$")  # what quantizers put behind the name of a weight


@dataclass(frozen=True)
class Match:
    """A weight in the shape of a tensor; `transposed` where that takes another order of axes."""

    name: str
    weight: Array
    transposed: bool = False


class ModelWeights:
    """The weights of a model, by their sizes."""

    def __init__(self, weights: Iterable[tuple[str, Array]]) -> None:
        everything = dict(weights)
        self.arrays = {name: array for name, array in everything.items() if is_fractional(array)}
        self.integers = {name: array for name, array in everything.items() if array.dtype.kind in "iub"}
        self._by_size: dict[int, list[str]] = {}
        for name, array in self.arrays.items():
            self._by_size.setdefault(array.size, []).append(name)

    @property
    def size(self) -> int:
        """How many numbers they have in all."""
        return sum(array.size for array in self.arrays.values())

    def by_name(self, tensor: StoredTensor, name: str) -> Match | None:
        """The weight of this name, in the order of axes in which most numbers equal the tensor's, else in its own."""
        forms = list(_forms(name, self.arrays[name], tensor.values.shape)) if name in self.arrays else []
        best = max(forms, key=lambda form: _equal_share(tensor, form), default=None)
        return best if best is None or 2 * _equal_share(tensor, best) >= 1 else forms[0]

    def find_equal(self, tensor: StoredTensor) -> list[Match]:
        """Every weight whose numbers are the tensor's."""
        firsts = (
            next((form for form in self._forms(tensor, name) if is_exact(tensor, form)), None)
            for name in self._by_size.get(tensor.values.size, ())
        )
        return [form for form in firsts if form is not None]

    def candidates(self, tensor: StoredTensor, names: Collection[str]) -> Iterator[Match]:
        """The weights among `names` that could have the tensor's shape, in every order of axes that gives it."""
        for name in self._by_size.get(tensor.values.size, ()):
            if name in names:
                yield from self._forms(tensor, name)

    def find_nearest(self, tensor: StoredTensor, names: Collection[str]) -> tuple[Match | None, bool]:
        """The weight among `names` that the tensor is a changed copy of, and whether most numbers are equal.

        Where fewer are equal, it is the one that all numbers lie near to; None where there is none.
        """
        scores = [(_similarity(tensor, form), form) for form in self.candidates(tensor, names)]
        score, best = max(scores, key=lambda one: one[0], default=(0.0, None))
        return (best, score > 1) if score > 0 else (None, False)

    def equal_to(self, present: Collection[str]) -> set[str]:
        """The weights that have the numbers and the shape of one of those in `present`."""
        by_size: dict[int, list[StoredTensor]] = {}
        for name in present:
            by_size.setdefault(self.arrays[name].size, []).append(StoredTensor(name, self.arrays[name]))
        return {
            name
            for name, array in self.arrays.items()
            if name not in present
            and any(
                is_exact(one, Match(name, array))
                for one in by_size.get(array.size, ())
                if one.values.shape == array.shape
            )
        }

    def stacked_share(self, tensor: StoredTensor) -> tuple[float, list[str]]:
        """The share of a tensor's rows or columns that are rows or columns of weights, and the weights that it has whole.

        A concatenation or a slice of weights has a share of 1. Of vectors it is the share of numbers. Equal rows and
        equal numbers count once: a table of cosines is half ones, as the weight of an untrained normalization is.
        """
        values = np.squeeze(tensor.values)
        matrix = values.reshape(-1, values.shape[-1]) if values.ndim > 2 else values
        sides = (matrix, matrix.T) if matrix.ndim == 2 else ()
        shares = [self._share_of_rows(np.ascontiguousarray(side)) for side in sides]
        if values.size <= MAX_VECTOR_SIZE:
            shares.append(self._share_of_numbers(values))
        return max(shares, key=lambda one: one[0], default=(0.0, []))

    def _share_of_rows(self, rows: Array) -> tuple[float, list[str]]:
        """The share of different rows that are rows or columns of matrices of the model, and the matrices found whole."""
        distinct = {row.tobytes() for row in rows}
        of_model: set[bytes] = set()
        whole = []
        for name, array in self.arrays.items():
            matrix = np.squeeze(array)
            for side in (matrix, matrix.T) if matrix.ndim == 2 else ():
                if side.shape[1] == rows.shape[1]:
                    own = {row.tobytes() for row in np.ascontiguousarray(side.astype(rows.dtype))}
                    of_model |= own
                    whole += [name] if own <= distinct else []
        return _share(np.array([row in of_model for row in distinct], bool)), whole

    def _share_of_numbers(self, values: Array) -> tuple[float, list[str]]:
        """The share of different numbers that are in vectors of the model, and the vectors found whole."""
        names = [name for name, array in self.arrays.items() if max(array.shape, default=1) == array.size]
        vectors = [self.arrays[name].ravel().astype(values.dtype) for name in names]
        if not vectors or not values.size:
            return 0.0, []
        whole = [name for name, vector in zip(names, vectors, strict=True) if np.isin(vector, values).all()]
        flat = values.ravel()
        if values.dtype.itemsize == 2:  # a large model has most numbers of 16 bits: only two in a row show something
            pairs = [_pairs(vector) for vector in vectors if vector.size > 1]
            follows = np.isin(_pairs(flat), np.concatenate(pairs)) if pairs else np.zeros(max(0, flat.size - 1), bool)
            found = np.append(follows, False) | np.append(False, follows)
        else:
            found = np.isin(flat, np.concatenate(vectors))
        return _share(np.isin(np.unique(flat), flat[found])), whole

    def _forms(self, tensor: StoredTensor, name: str) -> Iterator[Match]:
        yield from _forms(name, self.arrays[name], tensor.values.shape)


def _share(of_model: Array) -> float:
    """The share of different rows or numbers that are the model's; 0 where some are not, and so few are by chance."""
    enough = of_model.size and (of_model.all() or of_model.sum() >= MIN_DISTINCT)
    return float(of_model.mean()) if enough else 0.0


def _pairs(numbers: Array) -> Array:
    """Every 16-bit number with the one that follows it, as one integer."""
    bits = np.ascontiguousarray(numbers).view(np.uint16).astype(np.uint32)
    return bits[:-1] << 16 | bits[1:]


def is_exact(tensor: StoredTensor, match: Match) -> bool:
    """Whether a tensor has a weight's numbers, rounded as its type rounds; a sample is compared first."""
    indices = _sample_indices(tensor.values.shape, SMALL_SAMPLE)
    return (
        not tensor.at(indices).differs_from(match.weight[indices]).any() and not tensor.differs_from(match.weight).any()
    )


def _forms(name: str, weight: Array, shape: tuple[int, ...]) -> Iterator[Match]:
    """A weight in a tensor's shape: reshaped, then with its axes in every other order that gives the shape."""
    if weight.size != np.prod(shape, dtype=int):
        return
    yield Match(name, weight.reshape(shape))
    squeezed, target = np.squeeze(weight), tuple(size for size in shape if size > 1)
    if not 2 <= squeezed.ndim <= MAX_AXES:
        return
    for order in permutations(range(squeezed.ndim)):
        if order != tuple(range(squeezed.ndim)) and tuple(squeezed.shape[axis] for axis in order) == target:
            yield Match(name, squeezed.transpose(order).reshape(shape), transposed=True)


def _sample_indices(shape: tuple[int, ...], number: int) -> tuple[Array, ...]:
    size = int(np.prod(shape, dtype=int))
    if not shape:  # one number, at no index
        return ()
    return tuple(np.unravel_index(np.linspace(0, size - 1, min(size, number)).astype(int), shape))


def _equal_share(tensor: StoredTensor, match: Match) -> float:
    indices = _sample_indices(tensor.values.shape, LARGE_SAMPLE)
    return 1 - float(tensor.at(indices).differs_from(match.weight[indices]).mean())


def _similarity(tensor: StoredTensor, match: Match) -> float:
    """Above 1 where at least half of the numbers are equal and not all alike; up to 1 where all lie near; else 0."""
    indices = _sample_indices(tensor.values.shape, LARGE_SAMPLE)
    few, right = tensor.at(indices), np.asarray(match.weight[indices], np.float64)
    same = ~few.differs_from(match.weight[indices])
    if 2 * same.sum() >= same.size and len(np.unique(right[same])) >= MIN_DISTINCT:
        return 1 + float(same.mean())
    found = np.asarray(few.values, np.float64)
    if right.size < SMALL_SAMPLE // 2 or not np.isfinite(found).all() or not (right.std() and found.std()):
        return 0.0
    near = np.linalg.norm(found - right) <= MAX_DISTANCE * np.linalg.norm(right - right.mean())
    return float(np.corrcoef(found, right)[0, 1]) if near else 0.0


def align_names(names: Iterable[str], weights: Iterable[str]) -> dict[str, str]:
    """The weight that each tensor is named after, by the tensor's name.

    The model may have been exported inside of another module, or the file may hold a part of it, so the prefix is
    exchanged that gives the most matches; of several the shortest, then the first in the alphabet. What quantizers put
    behind a name is left out.
    """
    bare = {name: QUANTIZED.sub("", name) for name in names}
    targets = frozenset(weights)
    prefixes = {one[: end + 1] for one in (*bare.values(), *targets) for end, sign in enumerate(one) if sign == "."}
    changes = [("", ""), *((one, "") for one in prefixes), *(("", one) for one in prefixes)]
    counts = {change: sum(_with_prefix(name, *change) in targets for name in bare.values()) for change in changes}
    best = min(changes, key=lambda change: (-counts[change], len(change[0]) + len(change[1]), change))
    aligned = {name: _with_prefix(one, *best) for name, one in bare.items()}
    return {name: one for name, one in aligned.items() if one in targets}


def _with_prefix(name: str, old: str, new: str) -> str:
    """A name with another prefix; empty where it does not have the old one."""
    return f"{new}{name.removeprefix(old)}" if name.startswith(old) else ""


def pair_by_shape(
    missing: Mapping[str, tuple[int, ...]], unknown: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, str]]:
    """Pair a missing weight with the unknown tensor of its shape, where there is one of each; axes may be reordered."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name, shape in unknown.items():
        by_shape.setdefault(tuple(sorted(shape)), []).append(name)
    counts = Counter(tuple(sorted(shape)) for shape in missing.values())
    for name, shape in missing.items():
        key = tuple(sorted(shape))
        tensors = by_shape.get(key, [])
        if len(tensors) == 1 and counts[key] == 1:
            yield name, tensors[0]
