"""The tensors of an ONNX file against the weights of a model: which are weights, come of weights, or differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.weights.batch_norm_folding import PRODUCT_RTOL, bias_tolerance, find_batch_norms, find_folding
from mqa_onnxruntime.weights.matching import Match, ModelWeights, align_names, is_exact, pair_by_shape
from mqa_onnxruntime.weights.stored_tensors import StoredTensor, read_tensors
from mqa_registry import BatchNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.weights.batch_norm_folding import Folding

    Array: TypeAlias = npt.NDArray[Any]

MIN_WEIGHT_SIZE = 32  # elements; a smaller tensor that is no parameter is a constant, such as an epsilon
RECOMPUTED_RTOL = 4e-7  # relative to the largest number: float32 arithmetic in another order
MIN_STACKED_SHARE = 0.5  # of a tensor's rows that are a model's, for it to be made of several weights
WEIGHT, BIAS = "weight", "bias"
LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "FusedConv"})  # operators with a weight and a bias


@dataclass(frozen=True)
class Difference:
    """A tensor that is not the weight that it stands for, and how; `weight` is empty where it stands for none.

    `expected` are the numbers that it should have, in its own shape; None where they are not known.
    """

    tensor: str
    weight: str
    reason: str
    expected: Array | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class WeightComparison:
    """Where the tensors of an ONNX file come from.

    `exact`, `transposed`, `cast` and `quantized` count those that are weights of the model bit by bit, after a
    transposition, rounded to 16 bits or to integers. `derived` are scaled or shifted as a whole, or concatenated of
    several weights. `unknown` are tensors of `MIN_WEIGHT_SIZE` elements or more that come from no weight, `missing` the
    model's weights that are not in the file. `changed` maps a weight to the tensor of other values that stands in its
    place: it has its name, most of its numbers, or is the only one of its shape. `folded` have other values because a
    batch normalization was folded into them. `differences` are certainly wrong: tensors that stand for a weight and
    have other numbers, or have NaN. `unrecognized` are tensors of narrow integers in a form of quantization that is not supported.
    `elements` counts the numbers in the file's floating-point tensors, `model_elements` those of the model.
    """

    exact: int
    transposed: int
    cast: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    changed: Mapping[str, str]
    folded: tuple[str, ...]
    elements: int
    model_elements: int
    quantized: int = 0
    derived: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    unrecognized: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        """How many tensors are weights of the model, or come of some."""
        return self.exact + self.transposed + self.cast + self.quantized + len(self.derived) + len(self.folded)


def compare_weights(path: Path, weights: Callable[[], Iterable[tuple[str, Array]]]) -> WeightComparison:
    """Compare every tensor of an ONNX file with the model's weights, which are found by name and by their numbers."""
    model = parse_model(path)
    names = [name for name, _ in weights()]
    comparison = _Comparison(ModelWeights(weights()), _biases(model))
    own = align_names([tensor.name for tensor in read_tensors(path, model)], names)
    for tensor in read_tensors(path, model):
        comparison.add(tensor, own.get(tensor.name, ""))
    for tensor, name in sorted(comparison.unmatched, key=lambda one: one[0].values.ndim < 2):  # biases after weights
        comparison.classify(tensor, name)
    return comparison.result()


def _biases(model: Any) -> dict[str, str]:
    """The bias of every layer, by the name of its weight."""
    return {node.input[1]: node.input[2] for node in model.graph.node if node.op_type in LAYERS and len(node.input) > 2}


@dataclass(frozen=True)
class _FoldedBias:
    """What folding makes of a bias: `expected` is None where that is not known; `bias` is empty where the model has none."""

    folded: str  # the normalization, else the weight that was scaled
    expected: Array | None
    bias: str
    tolerance: Array | float = 0.0


