"""Perturbations: what becomes of an example follows from it and the generator, and a higher severity changes no less."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary import apply_edits, check_edits, check_example, check_example_and_target, check_fields
from mqa_registry.contributions import Perturbation
from mqa_registry.errors import ContributionError
from mqa_registry.options import contribution_options, validate
from mqa_registry.testing.examples import make_inputs
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import CallError, NotTriedError, draw, show
from mqa_registry.types.blobs import is_same_example

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.options import Option
    from mqa_registry.testing.subject import Subject
    from mqa_registry.types import Example

SEVERITY, RATE = "severity", "rate"  # options of which a higher value changes more; a rate, if it is a share
STEPS = (0.1, 0.5, 1, 2, 4, 8)  # values of them that are tried, as far as they are allowed
SEEDS = 4  # generators that each example is tried with


def perturb(subject: Subject, example: Example, rng: np.random.Generator, **options: Any) -> Example | None:
    """The perturbed example, with its edits applied; None where it is declined."""
    perturbation = subject.expect(Perturbation)
    if perturbation.target_effect == "moves":
        returned = subject.call(example, None, rng, **options)
        if returned is None:
            return None
        returned, _ = check_example_and_target(subject.contributor, returned)
    else:
        returned = subject.call(example, rng, **options)
    if returned is None:
        return None
    before = deepcopy(dict(example))
    check_fields(subject.contributor, before.keys(), returned)
    if not perturbation.edits:
        return check_example(subject.contributor, before, returned)
    return {
        name: apply_edits(subject.contributor, name, before[name], check_edits(subject.contributor, name, edits))
        for name, edits in returned.items()
    }


def list_examples(subject: Subject, kind: str = "") -> Sequence[Example]:
    """The examples that it is tried with: those of its trial, else the kit's own of its modality."""
    if subject.trial.examples and not kind:
        return subject.trial.examples
    modality = subject.expect(Perturbation).modality
    inputs = make_inputs(modality)
    if inputs is None:
        raise NotTriedError(
            f'the kit has no {modality}: `trials={{"{subject.label}": Trial(examples=[...])}}` gives some'
        )
    examples = inputs.examples(modality, kind)
    if not examples:
        raise NotTriedError(f"the kit has no such {modality}")
    return examples


def work(subject: Subject) -> None:
    """Call it with ordinary examples, as a process of its own does."""
    for row, example in enumerate(list_examples(subject)):
        perturb(subject, deepcopy(example), draw(row))


def _find_failure(subject: Subject) -> str:
    return _find_failure_of(subject, list_examples(subject))


def _find_failure_of(subject: Subject, examples: Sequence[Example]) -> str:
    for row, example in enumerate(examples):
        try:
            perturb(subject, deepcopy(example), draw(row))
        except CallError as error:
            return f"{error}, of {show(example)}"
        except ContributionError as error:
            return f"{error.fault}, of {show(example)}{f'; {error.hint}' if error.hint else ''}"
    return ""


def _find_unusual_failure(kind: str) -> Callable[[Subject], str]:
    def find(subject: Subject) -> str:
        if _find_failure(subject):
            raise NotTriedError("it does not work on ordinary examples; see the rule `works`")
        return _find_failure_of(subject, list_examples(subject, kind))

    return find


def _find_other_draw(subject: Subject) -> str:
    """Two results for one example and two generators of one state."""
    for row, example in enumerate(list_examples(subject)):
        one, other = (perturb(subject, deepcopy(example), draw(row)) for _ in range(2))
        if not _are_same(one, other):
            return f"{show(one)} and then {show(other)}, of {show(example)}"
    return ""


def _find_memory(subject: Subject) -> str:
    """Another result where other examples came before."""
    if _find_other_draw(subject):
        raise NotTriedError("it draws otherwise than from `rng`; see the rule `deterministic`")
    examples = list(enumerate(list_examples(subject)))
    forth = {row: perturb(subject, deepcopy(example), draw(row)) for row, example in examples}
    back = {row: perturb(subject, deepcopy(example), draw(row)) for row, example in reversed(examples)}
    row = next((row for row, _ in examples if not _are_same(forth[row], back[row])), None)
    return "" if row is None else f"{show(forth[row])}, and after other examples {show(back[row])}"


def _find_changed_input(subject: Subject) -> str:
    """An example that was changed, and is not what is returned."""
    for row, example in enumerate(list_examples(subject)):
        given, target = deepcopy(dict(example)), {"label": "one"}
        if subject.expect(Perturbation).target_effect == "moves":
            returned = subject.call(given, target, draw(row))
            returned = returned[0] if isinstance(returned, tuple | list) and returned else returned
        else:
            returned = subject.call(given, draw(row))
        if returned is not given and not is_same_example(example, given):
            return f"{show(example)} had become {show(given)}, and something else was returned"
    return ""


