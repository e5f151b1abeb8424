"""Probes: they see what they ask to see, what they saw is kept, and their failures are their own."""

from dataclasses import replace

import pyarrow as pa
import pytest

from mqa_registry import plan as plans
from mqa_registry.errors import DataError, MqaError, NotRunError
from mqa_registry.suite import Against, Expect, Use
from tests.stand_ins import make_probe, make_task


def numbers(table):
    return {"value": table.column("score").to_numpy()}


class Watcher:
    """A probe that notes every context it was given."""

    def __init__(self, give=None):
        self.contexts = []
        self.give = give or (lambda context: pa.table({"score": [1.0, 0.5]}))

    def use(self, name="watch/scene", **declared):
        def watch(context):
            self.contexts.append(context)
            return self.give(context)

        given = {"numbers": numbers, "inputs": "runner"} | declared
        return Use(name, make_probe("scene", watch, **given))


def check(engine, use, **rest):
    return engine.check("probed", measure=use, expect={"value": Expect(min=0.0)}, **rest)


def only(observations):
    (seen,) = observations.probe_results.values()
    return seen


def test_a_probe_of_a_runner_runs_the_model_on_rows_that_it_encodes_itself(engine):
    def give(context):
        examples = list(context.view.rows.examples())[:3]
        codec = context.model_under_test.codec
        outputs = context.view.runner.run(codec.collate(codec.encode(examples)))
        return pa.table({"score": outputs["score"]})

    watcher = Watcher(give)
    seen = only(engine.run(engine.suite(check(engine, watcher.use()))))
    assert seen.failure is None
    assert seen.table.num_rows == 3
    assert engine.letters.opened == 1
    assert len(engine.letters.batches) == 1, "the view itself is not predicted"


def test_the_table_of_a_probe_is_cached(engine):
    watcher = Watcher()
    suite = engine.suite(check(engine, watcher.use()))
    first, second = only(engine.run(suite)), only(engine.run(suite))
    assert len(watcher.contexts) == 1
    assert first.table.equals(second.table)


def test_a_probe_runs_again_with_fresh_and_where_it_is_not_cacheable(engine):
    watcher, clock = Watcher(), Watcher()
    suite = engine.suite(check(engine, watcher.use()))
    engine.run(suite)
    engine.run(suite, fresh=True)
    assert len(watcher.contexts) == 2
    timing = engine.suite(check(engine, clock.use(cacheable=False)))
    engine.run(timing)
    engine.run(timing)
    assert len(clock.contexts) == 2


@pytest.mark.parametrize("change", ["model", "rows", "seed", "version"])
def test_a_probe_runs_again_where_anything_it_depends_on_differs(engine, change):
    watcher = Watcher()
    engine.run(engine.suite(check(engine, watcher.use())))
    seed, version = (8 if change == "seed" else 7), (2 if change == "version" else 1)
    if change == "model":
        engine.letters.digest = "letters-2"
    if change == "rows":
        engine.table = engine.table.slice(1)
    engine.run(engine.suite(check(engine, watcher.use(version=version)), seed=seed))
    assert len(watcher.contexts) == 2


def test_nothing_is_cached_under_the_declared_identity_of_a_backend_that_opens_as_another(engine):
    watcher = Watcher(lambda context: pa.table({"score": [float(len(context.view.runner.identity))]}))
    suite = engine.suite(check(engine, watcher.use()))
    engine.letters.landed = {"device": "elsewhere"}
    engine.run(suite)
    engine.letters.landed = None
    engine.run(suite)
    assert len(watcher.contexts) == 2


def test_a_probe_of_predictions_sees_those_of_its_rows_in_their_order(engine):
    watcher = Watcher(lambda context: pa.table({"score": context.view.predictions.probabilities[:, 1]}))
    observations = engine.run(engine.suite(check(engine, watcher.use(inputs="predictions"))))
    (context,) = watcher.contexts
    assert context.view.predictions.ids.equals(context.view.rows.ids)
    assert only(observations).table.num_rows == len(engine.table)
    with pytest.raises(LookupError, match="declare"):
        _ = context.view.runner


