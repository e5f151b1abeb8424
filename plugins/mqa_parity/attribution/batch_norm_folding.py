"""A batch normalization that an exporter folded into the weights before it: what those must be, and what is wrong.

What folding makes of a layer's weight and bias stands at `BatchNorm`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.result import Cause
from mqa_parity.attribution.weight_faults import get_parameters
from mqa_registry import BatchNorm, channel_factors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

EXACT = 1e-9  # of the largest number: the error of a straight line in float64
ROUNDING = 1e-5  # of the largest number: a product that was rounded once
MIN_POINTS = 3  # of a channel: two are on a straight line in any case


@dataclass(frozen=True)
class ChannelMap:
    """What folding does to each channel: weights are multiplied by `scale`, and `bias` is added to their products.

    `bias_before` is the bias of the layer before the normalization. All have shape (channels,).
    """

    scale: Array
    bias: Array
    bias_before: Array


@dataclass(frozen=True)
class Explanation:
    """Which number of the normalization, if changed, gives what a file has, in words; `is_learned` if it is a weight."""

    text: str = ""
    is_learned: bool = True


@dataclass(frozen=True)
class FoldedWeight:
    """Initializers as folding makes them. `name` is the one to report, `owner` the module at fault if it differs."""

    name: str
    right: Arrays
    parameter: str
    owner: str
    explanation: Explanation = Explanation()


def find_wrong_folded_weight(test: SubgraphTest) -> Cause | None:
    """A weight with which the subgraph agrees once it is what folding makes of the model's."""
    for one in _propose_folded_weights(test):
        weight, right = test.weights[one.name], one.right[one.name]
        if test.agrees(weights={name: array.astype(weight.dtype) for name, array in one.right.items()}):
            changed = np.abs(weight - right) > ROUNDING * np.abs(right).max()
            what = f"initializer `{one.name}` is not what folding makes of `{one.parameter}` of the model"
            differing = f"{np.count_nonzero(changed)} of {changed.size} numbers differ"
            why = f"; {one.explanation.text}" if one.explanation.text else ""
            reason = f"{what}: {differing}; with that in its place, the module agrees{why}"
            if not one.explanation.is_learned:
                return Cause("exporter", reason, module=one.owner)
            return Cause("weights", reason, f"{one.name}: {one.parameter}", one.parameter, one.owner)
    return None


def _propose_folded_weights(test: SubgraphTest) -> Iterator[FoldedWeight]:
    """For each weight that may be one of a module before this one, it and the bias with it, as they must be.

    Scale and shift are read off the model in float64. A weight that only has other factors by channel is the
    normalization's fault; any other is the fault of the module whose weight it is.
    """
    learned = get_parameters(test.run.reference.baseline, "") if test.module else {}
    for name, parameter in _propose_parameters(test, learned):
        owner, own = parameter.rpartition(".")[0], learned[parameter]
        line = _fit_linear_map(test, owner) if own.ndim > 1 and own.shape == test.weights[name].shape else None
        if line is not None and len(line[0]) == len(own):
            scale, before = line[0], np.broadcast_to(learned.get(f"{owner}.bias", 0), line[0].shape)
            right = ChannelMap(scale, line[1] + scale * before, before)
            weight = own * scale.reshape(-1, *[1] * (own.ndim - 1))
            factors = _find_factors(test.weights[name], own)
            one = FoldedWeight(name, {name: weight}, parameter, owner if factors is None else test.module)
            yield from _propose_with_biases(test, one, right, factors)


def _propose_parameters(test: SubgraphTest, learned: Arrays) -> Iterator[tuple[str, str]]:
    """Weights of the subgraph with the parameters they may be: those of their names, else of the modules before."""
    before = [f"{one.module}.weight" for one in test.module_inputs if one.module != test.module]
    for name in test.weights:
        names = [name] if name in learned else list(dict.fromkeys(before))
        yield from ((name, one) for one in names if one in learned)


def _propose_with_biases(
    test: SubgraphTest, weight: FoldedWeight, right: ChannelMap, factors: Array | None
) -> Iterator[FoldedWeight]:
    """The weight alone; then each initializer that may be its bias, alone and with the weight."""
    yield weight
    learned = get_parameters(test.run.reference.baseline, test.module)
    for name, found in test.weights.items():
        if found.shape == right.bias.shape:
            wrong = None if factors is None else ChannelMap(factors, found, right.bias_before)
            explanation = Explanation() if wrong is None else explain_change(learned, right, wrong)
            yield FoldedWeight(name, {name: right.bias}, f"{test.module}.bias", test.module, explanation)
            yield replace(weight, right={**weight.right, name: right.bias}, explanation=explanation)


