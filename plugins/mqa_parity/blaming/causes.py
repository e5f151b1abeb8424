"""Why one module errs: its precision, a weight of it, ONNX Runtime's kernel, or what the exporter made of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Dissected, Weighted, dissected
from mqa_parity.blaming.folded import folded
from mqa_parity.blaming.normalization import ROUNDINGS
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.doors import Weights
    from mqa_parity.blaming.finding import Kind
    from mqa_parity.blaming.suspect import Suspect

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


MOST = 64  # weights that are tried in another's place
SHOWN = 3  # wrong weights that are named


@dataclass(frozen=True)
class Cause:
    """The kind of a fault, the reason to think so, and the weight that is wrong where it is one: its name, and whose.

    `parameter` is the model's name for what it should be, inside of the module that is looked at; `owner` the module
    whose it is, where that is another. Where `nodes` are given, `owner` is their module, or none.
    """

    kind: Kind
    reason: str
    weight: str = ""
    parameter: str = ""
    owner: str = ""
    meaning: str = ""  # where it is not that of the kind
    nodes: tuple[str, ...] | None = None  # where it is known which they are, of whichever module


UNDECIDED = "whether the file or ONNX Runtime is at fault could not be found out"
STEPS = 2.0  # what is rounded is at most half a step off, and what is cut off at the ends a little more


def find_cause(case: Suspect) -> Cause:
    """The first of these that explains the error, each shown by an experiment on the piece."""
    return strayed(case) or _precision(case) or wrong_weight(case) or _folded(case) or _arbitrated(case)


def strayed(case: Suspect) -> Cause | None:
    """A weight of few bits that stands for other numbers than were learned, which do better in its place.

    A weight may be far from every parameter and right, as one with a normalization folded into it.
    """
    if not case.module or not isinstance(case.case.truth.reference, Weighted):
        return None
    learned = case.case.truth.reference.parameters(case.module)
    for name, (weight, step) in case.piece.rounded().items():
        found = min(_candidates(weight, step, learned), key=lambda one: one[0], default=None)
        if found and found[0] > STEPS and _does_better(case, case.piece.rounding(name, found[2])):
            off, parameter, _ = found
            what = f"initializer `{name}` is not `{parameter}` of the model, rounded: it is {off:.3g} of its steps off"
            return Cause("weights", what, f"{name}: {parameter}")
    return None


def _candidates(weight: Array, step: Array, learned: Arrays) -> Iterator[tuple[float, str, Array]]:
    """The parameters that could stand in a weight's place, as they are or transposed, and how many steps they are off."""
    for name, parameter in learned.items():
        for right in (parameter, parameter.T) if parameter.ndim == 2 else (parameter,):
            if right.shape == weight.shape:
                yield float((np.abs(weight - right) / step).max()), name, right


def _does_better(case: Suspect, weights: Arrays) -> bool:
    try:
        now, then = (case.ratio(case.piece.run(case.feeds, weights=given)) for given in (None, weights))
    except Exception:  # what does not fit does no better
        return False
    return then < now / 2


def _precision(case: Suspect) -> Cause | None:
    own = str(case.case.truth.reference.facts.get("precision", "float32"))
    coarse = [f"`{one}`" for one in case.piece.precisions() if one != own]
    return Cause("precision", f"it computes in {', '.join(coarse[:4])}, and the model in {own}") if coarse else None


def wrong_weight(case: Suspect) -> Cause | None:
    """A weight that heals the piece where it is put right; of the whole graph one of those that are no parameter."""
    reference = case.case.truth.reference
    if not isinstance(reference, Weighted) or (case.whole and not (case.module or case.cleared)):
        return None
    learned = reference.parameters(case.module)
    for name, parameter, right in islice(_trials(case, learned), MOST):
        weight = case.weights[name]
        if _heals(case, {name: right.astype(weight.dtype)}):
            what = f"initializer `{name}` is not `{parameter}` of the model{_difference(weight, right)}"
            healed = f"with that in its place, {'the module' if case.module else 'the file'} agrees"
            owner = ".".join(part for part in (case.module, parameter.rpartition(".")[0]) if part)
            whose = _whose(reference, weight)
            return Cause("weights", f"{what}{whose}; {healed}", f"{name}: {parameter}", parameter, owner)
    return _several(case, reference, learned) if case.module else None


