from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from mqa_registry import RunnerFacts
from mqa_registry.errors import DataError
from mqa_registry.plan import RowSet, View
from mqa_registry.suite import Expect, Severity, Use
from tests.stand_ins import make_backend


def _view(observations, *, perturbed=False):
    return next(seen for view, seen in observations.views.items() if bool(view.rows.perturb) == perturbed)


def test_every_distinct_row_is_in_one_batch_once(engine):
    engine.run(engine.suite(engine.check()))
    ran = [text for batch in engine.letters.batches for text in batch]
    assert sorted(ran) == sorted(set(engine.table["text"].to_pylist()))


def test_predictions_stand_in_the_order_of_the_rows(engine):
    observed = _view(engine.run(engine.suite(engine.check())))
    assert observed.predictions.ids.to_pylist() == observed.perturbed.rows.ids.to_pylist()
    expected = ["many" if text.count("e") * 4 / len(text) > 0.5 else "few" for text in engine.table["text"].to_pylist()]
    assert observed.predictions.to_pylist() == expected


def test_equal_views_are_predicted_once(engine):
    both = engine.suite(engine.check(), engine.check(expect={"value": Expect(min=0.9)}))
    engine.run(both)
    assert sum(map(len, engine.letters.batches)) == len(engine.table)


def test_rows_that_are_encoded_alike_are_predicted_once(engine, shout):
    observations = engine.run(engine.suite(engine.check(), engine.check("loud", shout)))
    assert sum(map(len, engine.letters.batches)) == len(engine.table)
    assert _view(observations).predictions.to_pylist() == _view(observations, perturbed=True).predictions.to_pylist()


def test_a_row_is_encoded_once_for_all_backends(engine):
    engine.run(engine.suite(engine.check(on=("one", "two")), backends=("one", "two")))
    assert len(engine.letters.encoded) == len(engine.table)


def test_batches_hold_rows_of_like_length_within_the_budget(engine):
    engine.run(engine.suite(engine.check()))
    lengths = [[len(text) for text in batch] for batch in engine.letters.batches]
    assert all(len(batch) * max(batch) <= engine.letters.budget for batch in lengths)
    assert [max(batch) for batch in lengths] == sorted((max(batch) for batch in lengths), reverse=True)


def test_a_second_run_opens_no_backend_and_encodes_nothing(engine):
    first = engine.run(engine.suite(engine.check()))
    opened, encoded = engine.letters.opened, len(engine.letters.encoded)
    second = engine.run(engine.suite(engine.check()))
    assert (engine.letters.opened, len(engine.letters.encoded)) == (opened, encoded)
    assert _view(second).predictions.table == _view(first).predictions.table
    assert second.backends == first.backends != {}
    assert (second.work["one"].found, second.work["one"].predicted) == (50, 0)


def test_fresh_ignores_cached_predictions(engine):
    engine.run(engine.suite(engine.check()))
    assert engine.run(engine.suite(engine.check()), fresh=True).work["one"].predicted == 50


def test_another_model_never_gets_a_stored_prediction(engine):
    engine.run(engine.suite(engine.check()))
    engine.letters.digest = "letters-2"
    assert engine.run(engine.suite(engine.check())).work["one"].found == 0


def test_a_backend_has_a_digest_that_is_another_where_its_predictions_may_be(engine):
    def read_digests():
        return engine.run(engine.suite(engine.check())).backends["one"].digest

    first = read_digests()
    assert re.fullmatch("sha256:[0-9a-f]{64}", first)
    assert read_digests() == first
    engine.letters.digest = "letters-2"
    assert read_digests() != first


def test_only_what_is_new_is_predicted(engine, swap):
    engine.run(engine.suite(engine.check()))
    done = sum(map(len, engine.letters.batches))
    work = engine.run(engine.suite(engine.check(), engine.check("swapped", swap))).work["one"]
    assert work.found >= done
    assert 0 < work.predicted <= len(engine.table)


def test_a_batch_that_does_not_fit_is_halved_until_it_does(engine):
    whole = _view(engine.run(engine.suite(engine.check()))).predictions.table
    engine.letters.most_rows = 2
    engine.letters.digest = "letters-2"
    assert _view(engine.run(engine.suite(engine.check()))).predictions.table == whole


def test_one_row_that_does_not_fit_ends_its_backend_alone(engine):
    engine.letters.most_rows = 0
    observed = _view(engine.run(engine.suite(engine.check())))
    assert observed.predictions is None
    assert observed.failure.message == "too many rows"
    assert not observed.failure.trace


def test_a_crash_is_kept_with_its_traceback_and_what_was_predicted_before_stays(engine):
    engine.letters.crash_after = 2
    failed = _view(engine.run(engine.suite(engine.check())))
    assert "the machine is on fire" in failed.failure.message
    assert "RuntimeError" in failed.failure.trace
    engine.letters.crash_after = 10_000
    resumed = engine.run(engine.suite(engine.check())).work["one"]
    assert resumed.found == sum(map(len, engine.letters.batches[:2]))