def _fit_linear_map(test: SubgraphTest, owner: str) -> tuple[Array, Array] | None:
    """Scale and shift of every channel from the output of a module to that of the tested one.

    None where there is no straight line, or too few different numbers of a channel, over all rows, to know.
    """
    if owner == test.module:
        return None
    reference = test.run.with_all_rows().reference
    outputs = reference.oracle.module_outputs(reference.batch, [owner, test.module])
    first, last = outputs[owner], outputs[test.module]
    if len(first) != 1 or len(last) != 1 or first[0].shape != last[0].shape or first[0].ndim < 2:
        return None
    before, after = (np.moveaxis(array, 1, 0).reshape(array.shape[1], -1) for array in (first[0], last[0]))
    mean_before, mean_after = (array.mean(axis=1, keepdims=True) for array in (before, after))
    spread = ((before - mean_before) ** 2).sum(axis=1)
    if before.shape[1] < MIN_POINTS or (spread <= (EXACT * np.abs(before).max(axis=1)) ** 2).any():
        return None
    scale = ((before - mean_before) * (after - mean_after)).sum(axis=1) / spread
    shift = (mean_after - scale[:, None] * mean_before)[:, 0]
    error = np.abs(scale[:, None] * before + shift[:, None] - after).max()
    return (scale, shift) if error <= EXACT * np.abs(after).max() else None


def _find_factors(weight: Array, own: Array) -> Array | None:
    """The factor of each channel from the model's weight to the file's; None where it is no multiple."""
    found, channels = (array.reshape(len(array), -1).astype(np.float64) for array in (weight, own))
    if channels.shape[1] < 2:  # one number is a multiple of any other
        return None
    factors = channel_factors(channels, found)
    is_multiple = np.abs(found - factors[:, None] * channels).max() <= ROUNDING * np.abs(found).max()
    return factors if is_multiple else None


def explain_change(learned: Arrays, right: ChannelMap, found: ChannelMap) -> Explanation:
    """Which number of a normalization, if changed, gives what the file has; no text where no single one does.

    `learned` are the parameters and buffers of the normalization. Numbers that make a scale cannot be told from one
    another, except for an epsilon, which is one for all channels; nor can those that only make a bias.
    """
    batch_norm = BatchNorm.from_weights(learned)
    if batch_norm is None or batch_norm.weight.shape != right.scale.shape:
        return Explanation()
    if _is_close(found.scale, right.scale):
        front = ", or another bias in front of it," if right.bias_before.any() else ""
        return Explanation(f"another `bias` or `running_mean`{front} would make it so")
    if not _is_close(found.bias, batch_norm.fold_bias(found.bias_before, found.scale)):
        return Explanation()
    if (epsilons := _compute_epsilons(batch_norm, right.scale, found.scale)) is not None:
        own, other = epsilons
        return Explanation(f"an epsilon of {other:.3g} would make it so, and the model has {own:.3g}", is_learned=False)
    channels = np.count_nonzero(np.abs(found.scale - right.scale) > ROUNDING * np.abs(right.scale).max())
    return Explanation(
        f"another `weight` or `running_var` in {channels} of {len(right.scale)} channels would make it so"
    )


def _compute_epsilons(batch_norm: BatchNorm, right: Array, found: Array) -> tuple[float, float] | None:
    """The model's and the file's epsilon, by the scales of all channels; None if one factor would explain them as well."""
    some = (batch_norm.weight != 0) & (right != 0) & (found != 0)
    if not some.any() or _is_close(
        found[some] / right[some], np.full(some.sum(), np.median(found[some] / right[some]))
    ):
        return None
    own, other = (
        replace(batch_norm, eps=float(np.median(batch_norm.implied_eps(one)[some]))) for one in (right, found)
    )
    for one, scale in ((own, right), (other, found)):
        if one.eps < 0 or not _is_close(one.scale[some], scale[some]):
            return None
    return own.eps, other.eps


def _is_close(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max() <= ROUNDING * np.abs(other).max())
