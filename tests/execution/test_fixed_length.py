"""Backends that take rows of so many tokens alone: every backend of a run gets such rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mqa_registry.errors import DataError
from mqa_registry.suite import Use
from tests.stand_ins import change_codec, make_backend

LENGTH = 6


@pytest.fixture
def padding(engine, monkeypatch):
    """The engine, whose task can make rows of one length: of spaces, or cut."""
    make = engine.letters.codec

    def of_length(codec, length):
        def encode(examples):
            return codec.encode([{"text": f"{one['text']:{length}.{length}}"} for one in examples])

        costs = lambda examples, rows: [len(one["text"]) for one in examples]  # noqa: E731 - as the task's own
        return change_codec(codec, encode=encode, length=length, full_costs=costs, limit=length)

    def codec(model):
        plain = make(model)
        return change_codec(plain, with_length=lambda length: of_length(plain, length))

    monkeypatch.setattr(engine.letters, "codec", codec)
    return engine


def suite(engine, **lengths):
    """A suite of the backend `one`, and of one by each of these names that asks for a length."""
    whole = engine.suite(engine.check(on=("one", *lengths)), backends=("one", *lengths))

    def use(name, fixed_length):
        made = make_backend(name, engine.letters.runner, identity=engine.letters.identity, fixed_length=fixed_length)
        return Use(f"letters/{name}", made)

    return replace(whole, backends=whole.backends | {name: use(name, given) for name, given in lengths.items()})


def test_every_backend_gets_rows_of_that_length(padding):
    padding.run(suite(padding, two=lambda model_under_test: LENGTH))
    assert {len(text) for batch in padding.letters.batches for text in batch} == {LENGTH}
    half = len(padding.letters.batches) // 2
    assert padding.letters.batches[:half] == padding.letters.batches[half:] != []


def test_it_is_told_and_what_was_cut_is_counted_in_a_second_run_too(padding):
    texts = padding.table["text"].to_pylist()
    for _ in range(2):
        seen = padding.run(suite(padding, two=lambda model_under_test: LENGTH))
        (finding,) = [found for found in seen.findings if "exactly 6 tokens" in found.message]
        assert (finding.level, finding.subject) == ("note", "two")
        (cut,) = seen.truncations.values()
        assert (cut.rows, cut.longest, cut.limit) == (sum(len(text) > LENGTH for text in texts), 8, LENGTH)
    assert padding.letters.opened == 2


def test_a_model_that_sees_the_padding_is_told_of(padding):
    seen = padding.run(suite(padding, two=lambda model_under_test: 40))
    (finding,) = [found for found in seen.findings if found.subject == "model"]
    assert finding.level == "warning"
    assert "when a row is padded to 40 tokens, as all are" in finding.message


def test_without_such_a_backend_rows_are_as_long_as_they_are(padding):
    padding.run(suite(padding, two=lambda model_under_test: LENGTH))
    before = len(padding.letters.batches)
    observations = padding.run(suite(padding, two=lambda model_under_test: None))
    lengths = {len(text) for batch in padding.letters.batches[before:] for text in batch}
    assert lengths == set(map(len, padding.table["text"].to_pylist()))  # and nothing is of the store
    assert observations.findings == ()


def test_a_task_that_cannot_pad_gives_rows_as_they_are(engine):
    seen = engine.run(suite(engine, two=lambda model_under_test: LENGTH))
    assert max(len(text) for batch in engine.letters.batches for text in batch) > LENGTH
    assert seen.findings == ()


def test_two_lengths_are_refused(padding):
    with pytest.raises(
        DataError, match="`two` takes rows of exactly 6 tokens and backend `three` takes rows of exactly 8"
    ):
        padding.run(suite(padding, two=lambda model_under_test: LENGTH, three=lambda model_under_test: np.int64(8)))
    assert padding.letters.batches == []


@pytest.mark.parametrize("given", [0, -1, True, 2.5, "six", "crash"])
def test_a_backend_that_gives_nonsense_for_a_length_costs_no_other(padding, given):
    def fixed_length(model_under_test):
        return 1 // 0 if given == "crash" else given

    seen = padding.run(suite(padding, two=fixed_length))
    (failure,) = [observed.failure for view, observed in seen.views.items() if view.backend == "two"]
    assert "letters/two" in failure.message
    assert all(observed.predictions is not None for view, observed in seen.views.items() if view.backend == "one")
