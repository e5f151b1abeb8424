"""Whose weights an ONNX file has: each tensor in it is a parameter of the model, or nobody knows where it is from."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.folding import find_folded
from mqa_onnxruntime.graph import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

SMALL = 32  # elements; a smaller tensor that is no parameter is a constant of the computation, such as an epsilon

HALVES = {10: "float16", 16: "bfloat16"}  # by their number in the ONNX standard


@dataclass(frozen=True)
class Weights:
    """Where the tensors of an ONNX file come from.

    `exact`, `transposed` and `cast` count those that are weights of the model bit by bit, after a transposition, or
    after a cast to half precision. `unknown` are the tensors of `SMALL` elements or more that come from nowhere,
    `missing` the model's weights that are not in the file. `changed` names for some of those the tensor of another
    value that stands in their place: it has their name, or nothing else has their shape. `folded` are those that have
    other values because a batch normalization was folded into them.
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


@dataclass(frozen=True)
class _Known:
    """The model's weights, by what they look like in a file."""

    shapes: Mapping[str, tuple[int, ...]]
    forms: Mapping[bytes, tuple[str, tuple[str, ...]]]  # how it was changed, and the weights that then look so
    zeros: frozenset[str]  # which do nothing, and are left out of a file
    numbers: int


def weigh(path: Path, weights: Callable[[], Iterable[tuple[str, Array]]]) -> Weights:
    """Look for every tensor of an ONNX file among the model's weights, by content; they are read one at a time."""
    model = parsed(path)
    halves = {HALVES[tensor.data_type] for _, tensor in _tensors(model) if tensor.data_type in HALVES}
    known = _known(weights(), halves)
    counts: Counter[str] = Counter()
    found: set[str] = set()
    strangers: dict[str, tuple[int, ...]] = {}
    numbers = 0
    for name, array in _arrays(path, model):
        numbers += array.size if _fractional(array) else 0
        how, names = known.forms.get(_key(array), ("", ()))
        counts[how] += 1
        found.update(names)
        if not how and _fractional(array):
            strangers[name] = array.shape
    lost = (name for name in known.shapes if name not in found)
    missing = tuple(name for name in lost if name not in known.zeros or name in strangers)
    changed = dict(_changed({name: known.shapes[name] for name in missing}, strangers))
    unknown = [name for name, shape in strangers.items() if prod(shape) >= SMALL and name not in changed.values()]
    return Weights(
        exact=counts["exact"],
        transposed=counts["transposed"],
        cast=counts["cast"],
        unknown=tuple(unknown),
        missing=missing,
        changed=changed,
        folded=find_folded(path, [name for name, other in changed.items() if name == other], weights()),
        numbers=numbers,
        model_numbers=known.numbers,
    )


def _known(weights: Iterable[tuple[str, Array]], halves: Iterable[str]) -> _Known:
    shapes: dict[str, tuple[int, ...]] = {}
    forms: dict[bytes, tuple[str, tuple[str, ...]]] = {}
    zeros = set()
    numbers = 0
    for name, array in weights:
        if not _fractional(array):
            continue  # a counter, or the numbers of positions
        shapes[name] = array.shape
        numbers += array.size
        if not array.any():
            zeros.add(name)
        for how, form in _forms(array, halves):
            key = _key(form)
            before = forms.get(key, (how, ()))
            forms[key] = (before[0], (*before[1], name))
    return _Known(shapes, forms, frozenset(zeros), numbers)


def _forms(array: Array, halves: Iterable[str]) -> Iterator[tuple[str, Array]]:
    """What a weight can look like in a file."""
    turned = array.ndim == 2 and min(array.shape) > 1
    yield "exact", array
    if turned:
        yield "transposed", array.T
    for half in halves:
        cast = array.astype(_dtype(half))
        yield "cast", cast
        if turned:
            yield "cast", cast.T


def _dtype(half: str) -> Any:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16) if half == "bfloat16" else np.dtype(np.float16)


def _fractional(array: Array) -> bool:
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _key(array: Array) -> bytes:
    """Of the numbers in their order, whatever the shape: exporters put axes of length one where they need them."""
    return hashlib.blake2b(array.tobytes(), digest_size=16, key=array.dtype.name.encode()).digest()


def _tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """The named tensors of a model's graph: initializers, and those of constant nodes."""
    for tensor in model.graph.initializer:
        yield tensor.name, tensor
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.HasField("t"):
                yield node.output[0], attribute.t


def _arrays(path: Path, model: Any) -> Iterator[tuple[str, Array]]:
    from onnx import numpy_helper

    for name, tensor in _tensors(model):
        yield name, numpy_helper.to_array(tensor, str(path.parent))


def _changed(
    missing: Mapping[str, tuple[int, ...]], strangers: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, str]]:
    """Which stranger stands in the place of which missing weight."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name, shape in strangers.items():
        if name not in missing:
            by_shape.setdefault(tuple(sorted(shape)), []).append(name)
    lacking = Counter(tuple(sorted(shape)) for name, shape in missing.items() if name not in strangers)
    for name, shape in missing.items():
        key = tuple(sorted(shape))
        alike = by_shape.get(key, [])
        if name in strangers:
            yield name, name
        elif len(alike) == 1 and lacking[key] == 1 and prod(shape) >= SMALL:
            yield name, alike[0]
