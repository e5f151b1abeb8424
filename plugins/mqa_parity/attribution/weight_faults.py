"""Weights of a subgraph that are not the model's, shown by an experiment: with the right ones the subgraph agrees."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.result import Cause
from mqa_parity.protocols import SupportsWeights
from mqa_parity.tensors.weight_comparison import describe_other_model
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.protocols import Reference

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MAX_TRIALS = 64  # replacements of weights
MAX_WEIGHTS = 3  # in a reason
MAX_STEPS = 2.0  # rounding is off by half a quantization step at most, and clipping by a little more


def get_parameters(reference: Reference, module: str) -> Arrays:
    """The parameters and buffers of a module by their names inside it.

    None where the reference does not give them, or has no such module: a graph may name modules otherwise.
    """
    if not isinstance(reference, SupportsWeights):
        return {}
    try:
        return reference.weights(module)
    except NotRunError:
        return {}


def find_other_model(run: PairedRun) -> Cause | None:
    """That the file has the weights of another model, if most of them differ."""
    report = run.weight_report
    if report is None:
        return None
    different = len(report.differences) + len(report.unknown)
    meaning = describe_other_model(different, different + report.matched)
    return Cause("weights", meaning, module="", faulty_nodes=(), meaning=meaning) if meaning else None


def find_weight_mismatch(test: SubgraphTest) -> Cause | None:
    """A quantized weight that stands for other numbers than the model's, and is much better with those.

    A quantized weight may be far from every parameter and right, as one with a normalization folded into it.
    """
    learned = get_parameters(test.run.reference.baseline, test.module) if test.module else {}
    if not learned:
        return None
    for name, (weight, step) in test.subgraph.dequantized_weights().items():
        nearest = min(_measure_distances_in_steps(weight, step, learned), key=lambda one: one[0], default=None)
        if nearest and nearest[0] > MAX_STEPS and _halves_the_error(test, test.subgraph.requantize(name, nearest[2])):
            steps, parameter, _ = nearest
            reason = (
                f"initializer `{name}` is not `{parameter}` of the model, rounded: it is {steps:.3g} of its steps off"
            )
            return Cause("weights", reason, f"{name}: {parameter}")
    return None


def _measure_distances_in_steps(weight: Array, step: Array, learned: Arrays) -> Iterator[tuple[float, str, Array]]:
    """For each parameter of the weight's shape, transposed or not, its largest distance in steps, name and numbers."""
    for name, parameter in learned.items():
        for right in (parameter, parameter.T) if parameter.ndim == 2 else (parameter,):
            if right.shape == weight.shape:
                yield float((np.abs(weight - right) / step).max()), name, right


def _halves_the_error(test: SubgraphTest, weights: Arrays) -> bool:
    try:
        before, after = (test.ratio(test.subgraph.run(test.feeds, weights=some)) for some in (None, weights))
    except Exception:  # weights that do not fit are no better
        return False
    return after < before / 2


def find_wrong_weight(test: SubgraphTest) -> Cause | None:
    """A weight with whose right numbers the subgraph agrees; in a whole graph one of those not known to be right."""
    reference = test.run.reference.baseline
    learned = get_parameters(reference, test.module)
    if not learned or (test.is_whole and not (test.module or test.sound_weights)):
        return None
    for name, parameter, right in islice(_propose_replacements(test, learned), MAX_TRIALS):
        weight = test.weights[name]
        if test.agrees(weights={name: right.astype(weight.dtype)}):
            what = f"initializer `{name}` is not `{parameter}` of the model{_describe_difference(weight, right)}"
            agrees = f"with that in its place, {'the module' if test.module else 'the file'} agrees"
            owner = ".".join(part for part in (test.module, parameter.rpartition(".")[0]) if part)
            reason = f"{what}{_describe_identity(reference, weight)}; {agrees}"
            return Cause("weights", reason, f"{name}: {parameter}", parameter, owner)
    return _find_wrong_weights_of_module(test, reference, learned) if test.module else None


