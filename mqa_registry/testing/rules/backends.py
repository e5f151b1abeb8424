"""Backends: the same rows have the same predictions in any batch, and what a backend says of itself is true each time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary import ForwardPasses, check_identity, read_budget, read_facts
from mqa_registry.contributions import Backend
from mqa_registry.errors import ContributionError
from mqa_registry.testing.model_calls import (
    are_near,
    decode,
    list_examples,
    make_use,
    open_backend,
    open_model,
    run_batch,
    run_rows,
)
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import NotTriedError, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.contributions import Codec, ModelUnderTest, Runner
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.testing.subject import Subject

TOLERANCE = 1e-4  # of numbers of one row in two batches: kernels of other sizes add in another order


@contextmanager
def _open(subject: Subject) -> Iterator[tuple[ModelUnderTest, Runner, Codec, Sequence[Encoded]]]:
    """The model under test, its runner and codec, and some rows that are encoded."""
    with open_model(subject) as model:
        subject.require_packages()
        examples = list_examples(subject, model.task)
        with open_backend(subject, model) as runner:
            yield model, runner, model.codec, model.codec.encode(examples)


def work(subject: Subject) -> None:
    """Run some rows in one batch, as a process of its own does."""
    with _open(subject) as (_, runner, codec, rows):
        run_batch(ForwardPasses(subject.contributor), runner, codec, rows)


def _find_failure(subject: Subject) -> str:
    try:
        with _open(subject) as (_, runner, codec, rows):
            outputs = run_batch(ForwardPasses(subject.contributor), runner, codec, rows)
            if wrong := next(
                (name for name, array in outputs.items() if np.ndim(array) < 1 or len(array) != len(rows)), None
            ):
                return f"the output `{wrong}` has the shape {np.shape(outputs[wrong])} for {len(rows)} rows"
            decode(codec, outputs, rows)
    except ContributionError as error:
        return f"it {error.fault}"
    return ""


def _require_work(subject: Subject) -> None:
    if failure := _find_failure(subject):
        raise NotTriedError(f"{failure}; see the rule `works`")


def _find_dependent_row(subject: Subject) -> str:
    _require_work(subject)
    with _open(subject) as (_, runner, codec, rows):
        whole = run_rows(subject, runner, codec, rows, len(rows))
        others = {
            "alone": run_rows(subject, runner, codec, rows, 1),
            "in batches of two": run_rows(subject, runner, codec, rows, 2),
            "in another order": run_rows(subject, runner, codec, rows[::-1], len(rows))[::-1],
        }
    for how, predictions in others.items():
        for row, (one, other) in enumerate(zip(whole, predictions, strict=True)):
            if not are_near(one, other, TOLERANCE):
                return f"{show(one)}, and {show(other)} where row {row + 1} is run {how}"
    return ""


def _find_changed_input(subject: Subject) -> str:
    _require_work(subject)
    with _open(subject) as (_, runner, codec, rows):
        batch = codec.collate(rows)
        before = {name: np.array(array) for name, array in batch.items()}
        ForwardPasses(subject.contributor).run(runner, batch)
        changed = [name for name in before if name not in batch or not np.array_equal(before[name], batch[name])]
    return f"`{changed[0]}` of the batch was changed" if changed else ""


def _find_unsteady_identity(subject: Subject) -> str:
    _require_work(subject)
    use = make_use(subject)
    try:
        with open_model(subject) as model:
            identity = use.contribution_as(Backend).identity
            one, other = (check_identity(use.contributor, use.call_method(identity, model)) for _ in range(2))
    except ContributionError as error:
        return f"it {error.fault}"
    if one != other:
        return f"{show(one)} and then {show(other)}"
    wrong = [name for name, value in one.items() if not isinstance(value, str)]
    return f"`{wrong[0]}` is {show(one[wrong[0]])}, and words are expected" if wrong else ""


def _find_wrong_facts(subject: Subject) -> str:
    _require_work(subject)
    with _open(subject) as (_, runner, _, _):
        try:
            read_facts(subject.contributor, runner)
            read_budget(subject.contributor, runner)
        except ContributionError as error:
            return f"it {error.fault}"
    return ""


KINDS: tuple[type[Any], ...] = (Backend,)
RULES = (
    Rule(
        "works",
        "A backend opens a runner whose `run` gives arrays by name, the rows first, which the task decodes.",
        "Follow what was seen; `Trial(model=..., options=...)` says what it is tried with.",
        _find_failure,
        KINDS,
    ),
    Rule(
        "rows-apart",
        "A row has the same prediction alone, in a batch of any size and in any order.",
        "Keep the rows in their order, and heed the padding mask.",
        _find_dependent_row,
        KINDS,
    ),
    Rule(
        "input-kept",
        "A runner leaves the arrays of a batch as they are: it is run again in halves where it does not fit.",
        "Copy an array before changing it.",
        _find_changed_input,
        KINDS,
    ),
    Rule(
        "identity",
        "The identity is words by name, the same each time: stored predictions are found by it.",
        "Leave out times, addresses and folders; give versions, the device and the precision.",
        _find_unsteady_identity,
        KINDS,
    ),
    Rule(
        "facts",
        "An open runner has an `identity`, `facts` and a `budget`.",
        "Give `RunnerFacts(...)`, and a whole number of tokens that suits one batch.",
        _find_wrong_facts,
        KINDS,
    ),
)
