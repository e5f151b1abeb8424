"""A function's keyword-only parameters are its options."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MinLen

from mqa_registry.contributions import (
    Comparison,
    Dataset,
    Metric,
    NoOptions,
    Perturbation,
    Probe,
    Replay,
    Slice,
)
from mqa_registry.errors import PluginError
from mqa_registry.options import contribution_options, find_signature_problems, read_options

if TYPE_CHECKING:
    from decimal import Decimal


def metric(function):
    return find_signature_problems(Metric("m", function, schemas=("label",)))


def words_for(function):
    return {option.name: option.type for option in read_options(function)}


def test_options_are_the_keyword_only_parameters_in_their_order():
    def f(predictions, targets, *, average: str = "macro", beta: float): ...

    average, beta = read_options(f)
    assert (average.name, average.default, average.required) == ("average", "macro", False)
    assert (beta.name, beta.required) == ("beta", True)


def test_types_are_described_in_the_words_of_a_suite():
    def f(
        *,
        text: str,
        count: int,
        share: Annotated[float, Ge(0), Le(1)],
        above: Annotated[float, Gt(0), Lt(1)],
        part: Annotated[float, Gt(0), Le(1)],
        rows: Annotated[int, Ge(1)] | None = None,
        flag: bool = False,
        path: Path,
        model: str | Path,
        average: Literal["macro", "micro"],
        level: Literal[1, 2, 3],
        names: list[str],
        some: Annotated[tuple[str, ...], MinLen(1)],
        pair: Annotated[list[int], MinLen(2)],
        columns: dict[str, str],
        device: int | Literal["auto"],
        grid: list[list[int]],
    ): ...

    assert words_for(f) == {
        "text": "a string",
        "count": "a whole number",
        "share": "a number from 0 to 1",
        "above": "a number above 0 and below 1",
        "part": "a number above 0 and at most 1",
        "rows": "a whole number of at least 1",
        "flag": "true or false",
        "path": "a path",
        "model": "a string or a path",
        "average": '"macro" or "micro"',
        "level": "1, 2 or 3",
        "names": "an array of strings",
        "some": "a non-empty array of strings",
        "pair": "an array of whole numbers, of at least 2 items",
        "columns": "a table of strings",
        "device": 'a whole number or "auto"',
        "grid": "an array of arrays of whole numbers",
    }


def test_an_options_help_is_the_sentence_of_the_docstring_about_it():
    def f(*, rate: float = 0.1, size: int, other: int = 3):
        """Slips of the keyboard, by `rate`.

        Of `size` words each. `rate` is the share of
        the characters. And `rate` again.
        """

    rate, size, other = read_options(f)
    assert [option.doc for option in (rate, size, other)] == [
        "`rate` is the share of the characters",
        "Of `size` words each",
        "",
    ]
    assert str(rate) == "`rate` is a number, 0.1 if left out: the share of the characters"
    assert str(size) == "`size` is a whole number: Of `size` words each"
    assert str(other) == "`other` is a whole number, 3 if left out"


def test_an_option_is_numeric_where_one_number_will_do():
    def f(
        *,
        count: Annotated[int, Ge(1)] | None = None,
        share: float = 0.5,
        level: Literal[1, 2] = 1,
        word: Literal["a"] = "a",
        flag: bool = False,
        counts: list[int],
    ): ...

    assert [option.name for option in read_options(f) if option.numeric] == ["count", "share", "level"]


def test_positional_parameters_may_name_types_for_type_checkers_alone():
    def f(predictions: Decimal, targets: NoSuchThing, *, beta: float = 1.0): ...  # noqa: F821

    assert metric(f) == ()
    assert words_for(f) == {"beta": "a number"}


def test_a_type_that_cannot_be_resolved_is_reported_with_a_fix():
    def f(predictions, targets, *, beta: Decimal): ...

    (problem,) = metric(f)
    assert "`beta`" in problem
    assert "'Decimal' is not defined" in problem
    assert "outside of `if TYPE_CHECKING:`" in problem
    with pytest.raises(PluginError, match="beta"):
        read_options(f)


def test_a_decorated_function_has_the_options_of_the_one_inside():
    def decorated(function):
        @wraps(function)
        def outer(*args, **kwargs):
            return function(*args, **kwargs)

        return outer

    @decorated
    def f(predictions, targets, *, beta: float = 1.0): ...

    assert metric(f) == ()
    assert words_for(f) == {"beta": "a number"}


def missing(predictions): ...
def extra(predictions, targets, average): ...
def swapped(targets, predictions): ...
def hidden(predictions, targets, **options): ...
def starred(predictions, targets, *rest): ...
def untyped(predictions, targets, *, beta): ...
def unspellable(predictions, targets, *, beta: bytes): ...
def bare_list(predictions, targets, *, names: list): ...
def wrong_keys(predictions, targets, *, names: dict[int, str]): ...
def fixed_pair(predictions, targets, *, pair: tuple[int, str]): ...
def taken(predictions, targets, *, use: str): ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (missing, "a metric takes (predictions, targets, *, options), and its function (predictions)"),
        (extra, "`average` must be keyword-only to be an option: put `*` before it in the signature"),
        (swapped, "a metric takes (predictions, targets, *, options), and its function (targets, predictions)"),
        (hidden, "`**options` hides what it takes: name every option as a keyword-only parameter"),
        (starred, "`*rest` hides what it takes: name every option as a keyword-only parameter"),
        (untyped, "option `beta` has no type: annotate it"),
        (unspellable, "option `beta` has the type `bytes`, which a suite file cannot hold"),
        (bare_list, "option `names` has the type `list`, which a suite file cannot hold"),
        (wrong_keys, "option `names` has the type `dict[int, str]`, which a suite file cannot hold"),
        (fixed_pair, "option `pair` has the type `tuple[int, str]`, which a suite file cannot hold"),
        (taken, "option `use` cannot be set: the key is the host's in the table of a metric"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_signature_is_reported_to_its_author(function, message):
    assert metric(function) == (message,)


def test_something_else_than_a_plain_function_is_refused():
    (problem,) = metric(print)
    assert problem.startswith("its function must be a plain function")
    (problem,) = metric("accuracy")
    assert problem.startswith("its function must be a plain function")


def test_unused_arguments_may_begin_with_an_underscore():
    def f(_predictions, _targets): ...

    assert metric(f) == ()


def test_a_metric_may_take_groups():
    def plain(predictions, targets): ...
    def grouped(predictions, targets, groups, *, base: str = ""): ...

    assert metric(grouped) == ()
    assert Metric("m", grouped, schemas=("label",)).takes_groups
    assert not Metric("m", plain, schemas=("label",)).takes_groups


def test_a_slice_takes_what_it_sees():
    def row(example): ...
    def table(table, *, column: str): ...
    def predictions_only(predictions): ...

    assert find_signature_problems(Slice("s", row)) == ()
    assert find_signature_problems(Slice("s", table, inputs="table")) == ()
    assert find_signature_problems(Slice("s", predictions_only, inputs="predictions")) == ()
    (problem,) = find_signature_problems(Slice("s", row, inputs="table"))
    assert problem == "a slice takes (table, *, options), and its function (example)"


def test_a_perturbation_takes_the_target_where_it_moves_it():
    def still(example, rng): ...
    def moving(example, target, rng): ...

    def problems(function, *, moves):
        return find_signature_problems(
            Perturbation("p", function, modality="text", target_effect="moves" if moves else "stays")
        )

    assert problems(still, moves=False) == problems(moving, moves=True) == ()
    assert problems(still, moves=True)
    assert problems(moving, moves=False)


def test_the_hosts_own_keys_are_no_options():
    def rows(context, *, limit: int = 3): ...

    assert find_signature_problems(Dataset("d", rows)) == ()
    (problem,) = find_signature_problems(Dataset("d", rows), ("use", "limit"))
    assert "`limit`" in problem
    assert find_signature_problems(Slice("s", lambda example: None)) == ()


def test_the_evidence_of_a_comparison_takes_some_of_its_options():
    def flips(reference, candidate, *, tie: float = 0.1): ...
    def plain(reference, candidate): ...
    def more(reference, candidate, *, worst: int = 20): ...

    assert find_signature_problems(Comparison("c", flips, schemas=("label",), evidence=plain)) == ()
    assert find_signature_problems(Comparison("c", flips, schemas=("label",), evidence=more)) == (
        "its `evidence` takes the option `worst`, which its function does not",
    )


@dataclass(frozen=True, kw_only=True)
class BaseOptions:
    """How long it takes.

    `repetitions` is how many runs count.
    """

    repetitions: Annotated[int, Ge(1)] = 20


@dataclass(frozen=True, kw_only=True)
class WatchOptions(BaseOptions):
    """What is run: `rows` of the data, in batches."""

    rows: int
    batches: tuple[int, ...] = (1, 8)


class Watch(Probe[WatchOptions]):
    """Watches."""

    name = "watch"
    inputs = "rows"
    outputs = ("value",)

    def observe(self, context, options): ...
    def numbers(self, table): ...


def test_the_options_of_a_class_are_the_fields_of_its_dataclass_and_of_the_bases():
    repetitions, rows, batches = contribution_options(Watch())
    assert (repetitions.name, repetitions.default, repetitions.type) == (
        "repetitions",
        20,
        "a whole number of at least 1",
    )
    assert (rows.name, rows.required, batches.default) == ("rows", True, (1, 8))
    assert repetitions.doc == "`repetitions` is how many runs count"
    assert rows.doc == "What is run: `rows` of the data, in batches"
    assert find_signature_problems(Watch()) == ()


def test_the_documentation_of_a_class_has_that_of_its_options():
    assert Watch().documentation == (
        "Watches.\n\nWhat is run: `rows` of the data, in batches.\n\nHow long it takes.\n\n"
        "`repetitions` is how many runs count."
    )


def test_a_class_that_derives_from_another_has_its_options():
    class Other(Watch):
        """Watches something else."""

    assert contribution_options(Other()) == contribution_options(Watch())


def test_a_class_names_its_options():
    class Bare(Watch, Probe):
        """Names none."""

        options = None

    (problem,) = find_signature_problems(Bare())
    assert problem == "it names no options: write `class Bare(Watch[OPTIONS])`, OPTIONS a dataclass or `NoOptions`"


def test_options_are_a_frozen_dataclass():
    @dataclass
    class Loose:
        """Can be changed."""

    class Plain:
        """No dataclass."""

    for options in (Loose, Plain):
        given = type("Given", (Watch,), {"options": options})
        (problem,) = find_signature_problems(given())
        assert problem.startswith(f"its options `{options.__name__}` must be a frozen dataclass")


def test_a_field_is_held_to_what_an_option_can_be():
    @dataclass(frozen=True, kw_only=True)
    class Options:
        use: str = ""
        seen: object = None

    given = type("Given", (Watch,), {"options": Options})
    assert find_signature_problems(given()) == (
        "option `use` cannot be set: the key is the host's in the table of a probe",
        "option `seen` has the type `object`, which a suite file cannot hold",
    )


def test_a_replay_has_the_option_schema():
    class Log(Replay[NoOptions]):
        """A log."""

        name = "log"

        def read(self, view, options): ...

    (problem,) = find_signature_problems(Log())
    assert problem == "its options `NoOptions` must have `schema`, the prediction schema of what it reads"