def _several(case: Suspect, reference: Weighted, learned: Arrays) -> Cause | None:
    """Weights of one module that heal it where all of them are put right, as where a layer has another's."""
    wrong = {name: weight for name, weight in case.weights.items() if not _learned(weight, learned)}
    choices = [[(name, *right) for right in _right(weight, learned)] for name, weight in wrong.items()]
    choices = [some for some in choices if some]
    for trial in islice(product(*choices), MOST) if len(choices) > 1 else ():
        if _heals(case, {name: right.astype(wrong[name].dtype) for name, _, right in trial}):
            pairs = [f"`{name}` is not `{one}` of the model{_whose(reference, wrong[name])}" for name, one, _ in trial]
            what = f"initializers {', '.join(pairs)}; with those in their places, the module agrees"
            return Cause("weights", what, f"{trial[0][0]}: {trial[0][1]}")
    return None


def together(case: Suspect, held: Weights | None) -> Cause | None:
    """All tensors of a piece that are not the model's weights, which they certainly are not, whatever else is wrong."""
    wrong = [one for one in held.differences if one.weight and one.tensor in case.weights] if held is not None else []
    if not wrong:
        return None
    known = {one.tensor: one.right for one in wrong if one.right is not None}
    right = {name: array.astype(case.weights[name].dtype) for name, array in known.items()}
    shown = [f"`{one.tensor}` is not `{one.weight}` of the model: {one.reason}" for one in wrong[:SHOWN]]
    more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    those, whole = (
        "those in their places" if len(wrong) > 1 else "that in its place",
        "module" if case.module else "file",
    )
    healed = f"with {those}, the {whole} agrees" if _heals(case, right) else f"the {whole} differs in more than that"
    what = f"{'initializers' if len(wrong) > 1 else 'initializer'} {', '.join(shown)}{more}; {healed}"
    first = wrong[0]
    return Cause("weights", what, f"{first.tensor}: {first.weight}", first.weight, first.weight.rpartition(".")[0])


def _learned(weight: Array, learned: Arrays) -> bool:
    """Whether a weight is some parameter, as it is or transposed."""
    return any(_is(weight, one) for one in learned.values())


def _is(weight: Array, parameter: Array) -> bool:
    return any(np.array_equal(weight, one) for one in (parameter, parameter.T))


def _whose(reference: Weighted, weight: Array) -> str:
    """Which parameter of the whole model a weight is, where its numbers tell: layers may be swapped."""
    if (weight == weight.flat[0]).all():
        return ""
    name = next((name for name, one in reference.parameters("").items() if _is(weight, one)), "")
    return f" (it is `{name}`)" if name else ""


def _trials(case: Suspect, learned: Arrays) -> Iterator[tuple[str, str, Array]]:
    """What could stand in each weight's place: first what has its name, as where it was changed in the file alone."""
    for own in (True, False):
        for name, weight in case.weights.items():
            some = {one: array for one, array in learned.items() if f".{name}".endswith(f".{one}") is own}
            yield from ((name, *right) for right in _right(weight, some))


def _folded(case: Suspect) -> Cause | None:
    """A weight that heals the piece where it is what folding a normalization into it makes of the model's."""
    for one in folded(case):
        weight, right = case.weights[one.name], one.right[one.name]
        if _heals(case, {name: array.astype(weight.dtype) for name, array in one.right.items()}):
            changed = np.abs(weight - right) > ROUNDINGS * np.abs(right).max()
            what = f"initializer `{one.name}` is not what folding makes of `{one.parameter}` of the model"
            differing = f"{np.count_nonzero(changed)} of {changed.size} numbers differ"
            why = f"; {one.change.why}" if one.change.why else ""
            reason = f"{what}: {differing}; with that in its place, the module agrees{why}"
            if not one.change.learned:
                return Cause("exporter", reason, owner=one.owner)
            return Cause("weights", reason, f"{one.name}: {one.parameter}", one.parameter, one.owner)
    return None