def _find_lost_change(subject: Subject) -> str:
    """A row that a severity changes and a higher one does not."""
    for name, values in _gradual_options(subject):
        for row, example in enumerate(list_examples(subject)):
            for seed in range(SEEDS):
                lower = None
                for value in values:
                    after = perturb(subject, deepcopy(example), draw(row * SEEDS + seed), **{name: value})
                    changed = after is not None and not is_same_example(example, after)
                    if lower is not None and not changed:
                        return f"`{name} = {lower}` changes a row that `{name} = {value}` leaves, {show(example)}"
                    lower = value if changed else lower
    return ""


def _gradual_options(subject: Subject) -> list[tuple[str, list[float]]]:
    """The options of which a higher value changes more, each with values that it takes, the lowest first.

    Values below 1 and from 1 on are apart where it takes both: a factor of 1 changes nothing.
    """
    options = contribution_options(subject.expect(Perturbation))
    found = []
    for option in options:
        if is_gradual(option):
            steps = [step for step in STEPS if option.name == SEVERITY or step <= 1]
            fitting = [step for step in steps if not _has_fault(options, option.name, step)]
            is_share = max(fitting, default=0) <= 1
            parts = [fitting] if is_share else [[x for x in fitting if x < 1], [x for x in fitting if x >= 1]]
            found += [(option.name, part) for part in parts]
    return found


def is_gradual(option: Option) -> bool:
    """Whether a higher value of an option changes more: a severity, or a rate that is a share, and no sampling rate."""
    if option.name == RATE and isinstance(option.default, int | float):
        return option.numeric and option.default <= 1
    return option.numeric and option.name in {SEVERITY, RATE}


def _has_fault(options: Any, name: str, value: float) -> bool:
    return any(fault.path[:1] == (name,) for fault in validate(options, {name: value}, owner="").faults)


def _find_lost_target(subject: Subject) -> str:
    """A target that came of none, or a class that changed, which is not within the example."""
    for row, example in enumerate(list_examples(subject)):
        for given in (None, "one"):
            returned = subject.call(deepcopy(example), given, draw(row))
            if returned is None:
                continue
            _, target = check_example_and_target(subject.contributor, returned)
            if target != given:
                return f"the target {given!r} became {show(target)}"
    return ""


def _find_missed_golden(subject: Subject) -> str:
    for example, expected in subject.trial.golden:
        after = perturb(subject, deepcopy(example), np.random.default_rng(0))
        if not _are_same(after, expected):
            return f"{show(after)} in place of {show(expected)}, of {show(example)}"
    return ""


def _are_same(one: Example | None, other: Example | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and is_same_example(one, other)


KINDS = (Perturbation,)
UNUSUAL_MEND = "Leave alone what cannot be perturbed, or decline the row with `None`."
RULES = (
    Rule(
        "works",
        "A perturbation gives an ordinary example back with the same fields, of the same types, or None.",
        "Follow what was seen; `Trial(options=..., examples=...)` gives it others than the kit's own.",
        _find_failure,
        KINDS,
    ),
    Rule(
        "deterministic",
        "The same example and a generator in the same state give the same result.",
        "Draw from `rng` alone, and sort sets before drawing from them.",
        _find_other_draw,
        KINDS,
    ),
    Rule(
        "stateless",
        "What becomes of an example does not depend on the examples before it.",
        "Keep nothing between two calls that a result depends on.",
        _find_memory,
        KINDS,
    ),
    Rule(
        "input-kept",
        "An example that is changed in place is what is returned.",
        "Return a new dict, or the example itself; copy an array or a list before changing it.",
        _find_changed_input,
        KINDS,
    ),
    Rule(
        "severity-nests",
        "A row that one severity changes is changed at every higher one, too.",
        "Draw the same numbers at every severity, and compare them with it: `rng.random(n) < severity`.",
        _find_lost_change,
        KINDS,
        lambda subject: any(map(is_gradual, contribution_options(subject.expect(Perturbation)))),
    ),
    Rule(
        "target-moved",
        "A perturbation that moves targets gives none to a row that has none, and leaves a class as it is.",
        "Return the target as it came where it does not lie within the example.",
        _find_lost_target,
        KINDS,
        lambda subject: subject.expect(Perturbation).target_effect == "moves",
    ),
    Rule("empty-input", "An example with nothing in it is left alone or declined.", UNUSUAL_MEND,
         _find_unusual_failure("empty"), KINDS),
    Rule("foreign-input", "Another script, and another form of an image, a sound or a table, is no error.", UNUSUAL_MEND,
         _find_unusual_failure("foreign"), KINDS),
    Rule("huge-input", "A huge example is no error.", "Do without recursion, and without copying all for each word.",
         _find_unusual_failure("huge"), KINDS),
    Rule("missing-input", "A value that is missing, None or NaN, is no error.", UNUSUAL_MEND,
         _find_unusual_failure("missing"), KINDS, lambda subject: subject.expect(Perturbation).modality == "columns"),
    Rule(
        "golden",
        "An example of a golden pair becomes the other.",
        "Mend the perturbation, or the pair, whichever is wrong.",
        _find_missed_golden,
        KINDS,
        lambda subject: bool(subject.trial.golden),
    ),
)  # fmt: skip
