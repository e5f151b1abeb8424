"""How the rows of a run are batched: so that no prediction depends on the batch, alike on every backend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry.errors import DataError
from mqa_registry.suite import Use
from tests.stand_ins import change_codec, make_backend


def _predictions(observations, *, perturbed=False):
    return next(seen for view, seen in observations.views.items() if bool(view.rows.perturb) == perturbed).predictions


def _row_by_row(engine):
    """What each row is predicted by itself, worked out from the text."""
    scores = [min(1.0, text.count("e") * 4 / len(text)) for text in engine.table["text"].to_pylist()]
    return ["many" if score > 0.5 else "few" for score in scores]


@pytest.fixture
def leaking(engine):
    engine.letters.leaks = True
    return engine


def test_a_reference_that_sees_padding_is_run_in_equal_lengths(leaking):
    observations = leaking.run(leaking.suite(leaking.check()))
    assert all(len(set(map(len, batch))) == 1 for batch in leaking.letters.batches)
    assert any(len(batch) > 1 for batch in leaking.letters.batches)
    assert _predictions(observations).to_pylist() == _row_by_row(leaking)


def test_the_finding_is_reported_in_a_second_run_too(leaking):
    for _ in range(2):
        (finding,) = leaking.run(leaking.suite(leaking.check())).findings
        assert (finding.level, finding.topic) == ("warning", "one")
        assert "when a row is padded; rows are run in batches of rows of equal length" in finding.message
    assert leaking.letters.opened == 1


def test_a_sound_reference_has_no_finding(engine):
    assert engine.run(engine.suite(engine.check())).findings == ()


def test_another_check_changes_no_prediction(leaking, swap):
    alone = _predictions(leaking.run(leaking.suite(leaking.check())))
    with_another = leaking.suite(leaking.check("swapped", swap), leaking.check())
    leaking.letters.digest = "letters-2"
    assert _predictions(leaking.run(with_another)).table == alone.table


def test_every_backend_gets_the_batches_of_the_reference(leaking):
    suite = leaking.suite(leaking.check(on=("one", "two")), backends=("one", "two"))
    other = make_backend("other", leaking.letters.runner, identity=leaking.letters.identity)
    leaking.run(replace(suite, backends=suite.backends | {"two": Use("letters/other", other)}))
    batches = leaking.letters.batches
    assert batches[: len(batches) // 2] == batches[len(batches) // 2 :] != []


def test_the_model_is_measured_once(leaking, swap):
    leaking.run(leaking.suite(leaking.check()))
    passes = len(leaking.letters.measured)
    assert passes
    leaking.run(leaking.suite(leaking.check("swapped", swap)))
    assert len(leaking.letters.measured) == passes


def test_fresh_measures_the_batching_rule_again(leaking):
    leaking.run(leaking.suite(leaking.check()))
    passes = len(leaking.letters.measured)
    leaking.run(leaking.suite(leaking.check()), fresh=True)
    assert len(leaking.letters.measured) == 2 * passes


def test_predictions_of_other_batches_are_not_taken(engine):
    engine.run(engine.suite(engine.check()))
    engine.letters.leaks = True  # the same model by its digest, and measured anew it is another
    assert engine.run(engine.suite(engine.check()), fresh=True).work["one"].found == 0
    assert _predictions(engine.run(engine.suite(engine.check()))).to_pylist() == _row_by_row(engine)


def test_rows_of_one_length_alone_do_not_settle_what_padding_does(leaking):
    words = leaking.table
    short = [text for text in words["text"].to_pylist() if len(text) == 6]
    leaking.table = words.filter([len(text) == 6 for text in words["text"].to_pylist()])
    assert len(short) > 2
    leaking.run(leaking.suite(leaking.check()))
    leaking.table = words
    assert _predictions(leaking.run(leaking.suite(leaking.check()))).to_pylist() == _row_by_row(leaking)


def test_rows_that_are_run_alone_only_are_taken_out_of_their_batch(engine):
    engine.letters.refuses = "rock"
    observations = engine.run(engine.suite(engine.check()))
    assert _predictions(observations).to_pylist() == _row_by_row(engine)


def test_what_a_task_remarks_reaches_the_report(engine, monkeypatch):
    _codec(engine, monkeypatch, remarks=["it pads with `e`"])
    for _ in range(2):
        assert [found.message for found in engine.run(engine.suite(engine.check())).findings] == ["it pads with `e`"]


def test_truncated_rows_are_counted_in_a_second_run_too(engine, monkeypatch):
    def full_costs(examples, rows):
        return [
            len(row["codes"]) + 10 * ("tree" in example["text"]) for example, row in zip(examples, rows, strict=True)
        ]

    _codec(engine, monkeypatch, full_costs=full_costs, limit=6)
    for _ in range(2):
        (found,) = engine.run(engine.suite(engine.check())).truncations.values()
        assert (found.rows, found.share, found.longest, found.limit) == (5, 0.1, 17, 6)


def test_a_row_that_the_model_cannot_run_is_found_before_anything_is_predicted(engine, monkeypatch):
    def unusable(examples):
        indices = np.flatnonzero(["cloud" in example["text"] for example in examples])
        return (int(indices[0]), "clouds are not text") if len(indices) else None

    _codec(engine, monkeypatch, find_unusable=unusable)
    with pytest.raises(DataError, match=r"row `\w+` of `words` cannot be run: clouds are not text"):
        engine.run(engine.suite(engine.check()))
    assert engine.letters.batches == []


@pytest.mark.parametrize("refused", ["cloud", ""])  # one word, all words
def test_a_row_that_a_task_refuses_is_named(engine, monkeypatch, refused):
    make, words = engine.letters.codec, engine.table["text"].to_pylist()
    engine.table = engine.table.append_column("id", pa.array([f"w{number}" for number in range(len(words))]))

    def encode(examples):
        if any(refused in example["text"] for example in examples):
            raise DataError("clouds are not text", hint="leave them out")
        return make(None).encode(examples)

    _codec(engine, monkeypatch, encode=encode)
    with pytest.raises(DataError) as error:
        engine.run(engine.suite(engine.check()))
    first = next(number for number, word in enumerate(words) if refused in word)
    assert error.value.message == f"row `w{first}` of `words` cannot be run: clouds are not text"
    assert error.value.hint == "leave them out"


def _codec(engine, monkeypatch, **more):
    make = engine.letters.codec
    monkeypatch.setattr(engine.letters, "codec", lambda model: change_codec(make(model), **more))


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


def test_every_backend_gets_rows_of_the_fixed_length(padding):
    padding.run(suite(padding, two=lambda model_under_test: LENGTH))
    assert {len(text) for batch in padding.letters.batches for text in batch} == {LENGTH}
    half = len(padding.letters.batches) // 2
    assert padding.letters.batches[:half] == padding.letters.batches[half:] != []


def test_a_fixed_length_is_reported_and_truncated_rows_are_counted_in_a_second_run_too(padding):
    texts = padding.table["text"].to_pylist()
    for _ in range(2):
        seen = padding.run(suite(padding, two=lambda model_under_test: LENGTH))
        (finding,) = [found for found in seen.findings if "exactly 6 tokens" in found.message]
        assert (finding.level, finding.topic) == ("note", "two")
        (cut,) = seen.truncations.values()
        assert (cut.rows, cut.longest, cut.limit) == (sum(len(text) > LENGTH for text in texts), 8, LENGTH)
    assert padding.letters.opened == 2


def test_a_model_that_depends_on_padding_is_reported(padding):
    seen = padding.run(suite(padding, two=lambda model_under_test: 40))
    (finding,) = [found for found in seen.findings if found.topic == "model"]
    assert finding.level == "warning"
    assert "when a row is padded to 40 tokens, as all are" in finding.message


def test_without_a_fixed_length_rows_keep_their_lengths(padding):
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
def test_a_backend_with_an_invalid_length_fails_alone(padding, given):
    def fixed_length(model_under_test):
        return 1 // 0 if given == "crash" else given

    seen = padding.run(suite(padding, two=fixed_length))
    (failure,) = [observed.failure for view, observed in seen.views.items() if view.backend == "two"]
    assert "letters/two" in failure.message
    assert all(observed.predictions is not None for view, observed in seen.views.items() if view.backend == "one")