@dataclass
class _Comparison:
    """The comparison while it is made: tensors are added, and those that match no weight are classified."""

    model: ModelWeights
    biases: Mapping[str, str]  # by the names of the weights that they go with
    counts: Counter[str] = field(default_factory=Counter)
    present: set[str] = field(default_factory=set)  # weights that are in the file
    unmatched: list[tuple[StoredTensor, str]] = field(default_factory=list)  # with the weight of their name, if any
    differences: dict[str, Difference] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)  # tensors, with the weight that they come of
    derived: list[str] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of tensors that come from no weight
    folded_biases: dict[str, _FoldedBias] = field(default_factory=dict)  # by the tensors that have to be them
    unrecognized: list[str] = field(default_factory=list)
    elements: int = 0

    def add(self, tensor: StoredTensor, name: str) -> None:
        """Count a tensor that is a weight, and keep any other for `classify`."""
        if not tensor.is_fractional:
            self._add_integers(tensor, name)
            return
        self.elements += tensor.values.size
        own = self.model.by_name(tensor, name)
        if own is not None and is_exact(tensor, own):
            self._count(tensor, [own])
            return
        equal = self.model.find_equal(tensor)
        if own is not None and equal and own.weight.any():  # another weight's numbers, under this one's name
            self.differences[tensor.name] = Difference(tensor.name, name, f"it is `{equal[0].name}`", own.weight)
        elif equal:
            self._count(tensor, equal)
        else:
            self.unmatched.append((tensor, "" if own is None else name))

    def classify(self, tensor: StoredTensor, name: str) -> None:
        """Record what a tensor that is no weight comes of, or how it differs."""
        own = self.model.by_name(tensor, name)
        missing = self._missing()
        if self._match_folded_bias(tensor) or self._match_folding(tensor, own, missing):
            return
        if own is None and self._match_recomputed(tensor, missing):
            return
        match, mostly_equal = (own, True) if own is not None else self.model.find_nearest(tensor, missing)
        if not (match is not None and mostly_equal) and self._match_stacked(tensor):
            return
        if match is not None:
            self._record_difference(tensor, match)
        elif (reason := tensor.describe_non_finite()) and tensor.values.size > 1:
            self.differences[tensor.name] = Difference(tensor.name, "", reason)
        elif (tensor.values != tensor.values.flat[0]).any():  # else it is filled with one number
            self.shapes[tensor.name] = tensor.values.shape

    def result(self) -> WeightComparison:
        """The comparison, once every tensor was added and classified."""
        zeros = {name for name, array in self.model.arrays.items() if not array.any()}
        found = {one.weight for one in self.differences.values()} | set(self.folded.values())
        missing = tuple(name for name in self._missing() if name not in zeros or name in found)
        changed = {one.weight: one.tensor for one in self.differences.values() if one.weight in missing}
        changed |= {weight: tensor for tensor, weight in self.folded.items() if weight == tensor}
        unknown = {name: shape for name, shape in self.shapes.items() if prod(shape) >= MIN_WEIGHT_SIZE}
        lacking = {name: self.model.arrays[name].shape for name in missing if name not in found}
        changed |= dict(pair_by_shape(lacking, unknown))
        return WeightComparison(
            exact=self.counts["exact"],
            transposed=self.counts["transposed"],
            cast=self.counts["cast"],
            unknown=tuple(name for name in unknown if name not in changed.values()),
            missing=tuple(name for name in missing if name not in set(self.folded.values()) or name in changed),
            changed=changed,
            folded=tuple(self.folded),
            elements=self.elements,
            model_elements=self.model.size,
            quantized=self.counts["quantized"],
            derived=tuple(self.derived),
            differences=tuple(self.differences.values()),
            unrecognized=tuple(self.unrecognized),
        )

    def _add_integers(self, tensor: StoredTensor, name: str) -> None:
        """Compare a buffer of integers by name and shape; note narrow integers that may be a weight in an unsupported form."""
        weight = self.model.integers.get(name)
        if weight is None and tensor.is_narrow and tensor.values.size >= MIN_WEIGHT_SIZE:
            self.unrecognized.append(tensor.name)
        if weight is not None and weight.shape == tensor.values.shape and tensor.differs_from(weight).any():
            changed = int(tensor.differs_from(weight).sum())
            reason = f"{changed:,} of {weight.size:,} integers differ"
            self.differences[tensor.name] = Difference(tensor.name, name, reason)

    def _count(self, tensor: StoredTensor, matches: list[Match]) -> None:
        self.present.update(one.name for one in matches)
        if tensor.step is not None:
            how = "quantized"
        elif tensor.values.dtype.itemsize < 4:
            how = "cast"
        else:
            how = "transposed" if matches[0].transposed else "exact"
        self.counts[how] += 1

    def _missing(self) -> list[str]:
        """The model's weights that are not in the file, nor equal to one that is."""
        self.present |= self.model.equal_to(self.present)
        return [name for name in self.model.arrays if name not in self.present]

    def _match_folded_bias(self, tensor: StoredTensor) -> bool:
        """Record a bias that a folding changes as folded, or as a difference; False of another tensor."""
        folding = self.folded_biases.get(tensor.name)
        if folding is None:
            return False
        expected, bias = folding.expected, folding.bias
        if expected is None:
            self.folded[tensor.name] = bias
            return True
        bound = tensor.tolerance() + PRODUCT_RTOL * np.abs(expected).max() + folding.tolerance
        wrong = ~(np.abs(tensor.values.astype(np.float64) - expected) <= bound)
        if wrong.any():
            name = folding.folded
            reason = f"{wrong.sum()} of {wrong.size} numbers are not what folding `{name}` into the layer makes of them"
            self.differences[tensor.name] = Difference(tensor.name, bias or f"{name}.{BIAS}", reason, expected)
        else:
            self.folded[tensor.name] = bias or tensor.name
        return True

    def _match_folding(self, tensor: StoredTensor, own: Match | None, missing: list[str]) -> bool:
        """Record a weight that was scaled or shifted, by a normalization or otherwise; False of another tensor."""
        batch_norms = find_batch_norms(self.model.arrays)
        for match in self.model.candidates(tensor, missing if own is None else [own.name]):
            folding = find_folding(tensor, match.weight, batch_norms)
            if folding is not None:
                self._fold(tensor, match, folding)
                return True
        return False

    def _fold(self, tensor: StoredTensor, match: Match, folding: Folding) -> None:
        bias = f"{match.name.removesuffix(WEIGHT)}{BIAS}" if match.name.endswith(WEIGHT) else ""
        tensor_bias = self.biases.get(tensor.name, bias)
        batch_norm = folding.batch_norm
        if batch_norm is not None:
            self.present.update(f"{folding.module}.{part}".removeprefix(".") for part in BatchNorm.PARAMETERS)
            before = self.model.arrays.get(bias, np.zeros(1)).astype(np.float64)
            self.folded_biases[tensor_bias] = _FoldedBias(
                folding.module,
                batch_norm.fold_bias(before),
                bias if bias in self.model.arrays else "",
                bias_tolerance(batch_norm, before, tensor.roundoff),
            )
        elif folding.axis is not None and bias and tensor_bias == bias:
            self.folded_biases.setdefault(tensor_bias, _FoldedBias(match.name, None, bias))
        if folding.wrong:
            count = f"{len(folding.wrong)} of {len(folding.scale)} channels"
            reason = f"{count} are not what folding `{folding.module}` into it makes of them"
            expected = folding.apply(match.weight)
            self.differences[tensor.name] = Difference(tensor.name, match.name, reason, expected)
        elif folding.axis is None:
            self.derived.append(tensor.name)
            self.present.add(match.name)
        else:
            self.folded[tensor.name] = match.name

    def _match_recomputed(self, tensor: StoredTensor, missing: list[str]) -> bool:
        """Record a weight that was computed again, and so rounded otherwise; False of another tensor."""
        for match in self.model.candidates(tensor, missing):
            off = tensor.differs_from(match.weight)
            found, right = (np.asarray(array[off], np.float64) for array in (tensor.values, match.weight))
            bound = RECOMPUTED_RTOL * np.abs(np.asarray(match.weight, np.float64)).max()
            if (np.abs(found - right) <= bound).all():
                self.derived.append(tensor.name)
                self.present.add(match.name)
                return True
        return False

    def _match_stacked(self, tensor: StoredTensor) -> bool:
        """Record a concatenation or slice of weights, as a difference where some rows are no weight's; False of another tensor."""
        share, whole = self.model.stacked_share(tensor) if tensor.values.size >= MIN_WEIGHT_SIZE else (0.0, [])
        if share <= MIN_STACKED_SHARE:
            return False
        if share == 1:
            self.derived.append(tensor.name)
            self.present.update(whole)
            return True
        reason = f"{1 - share:.2g} of it is of no weight of the model, and the rest is"
        self.differences[tensor.name] = Difference(tensor.name, "", reason)
        return True

    def _record_difference(self, tensor: StoredTensor, match: Match) -> None:
        reason = tensor.describe_difference(match.weight)
        self.differences[tensor.name] = Difference(tensor.name, match.name, reason, match.weight)