def _find_wrong_weights_of_module(test: SubgraphTest, reference: Reference, learned: Arrays) -> Cause | None:
    """Several weights of one module with whose right numbers it agrees, as where a layer has another's."""
    wrong = {name: weight for name, weight in test.weights.items() if not _is_parameter(weight, learned)}
    choices = [[(name, *right) for right in _propose_right_numbers(weight, learned)] for name, weight in wrong.items()]
    choices = [some for some in choices if some]
    for trial in islice(product(*choices), MAX_TRIALS) if len(choices) > 1 else ():
        if test.agrees(weights={name: right.astype(wrong[name].dtype) for name, _, right in trial}):
            pairs = [
                f"`{name}` is not `{one}` of the model{_describe_identity(reference, wrong[name])}"
                for name, one, _ in trial
            ]
            reason = f"initializers {', '.join(pairs)}; with those in their places, the module agrees"
            return Cause("weights", reason, f"{trial[0][0]}: {trial[0][1]}")
    return None


def find_different_weights(test: SubgraphTest) -> Cause | None:
    """All weights of a subgraph that the comparison of weights found to differ, whatever else is wrong."""
    report = test.run.weight_report
    wrong = [one for one in report.differences if one.weight and one.tensor in test.weights] if report else []
    if not wrong:
        return None
    right = {
        one.tensor: one.expected.astype(test.weights[one.tensor].dtype) for one in wrong if one.expected is not None
    }
    first = [f"`{one.tensor}` is not `{one.weight}` of the model: {one.reason}" for one in wrong[:MAX_WEIGHTS]]
    more = f", and {len(wrong) - MAX_WEIGHTS} more" if len(wrong) > MAX_WEIGHTS else ""
    several = len(wrong) > 1
    those = "those in their places" if several else "that in its place"
    whole = "module" if test.module else "file"
    effect = (
        f"with {those}, the {whole} agrees" if test.agrees(weights=right) else f"the {whole} differs in more than that"
    )
    reason = f"{'initializers' if several else 'initializer'} {', '.join(first)}{more}; {effect}"
    name = wrong[0].weight
    return Cause("weights", reason, f"{wrong[0].tensor}: {name}", name, name.rpartition(".")[0])


def find_sound_weights(run: PairedRun, weights: Mapping[str, Array]) -> frozenset[str]:
    """The weights of a graph that are some parameter of the model, transposed or not."""
    learned = get_parameters(run.reference.baseline, "")
    return frozenset(name for name, weight in weights.items() if _is_parameter(weight, learned))


def _is_parameter(weight: Array, learned: Arrays) -> bool:
    return any(_is_equal(weight, one) for one in learned.values())


def _is_equal(weight: Array, parameter: Array) -> bool:
    """Whether a weight is a parameter, transposed or not."""
    return any(np.array_equal(weight, one) for one in (parameter, parameter.T))


def _describe_identity(reference: Reference, weight: Array) -> str:
    """Which parameter of the model a weight is, in words, where its numbers tell: layers may be swapped."""
    if (weight == weight.flat[0]).all():
        return ""
    learned = get_parameters(reference, "")
    name = next((name for name, one in learned.items() if _is_equal(weight, one)), "")
    return f" (it is `{name}`)" if name else ""


def _propose_replacements(test: SubgraphTest, learned: Arrays) -> Iterator[tuple[str, str, Array]]:
    """Weights with parameters that may replace them: parameters of the weight's own name first, for every weight."""
    for is_own in (True, False):
        for name, weight in test.weights.items():
            some = {one: array for one, array in learned.items() if f".{name}".endswith(f".{one}") is is_own}
            yield from ((name, *right) for right in _propose_right_numbers(weight, some))


def _propose_right_numbers(weight: Array, learned: Arrays) -> Iterator[tuple[str, Array]]:
    """Parameters that fit in a weight's place, transposed or not, and have other numbers."""
    for name, parameter in learned.items():
        for right in (parameter, parameter.T) if parameter.ndim == 2 else (parameter,):
            fits = right.shape == weight.shape or (right.ndim == 2 and right.shape[1:] == weight.shape[1:])
            if fits and not np.array_equal(right.astype(weight.dtype), weight):
                yield name, right


def _describe_difference(weight: Array, right: Array) -> str:
    if weight.shape != right.shape:
        return f": it has the shape {list(weight.shape)}, and not {list(right.shape)}"
    if weight.ndim == 2 and np.array_equal(weight, right.T):
        return ": it is transposed"
    if lost := np.count_nonzero(np.isfinite(right) & ~np.isfinite(weight)):
        return f": {lost} of {weight.size} numbers are NaN or Inf"
    changed = np.abs(weight.astype(np.float64) - right.astype(np.float64))
    return f": {np.count_nonzero(changed)} of {changed.size} numbers differ, by {changed.max():.3g} at most"