def test_a_probe_of_rows_runs_once_for_all_backends_and_loads_no_model(engine):
    watcher = Watcher()
    suite = engine.suite(check(engine, watcher.use(inputs="rows"), on=("one", "two")), backends=("one", "two"))
    plan = plans.make(suite)
    assert [case.backend for case in plan.cases] == [""]
    assert only(engine.run(suite)).table is not None
    assert engine.letters.opened == 0
    with pytest.raises(LookupError, match="declare"):
        _ = watcher.contexts[0].view.predictions


@pytest.mark.parametrize("encodes", [True, False])
def test_a_probe_of_rows_has_the_model_where_it_encodes_them_and_no_backend_is_opened(engine, encodes):
    watcher = Watcher()
    assert only(engine.run(engine.suite(check(engine, watcher.use(inputs="rows", encodes=encodes))))).failure is None
    found = watcher.contexts[0].model_under_test
    assert (found is not None) == encodes
    assert engine.letters.opened == 0
    assert found is None or len(found.codec.encode([{"text": "tree"}])) == 1


def test_a_probe_that_encodes_rows_says_why_there_is_no_model(engine, monkeypatch):
    def refuse(*_given):
        raise NotRunError("no such model here")

    monkeypatch.setattr(engine.letters, "model", refuse)
    watcher = Watcher()
    observed = only(engine.run(engine.suite(check(engine, watcher.use(inputs="rows", encodes=True)))))
    assert observed.failure.message == "no such model here"
    assert watcher.contexts == []


def test_a_probe_that_compares_sees_the_reference_backend_and_both_are_loaded_once(engine):
    def give(context):
        assert (context.reference.backend, context.view.backend) == ("one", "two")
        assert context.view.runner is context.view.runner
        assert context.view.runner is not context.reference.runner
        return pa.table({"score": [1.0]})

    watcher = Watcher(give)
    uses = [watcher.use("watch/first", compares=True), watcher.use("watch/second", compares=True)]
    suite = engine.suite(*(check(engine, use, on=("one", "two")) for use in uses), backends=("one", "two"))
    observations = engine.run(suite)
    assert [seen.failure for seen in observations.probe_results.values()] == [None, None]
    assert engine.letters.opened == 2


def test_another_data_set_can_be_the_reference_of_a_probe_of_rows(engine, shout):
    watcher = Watcher(lambda context: pa.table({"score": [float(len(context.reference.rows))]}))
    request = check(engine, watcher.use(inputs="rows", compares=True), against=Against(unperturbed=True))
    perturbed = engine.check("x", shout).steps
    seen = only(engine.run(engine.suite(engine.check("y"), replace(request, steps=perturbed))))
    assert seen.table.column("score").to_pylist() == [float(len(engine.table))]
    assert seen.changed > 0


def test_the_randomness_of_a_probe_depends_on_the_seed_and_on_itself_alone(engine):
    draw = Watcher(lambda context: pa.table({"score": [context.rng.random()]}))
    first = only(engine.run(engine.suite(check(engine, draw.use("watch/a"))), fresh=True))
    again = engine.run(
        engine.suite(engine.check("b"), check(engine, draw.use("watch/z")), check(engine, draw.use("watch/a"))),
        fresh=True,
    )
    drawn = {request.use.name: seen.table for request, seen in again.probe_results.items()}
    assert drawn["watch/a"].equals(first.table)
    assert not drawn["watch/z"].equals(first.table)


def test_a_probe_that_crashes_or_refuses_fails_alone(engine):
    def crash(context):
        raise ZeroDivisionError("no rows")

    def refuse(context):
        raise NotRunError("no GPU here", hint="use one that has one")

    uses = [Watcher(crash).use("watch/a"), Watcher(refuse).use("watch/b"), Watcher(lambda context: 3).use("watch/c")]
    fine = Watcher().use("watch/d")
    observations = engine.run(engine.suite(*(check(engine, use) for use in (*uses, fine))))
    failures = [seen.failure for seen in observations.probe_results.values()]
    assert "ZeroDivisionError: no rows" in failures[0].message
    assert failures[0].trace
    assert (failures[1].message, failures[1].hint, failures[1].trace) == ("no GPU here", "use one that has one", "")
    assert "the probe `watch/c` gave 3 (int), and a `pyarrow.Table` is expected" in failures[2].message
    assert failures[3] is None


