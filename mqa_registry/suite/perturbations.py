"""Whether what a check disturbs goes with what it measures: the modality, the right answers, the places in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mqa_registry.contributions import Comparison, Metric, Perturbation, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.world import Complaint, Rule, World


def _modality_of_the_task(draft: Draft, world: World) -> Iterator[Complaint]:
    if world.task is None:
        return
    there = tuple(dict.fromkeys(cast("Task", world.task.contribution).fields.values()))
    for name, perturbation in _perturbations(draft):
        if perturbation.modality not in there:
            reads = " or ".join(there)
            message = f"`{name}` disturbs {perturbation.modality}, and the task `{world.task.name}` reads {reads}"
            yield draft.given["perturb"], message, ""


def _right_answers_known(draft: Draft, world: World) -> Iterator[Complaint]:
    """After some perturbations the right answer is another, and the targets do not say which."""
    if not isinstance(draft.kind, Metric):
        return
    changing = [name for name, perturbation in _perturbations(draft) if perturbation.answer == "changes"]
    if changing:
        message = (
            f"`{draft.measured}` needs the right answers, and `{changing[0]}` makes them others, nobody says which"
        )
        hint = "hold them against those before: a comparison with `against = { perturb = false }`, bounded by `max`"
        yield draft.given["measure"], message, hint


def _spans_of_one_text(draft: Draft, world: World) -> Iterator[Complaint]:
    """Spans of a text before and after a perturbation are places in two texts, and do not compare."""
    if not (isinstance(draft.kind, Comparison) and draft.against and draft.against.undisturbed and draft.on):
        return
    for name, perturbation in _perturbations(draft):
        if perturbation.modality == "text" and world.schema(draft.on[0]) == "spans":
            message = f"spans are places in a text, and `{name}` may move them: those before and after do not compare"
            yield draft.given["against"], message, "measure each with a metric, whose targets move with the text"
            return


PERTURBATION_RULES: tuple[Rule, ...] = (_modality_of_the_task, _right_answers_known, _spans_of_one_text)


def _perturbations(draft: Draft) -> Iterator[tuple[str, Perturbation]]:
    return ((use.name, cast("Perturbation", use.contribution)) for use in draft.steps[0].perturb)