def _heals(case: Suspect, weights: Arrays) -> bool:
    try:
        return not case.errs(weights=weights)
    except Exception:  # a weight that does not fit is no cure
        return False


def _right(weight: Array, learned: Arrays) -> Iterator[tuple[str, Array]]:
    """Parameters that could stand in a weight's place, as they are or transposed, unless they already do."""
    for name, parameter in learned.items():
        for right in (parameter, parameter.T) if parameter.ndim == 2 else (parameter,):
            fits = right.shape == weight.shape or (right.ndim == 2 and right.shape[1:] == weight.shape[1:])
            if fits and not np.array_equal(right.astype(weight.dtype), weight):
                yield name, right


def _difference(weight: Array, right: Array) -> str:
    if weight.shape != right.shape:
        return f": it has the shape {list(weight.shape)}, and not {list(right.shape)}"
    if weight.ndim == 2 and np.array_equal(weight, right.T):
        return ": it is transposed"
    if lost := np.count_nonzero(np.isfinite(right) & ~np.isfinite(weight)):
        return f": {lost} of {weight.size} numbers are NaN or Inf"
    changed = np.abs(weight.astype(np.float64) - right.astype(np.float64))
    return f": {np.count_nonzero(changed)} of {changed.size} numbers differ, by {changed.max():.3g} at most"


def _arbitrated(case: Suspect) -> Cause:
    """What the reference of ONNX makes of the piece decides between the file and the runtime.

    The runtime is to blame only where it errs on the same feeds that the reference is right on, and where the reference
    makes of the whole graph what PyTorch does: a piece may be sound that was cut where the file is at fault.
    """
    try:
        arbiter = case.piece.work_out(case.feeds)
    except NotRunError as error:
        return Cause("exporter", f"no optimizer of ONNX Runtime makes the difference, and {error.message}")
    if case.ratio(arbiter) > case.case.limit:
        both = "the reference of ONNX makes of the same nodes what ONNX Runtime does, and PyTorch does not"
        return Cause("exporter", both)
    if not _fails(case):
        return Cause(
            "exporter", "by itself it is right in ONNX Runtime and in the reference of ONNX, and not in the graph"
        )
    return _whole_graph(case)


def _fails(case: Suspect) -> bool:
    """Whether ONNX Runtime errs on the piece by itself, or gives up."""
    try:
        return case.errs()
    except Exception:
        return True


def _whole_graph(case: Suspect) -> Cause:
    """Whose fault it is that ONNX Runtime errs on a piece that the reference of ONNX is right on."""
    known = "the reference of ONNX makes of the same nodes what PyTorch does, ONNX Runtime does not"
    try:
        outputs = _worked_out(case)
    except NotRunError as error:
        return Cause("exporter", f"{known}; but {error.message}", meaning=UNDECIDED)
    if case.case.ratio(outputs) <= case.case.limit:
        return Cause("kernel", f"{known}, nor of the whole graph")
    return Cause("exporter", f"{known}; but of the whole graph it makes something else than PyTorch as well")


def _worked_out(case: Suspect) -> Arrays:
    """The graph's outputs that are the model's, by the reference of ONNX."""
    candidate = case.case.candidate
    if not isinstance(candidate, Dissected):
        raise NotRunError("there is no graph to work out")
    anatomy = dissected(candidate, case.case.truth.reference)
    names = case.case.paired(anatomy.results())
    feeds = anatomy.feed(case.case.batch)
    pieces = [anatomy.piece([], theirs) for theirs, _ in names]
    return {piece.output: piece.work_out({name: feeds[name] for name in piece.inputs}) for piece in pieces}