def test_probes_still_run_a_backend_that_crashed_on_some_rows(engine):
    engine.letters.crash_after = 1
    watcher, reader = Watcher(), Watcher()
    checks = check(engine, watcher.use("watch/a")), check(engine, reader.use("watch/b", inputs="predictions"))
    observations = engine.run(engine.suite(engine.check(), *checks))
    seen = {request.use.name: seen for request, seen in observations.probe_results.items()}
    assert seen["watch/a"].failure is None
    assert "the machine is on fire" in seen["watch/b"].failure.message
    assert (len(watcher.contexts), len(reader.contexts)) == (1, 0)


def test_probes_of_a_backend_that_could_not_be_opened_do_not_run(engine, monkeypatch):
    def refused(model_under_test):
        raise NotRunError("no GPU here")

    monkeypatch.setattr(engine.letters, "runner", refused)
    watcher = Watcher()
    observations = engine.run(engine.suite(engine.check(), check(engine, watcher.use())))
    assert only(observations).failure.message == "no GPU here"
    assert watcher.contexts == []


def test_the_message_of_a_probe_that_refuses_is_kept(engine):
    def moved(context):
        raise MqaError("backend `one` does not give the same answer twice", hint="is there dropout?")

    observations = engine.run(engine.suite(check(engine, Watcher(moved).use("watch/a"))))
    (seen,) = observations.probe_results.values()
    assert (seen.failure.message, seen.failure.hint) == (
        "the probe `watch/a` reports: backend `one` does not give the same answer twice",
        "is there dropout?",
    )
    assert seen.failure.trace, "with a trace it is an error, and not something that could not run"


def test_a_probe_that_finds_the_data_wrong_fails_alone(engine):
    def refuse(context):
        raise DataError("the rows have no text `title`", hint="they have `text`")

    wrong, fine = Watcher(refuse).use("watch/a"), Watcher().use("watch/b")
    observations = engine.run(engine.suite(check(engine, wrong), check(engine, fine)))
    failures = [seen.failure for seen in observations.probe_results.values()]
    assert (failures[0].message, failures[0].hint) == (
        "the probe `watch/a` reports: the rows have no text `title`",
        "they have `text`",
    )
    assert failures[0].trace, "it is an ERROR of its check, and nothing that merely could not run"
    assert failures[1] is None


@pytest.mark.parametrize("sees", ["runner", "predictions"])
def test_a_probe_of_a_model_sees_targets_as_the_model_names_them(engine, sees):
    engine.table = engine.table.set_column(1, "label", [[1.0 if n % 2 else 0.0 for n in range(50)]])
    watcher, rows = Watcher(), Watcher()
    uses = watcher.use(inputs=sees), rows.use("watch/rows", inputs="rows")
    engine.run(engine.suite(*(check(engine, use) for use in uses)))
    assert watcher.contexts[0].view.rows.table.column("target").to_pylist() == ["few", "many"] * 25
    assert rows.contexts[0].view.rows.table.column("target").to_pylist() == [0.0, 1.0] * 25


@pytest.mark.parametrize(
    ("schema", "given", "seen"),
    [
        ("labels", '["few", "many"]', ["few", "many"]),
        ("value", "1.5", 1.5),
        ("spans", ["O", "few"], [{"start": 4, "end": 7, "label": "few", "score": None}]),
    ],
)
def test_targets_are_read_by_the_schema_of_the_models_task(engine, schema, given, seen):
    columns = {"text": engine.table.column("text"), "label": [given] * 50, "tokens": [["one", "two"]] * 50}
    engine.table = pa.table(columns)
    watcher = Watcher()
    suite = engine.suite(check(engine, watcher.use(schemas=(schema,))))
    task = Use("letters/count", make_task(engine.letters.codec, "count", schema=schema))
    engine.run(replace(suite, model=replace(suite.model, task=task)))
    assert watcher.contexts[0].view.rows.table.column("target").to_pylist() == [seen] * 50


def test_a_probe_runs_again_where_what_it_says_it_depends_on_differs(engine):
    watcher, card = Watcher(), {"card": "1"}
    suite = engine.suite(check(engine, watcher.use(identity=lambda context, options: dict(card))))
    engine.run(suite)
    engine.run(suite)
    assert len(watcher.contexts) == 1
    card["card"] = "2"
    engine.run(suite)
    assert len(watcher.contexts) == 2