class Square:
    """A runner whose scores have an axis too many."""

    identity, facts, budget = {"device": "odd"}, RunnerFacts(), 64

    def run(self, batch):
        return {"score": np.zeros((len(batch["codes"]), 2))}


@pytest.mark.parametrize("names", [("odd", "one"), ("one", "odd")])
def test_outputs_that_the_task_cannot_read_are_a_candidates_own_failure(engine, monkeypatch, names):
    decode = engine.letters._decode

    def strict(outputs, rows):
        if outputs["score"].ndim > 1:
            raise DataError("the model gives scores of two axes")
        return decode(outputs, rows)

    monkeypatch.setattr(engine.letters, "_decode", strict)
    suite = engine.suite(engine.check(on=("odd", "one")), backends=names)
    odd = make_backend(
        "odd", lambda model_under_test: nullcontext(Square()), identity=lambda model_under_test: Square.identity
    )
    suite = replace(suite, backends=suite.backends | {"odd": Use("letters/odd", odd)})
    if names[0] == "odd":  # nothing shows that the task fits the model
        with pytest.raises(DataError, match="the model gives scores of two axes"):
            engine.run(suite)
        return
    views = {view.backend: seen for view, seen in engine.run(suite).views.items()}
    assert views["one"].failure is None
    assert views["odd"].failure.message == (
        "the task cannot read the outputs of backend `odd`: the model gives scores of two axes"
    )


def test_a_resumed_run_forms_the_same_batches(engine):
    engine.run(engine.suite(engine.check()))
    whole = engine.letters.batches[:]
    engine.letters.batches.clear()
    engine.letters.digest, engine.letters.crash_after = "letters-2", 3
    engine.run(engine.suite(engine.check()))
    engine.letters.crash_after = 10_000
    engine.run(engine.suite(engine.check()))
    assert engine.letters.batches == whole


def test_a_backend_that_runs_elsewhere_stores_nothing_under_the_declared_identity(engine):
    engine.letters.landed = {"device": "elsewhere"}
    engine.run(engine.suite(engine.check()))
    engine.letters.landed = None
    assert engine.run(engine.suite(engine.check())).work["one"].found == 0


def test_a_row_without_a_finite_output_has_no_prediction(engine):
    engine.letters.poison = "stone"
    predictions = _view(engine.run(engine.suite(engine.check()))).predictions
    assert predictions.missing.sum() == 5
    assert [answer for answer, gone in zip(predictions.to_pylist(), predictions.missing, strict=True) if gone] == [
        None
    ] * 5


def test_a_label_the_model_does_not_know_is_found_before_anything_is_predicted(engine):
    engine.table = engine.table.set_column(1, "label", [["few"] * 7 + ["Manny"] * 43])
    with pytest.raises(
        DataError, match="row 8 of the data set `words` has the label `Manny`, which the model"
    ) as caught:
        engine.run(engine.suite(engine.check()))
    assert caught.value.message.endswith("does not know; it knows `few`, `many`")
    assert caught.value.hint == "did you mean `many`?"
    assert engine.letters.batches == []


def test_the_randomness_of_a_perturbation_depends_on_the_row_alone(engine, swap, shout):
    alone = _view(engine.run(engine.suite(engine.check("swapped", swap))), perturbed=True)
    observations = engine.run(engine.suite(engine.check("loud", shout), engine.check(), engine.check("swapped", swap)))
    views = [seen for view, seen in observations.views.items() if "swap" in view.rows.name]
    assert views[0].perturbed.rows.table == alone.perturbed.rows.table


def test_another_seed_perturbs_otherwise(engine, swap):
    one = _view(engine.run(engine.suite(engine.check("swapped", swap))), perturbed=True)
    two = _view(engine.run(engine.suite(engine.check("swapped", swap), seed=8)), perturbed=True)
    assert one.perturbed.rows.table != two.perturbed.rows.table


def test_a_declined_row_is_counted_and_left_out(engine, swap):
    texts = engine.table["text"].to_pylist()
    texts[3] = ""
    engine.table = engine.table.set_column(0, "text", [texts])
    seen = _view(engine.run(engine.suite(engine.check("swapped", swap))), perturbed=True).perturbed
    assert (seen.declined, len(seen.rows)) == (1, 49)


def test_a_crash_of_a_perturbation_ends_its_views_alone(engine):
    def explode(example, rng):
        raise ValueError("boom")

    observations = engine.run(engine.suite(engine.check(), engine.check("exploded", explode)))
    assert _view(observations).failure is None
    assert "boom" in _view(observations, perturbed=True).failure.message


def test_row_sets_are_named_for_files(swap, engine):
    steps = engine.check("swapped", swap).steps
    name = RowSet("words", steps[0].perturb).name
    assert name.startswith("words.swap-")
    assert RowSet("words").name == "words"
    assert View("one", RowSet("words", Severity().perturb)) == View("one", RowSet("words"))
