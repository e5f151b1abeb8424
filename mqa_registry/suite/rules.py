"""The rules of a check: what its parts, each valid by itself, require of each other.

A rule is a function that yields a diagnostic for each violation. `RULES` lists them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mqa_registry.contributions import Comparison, Metric, Perturbation, Probe, Replay, Task
from mqa_registry.expect import ANY, BY_WORD, VALUE, words_of
from mqa_registry.plugins.catalog import MEASURE
from mqa_registry.suite.model import Against

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mqa_registry.contributions import Contribution
    from mqa_registry.expect import Range
    from mqa_registry.suite.check_parser import Draft, ValidationContext
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.toml import Node

    Rule: TypeAlias = Callable[[Draft, ValidationContext], Iterator["Diagnostic"]]


@dataclass(frozen=True)
class Diagnostic:
    """One violation of a rule: the value at fault, the message and the hint."""

    node: Node
    message: str
    hint: str = ""


def validate_check(draft: Draft, context: ValidationContext, diagnostics: Diagnostics) -> None:
    """Add a problem for every rule that a check breaks."""
    for rule in RULES:
        for diagnostic in rule(draft, context):
            diagnostics.add(diagnostic.node.at, diagnostic.message, diagnostic.hint)


# Groups.


def _gaps_need_groups(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    for word, node in draft.bounds("groups").items():
        if "by" not in draft.keys:
            message = f"`{word}` compares groups, and the check has no `by`"
            yield Diagnostic(node, message, "add `by`, or bound it with `min` or `max`")
        elif _compares_groups(draft):
            message = f"`{word}` compares groups, and `{draft.measure_name}` makes one number of them"
            yield Diagnostic(node, message, "bound that number with `min` or `max`")


def _group_measures_need_groups(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    if _compares_groups(draft) and "by" not in draft.keys:
        message = f"`{draft.measure_name}` compares groups, and the check has no `by`"
        yield Diagnostic(draft.keys["measure"], message, "add `by`")


def _compares_groups(draft: Draft) -> bool:
    return isinstance(draft.kind, Metric) and draft.kind.takes_groups


# The reference view.


def _one_reference(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    for word, node in draft.bounds("reference").items() if draft.compares else ():
        message = f"`{word}` needs a metric: the {draft.noun} `{draft.measure_name}` already holds two views against each other"
        yield Diagnostic(node, message, "bound it with `min` or `max`")


def _against_is_used(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    if "against" not in draft.keys or draft.kind is None or draft.compares or draft.bounds("reference"):
        return
    words = " or ".join(f"`{word}`" for word in words_of(need="reference"))
    hint = "take `against` out" if draft.probe_inputs else f"bound it with {words}, or take `against` out"
    message = (
        f"nothing is held against `against`: `{draft.measure_name}` is a {draft.noun}, and `expect` bounds it alone"
    )
    yield Diagnostic(draft.keys["against"], message, hint)


def _reference_is_another_view(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    """A view is not compared with itself. A check that has no other comparison has nothing to judge."""
    if not draft.on or not (draft.compares or draft.bounds("reference")) or draft.probe_inputs == "rows":
        return
    if not all(draft.is_own_reference(backend, context) for backend in draft.on):
        return
    if "against" in draft.keys:
        if draft.against != Against():
            hint = "`perturb = false` needs a `perturb`; `backend` and `data` others than its own"
            yield Diagnostic(draft.keys["against"], "`against` names the very view that the check is about", hint)
        return
    hint = "add a second backend, or hold it against another view with `against`"
    backend = f"`{draft.on[0]}` is the reference backend"
    if draft.compares:
        message = f"the {draft.noun} `{draft.measure_name}` has nothing to compare with: {backend}"
        yield Diagnostic(draft.keys["measure"], message, hint)
        return
    for word, node in draft.bounds("reference").items():
        message = f"`{word}` has no reference view: nothing is perturbed, and {backend}"
        yield Diagnostic(node, message, f"add `perturb`, {hint}")


# Predictions.


def _schema_fits(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    schemas: tuple[str, ...] = getattr(draft.kind, "schemas", ())
    for backend in draft.backends(context) if schemas and draft.probe_inputs != "rows" else ():
        predicted = context.schemas(backend)
        if predicted and not set(predicted) & set(schemas):
            names, given = (" or ".join(dict.fromkeys(some)) for some in (schemas, predicted))
            message = f"`{draft.measure_name}` reads {names}, and backend `{backend}` predicts {given}"
            yield Diagnostic(draft.keys["measure"], message, _suggest_measures(predicted[0], context))
            return


def _suggest_measures(schema: str, context: ValidationContext) -> str:
    measures = context.catalog.each(MEASURE.kinds)
    names = [f"`{name}`" for name, measure in measures if schema in getattr(measure, "schemas", ())]
    return f"of {schema} there are {', '.join(names[:5])}" if names else ""


# Perturbations.


def _perturbations(draft: Draft) -> Iterator[tuple[str, Perturbation]]:
    for use in draft.steps[0].perturb:
        if isinstance(use.contribution, Perturbation):
            yield use.name, use.contribution


def _modality_fits(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    task = context.task.contribution if context.task else None
    if context.task is None or not isinstance(task, Task):
        return
    modalities = tuple(dict.fromkeys(task.fields.values()))
    for name, perturbation in _perturbations(draft):
        if perturbation.modality not in modalities:
            reads = " or ".join(modalities)
            message = f"`{name}` perturbs {perturbation.modality}, and the task `{context.task.name}` reads {reads}"
            yield Diagnostic(draft.keys["perturb"], message)


def _targets_stay_known(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    """A metric needs targets; some perturbations change them to others that the data do not have."""
    changing = [name for name, perturbation in _perturbations(draft) if perturbation.target_effect == "changes"]
    if isinstance(draft.kind, Metric) and changing:
        message = f"`{draft.measure_name}` needs targets, and `{changing[0]}` changes them to others that are unknown"
        hint = (
            "compare with the predictions before: a comparison with `against = { perturb = false }`, bounded by `max`"
        )
        yield Diagnostic(draft.keys["measure"], message, hint)


def _spans_are_of_one_text(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    """Spans before and after a perturbation are offsets in two texts, and do not compare."""
    if not (isinstance(draft.kind, Comparison) and draft.against and draft.against.unperturbed and draft.on):
        return
    for name, perturbation in _perturbations(draft):
        if perturbation.modality == "text" and context.schemas(draft.on[0]) == ("spans",):
            message = f"spans are offsets in a text, and `{name}` may move them: those before and after do not compare"
            hint = "measure each with a metric, whose targets move with the text"
            yield Diagnostic(draft.keys["against"], message, hint)
            return


# Probes.


def _probes_see_all_rows(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    """A probe reads all rows at once: it cannot run on groups of them."""
    if not draft.probe_inputs:
        return
    if "by" in draft.keys:
        message = f"the probe `{draft.measure_name}` reads all rows at once, and `by` cuts them into groups"
        yield Diagnostic(draft.keys["by"], message, "take `by` out")
    words = ("min_rows", *words_of(need="groups"), *(() if draft.compares else words_of(need="reference")))
    for word in words:
        if node := draft.bound(word):
            message = f"`{word}` means nothing for the probe `{draft.measure_name}`"
            yield Diagnostic(node, message, "bound it with `min` or `max`")


def _probes_of_a_runner_run_a_model(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    if draft.probe_inputs != "runner":
        return
    for backend in draft.backends(context):
        use = context.backends.get(backend)
        if use is not None and isinstance(use.contribution, Replay):
            message = (
                f"the probe `{draft.measure_name}` runs the model, and `{backend}` brings what was predicted elsewhere"
            )
            yield Diagnostic(draft.keys["measure"], message, "choose other backends with `on`")
            return


def _probes_of_rows_have_no_backend(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    if draft.probe_inputs != "rows":
        return
    if "on" in draft.keys:
        message = f"the probe `{draft.measure_name}` reads rows alone, and no backend"
        yield Diagnostic(draft.keys["on"], message, "take `on` out")
    against = draft.against
    if draft.compares and not (against and (against.data or against.unperturbed)):
        message = f"the probe `{draft.measure_name}` holds two sets of rows against each other"
        yield Diagnostic(draft.keys["measure"], message, 'name the other, as in `against = { data = "train" }`')


# Ranges: a share is never 85.


def _bounds_lie_in_range(draft: Draft, context: ValidationContext) -> Iterator[Diagnostic]:
    for name, expect in (draft.expect or {}).items():
        of = f"`{draft.measure_name}`" if name == VALUE.name else f"`{name}` of `{draft.measure_name}`"
        for word, limit in expect.bounds().items():
            quantity = BY_WORD[word].quantity
            low, high = quantity.reach(*_range_of(draft.kind, name))
            node = _bound_of(draft, name, word)
            if node is not None and not low <= limit <= high:
                message = f"`{word}` is {limit:g}, and {_range_text(f'{quantity.phrase} {of}'.strip(), low, high)}"
                yield Diagnostic(node, message, _range_hint(limit, low, high))


def _range_of(kind: Contribution | None, name: str) -> Range:
    """The range of a number of a measure."""
    if isinstance(kind, Metric | Comparison):
        return kind.range
    return kind.ranges.get(name, ANY) if isinstance(kind, Probe) else ANY


def _bound_of(draft: Draft, name: str, word: str) -> Node | None:
    expect = draft.keys.get("expect")
    table = expect if expect is None or name == VALUE.name else expect.get(name)
    return table.get(word) if table is not None else None


def _range_text(subject: str, low: float, high: float) -> str:
    if math.isinf(high):
        return f"{subject} is never less than {low:g}"
    if math.isinf(low):
        return f"{subject} is never more than {high:g}"
    return f"{subject} lies between {low:g} and {high:g}"


def _range_hint(limit: float, low: float, high: float) -> str:
    if 1 < limit <= 100 and low <= limit / 100 <= high <= 1:
        return f"it is not in per cent: write {limit / 100:g}"
    return "such a bound says nothing: all numbers are on one side of it"


RULES: tuple[Rule, ...] = (
    _gaps_need_groups,
    _group_measures_need_groups,
    _one_reference,
    _against_is_used,
    _reference_is_another_view,
    _schema_fits,
    _modality_fits,
    _targets_stay_known,
    _spans_are_of_one_text,
    _probes_see_all_rows,
    _probes_of_a_runner_run_a_model,
    _probes_of_rows_have_no_backend,
    _bounds_lie_in_range,
)
