"""Tasks: every example is encoded by itself, whatever it holds, and outputs become predictions of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Task
from mqa_registry.errors import ContributionError, MqaError, RowError
from mqa_registry.testing.model_calls import are_near, list_examples, open_backend, open_model, run_rows
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import NotTriedError, show
from mqa_registry.types.blobs import is_same_example

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.testing.subject import Subject
    from mqa_registry.types import Example

TOLERANCE = 1e-6


def work(subject: Subject) -> None:
    """Encode ordinary examples, as a process of its own does."""
    with open_model(subject) as model:
        codec = model.codec
        codec.collate(codec.encode_parts(list_examples(subject, model.task)))


def _encode(subject: Subject) -> tuple[Codec, Sequence[Example], Sequence[Encoded]]:
    """The codec, ordinary examples, and what it encodes them as; not tried where that fails."""
    if failure := _find_failure(subject):
        raise NotTriedError(f"{failure}; see the rule `works`")
    with open_model(subject) as model:
        examples = list_examples(subject, model.task)
        return model.codec, examples, model.codec.encode(deepcopy(list(examples)))


def _find_failure(subject: Subject) -> str:
    with open_model(subject) as model:
        return _find_failure_of(model.codec, list_examples(subject, model.task))


def _find_failure_of(codec: Codec, examples: Sequence[Example]) -> str:
    """What goes wrong where examples are encoded and collated. A row that is refused by its own error is no failure."""
    try:
        if codec.find_unusable(examples) is not None:  # the run says so before anything is predicted
            return ""
        rows = codec.encode(deepcopy(list(examples)))
        parts = [part for row in rows for part in codec.split(row)]
        batch = codec.collate(parts)
        costs = codec.costs(parts)
    except RowError:
        return ""
    except MqaError as error:
        return f"it {error.fault}" if isinstance(error, ContributionError) else f"it refuses: {error.message}"
    lengths = {f"`{name}` of a batch": (len(array), len(parts)) for name, array in batch.items()}
    lengths["what `encode` gives"] = (len(rows), len(examples))
    wrong = next(
        (f"{what} has {found} rows for {rows}" for what, (found, rows) in lengths.items() if found != rows), ""
    )
    return wrong or (f"a row costs {min(costs)}" if min(costs) < 1 else "")


def _find_unusual_failure(kind: str) -> Callable[[Subject], str]:
    def find(subject: Subject) -> str:
        _encode(subject)
        with open_model(subject) as model:
            for example in list_examples(subject, model.task, kind):
                if found := _find_failure_of(model.codec, [example]):
                    return f"{found}, of {show(dict(example))}"
        return ""

    return find


def _find_dependent_row(subject: Subject) -> str:
    codec, examples, rows = _encode(subject)
    for number, example in enumerate(examples):
        (alone,) = codec.encode([deepcopy(example)])
        if name := _differing_array(rows[number], alone):
            return f"`{name}` is another array where {show(dict(example))} is encoded alone"
    return ""


def _differing_array(one: Any, other: Any) -> str:
    """The name of an array that two encoded rows do not share; empty where they are equal."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return "" if one == other else "row"
    names = [*one, *(name for name in other if name not in one)]
    return next((str(name) for name in names if not _are_equal(one.get(name), other.get(name))), "")


def _are_equal(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f"))


def _find_changed_input(subject: Subject) -> str:
    codec, examples, _ = _encode(subject)
    given = deepcopy([dict(example) for example in examples])
    codec.encode(given)
    pairs = zip(examples, given, strict=True)
    changed = next((pair for pair in pairs if not is_same_example(*pair)), None)
    return f"{show(dict(changed[0]))} had become {show(changed[1])}" if changed else ""


def _find_wrong_decoding(subject: Subject) -> str:
    codec, _, rows = _encode(subject)
    with open_model(subject) as model, open_backend(subject, model) as runner:
        try:
            forth = run_rows(subject, runner, codec, rows, len(rows))
            back = run_rows(subject, runner, codec, rows[::-1], len(rows))[::-1]
        except ContributionError as error:
            return f"it {error.fault}"
    if not are_near(forth, back, TOLERANCE):
        row = next(n for n in range(len(rows)) if not are_near(forth[n], back[n], TOLERANCE))
        return f"{show(forth[row])}, and {show(back[row])} where the rows are in another order"
    return ""


KINDS = (Task,)
RULES = (
    Rule(
        "works",
        "A task encodes each example as arrays by name, and collates rows to a batch with the rows first.",
        "Follow what was seen; `Trial(model=..., examples=...)` says what it is tried with.",
        _find_failure,
        KINDS,
    ),
    Rule(
        "rows-apart",
        "An example is encoded as the same arrays, alone and among others.",
        "Pad in `collate`, not in `encode`.",
        _find_dependent_row,
        KINDS,
    ),
    Rule(
        "input-kept",
        "A task leaves examples as they are.",
        "Copy a value before changing it.",
        _find_changed_input,
        KINDS,
    ),
    Rule(
        "empty-input",
        "An example with nothing in it is encoded, or refused by an error for its row.",
        "Encode it as no tokens with those that are always there, or raise a `BlobError`.",
        _find_unusual_failure("empty"),
        KINDS,
    ),
    Rule(
        "foreign-input",
        "Another script, and another form of an image, a sound or a table, is encoded, or refused by an error for its row.",
        "Convert what the model does not take, as grey images to colours.",
        _find_unusual_failure("foreign"),
        KINDS,
    ),
    Rule(
        "huge-input",
        "A huge example is encoded, or refused by an error for its row.",
        "Cut it to `limit`, or split it into parts.",
        _find_unusual_failure("huge"),
        KINDS,
    ),
    Rule(
        "decodes",
        "What a backend gives for encoded rows becomes one prediction for each, in their order, of the task's schema.",
        "Give a table of the columns of the schema, row by row.",
        _find_wrong_decoding,
        KINDS,
    ),
)
