"""What sources, tasks and backends return: refused under their name where it is invalid, and passed on where it is valid."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import Exported, Finding, InputVariant, LiveModel, Model, ModelDescription
from mqa_registry.boundary import (
    Contributor,
    ForwardPasses,
    check_codec,
    check_description,
    check_export,
    check_findings,
    check_identity,
    check_inferred_task,
    check_length,
    check_live_model,
    check_model,
    open_runner,
    read_budget,
    read_facts,
)
from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError
from tests.stand_ins import make_codec

SOURCE = Contributor("model source", "acme/hub")
TASK = Contributor("task", "acme/task")
BACKEND = Contributor("backend", "acme/engine")
NOTE = Finding("note", "x", "it is so")


def model(**changed):
    return Model(**{"digest": "x", "module": lambda: 1, "processor": lambda: 2, "labels": ("a", "b")} | changed)


def codec(**changed):
    functions = {
        "encode": lambda examples: [{"x": np.array([1])} for _ in examples],
        "collate": lambda rows: {"x": np.stack([row["x"] for row in rows])},
        "decode": lambda outputs, rows: pa.table({"label": ["few"] * len(rows)}),
        "cost": lambda row: 3,
    }
    return check_codec(TASK, make_codec(**functions | changed), "label", ("few", "many"))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("x", "gave 'x' (str), and a `Model` is expected"),
        (model(digest=7), "gave a model with the digest 7 (int)"),
        (model(labels=("a", 1)), "gave a model with the labels ('a', 1) (tuple)"),
        (model(labels=("a", "a")), "gave a model with the labels ('a', 'a') (tuple)"),
    ],
)
def test_what_is_no_model_is_the_sources_error(output, words):
    with pytest.raises(ContributionError) as raised:
        check_model(SOURCE, output)
    assert raised.value.message.startswith(f"the model source `acme/hub` {words}")


def test_the_parts_of_a_model_are_built_under_the_sources_name():
    assert (check_model(SOURCE, model()).module, check_model(SOURCE, model()).processor) == (1, 2)
    with pytest.raises(ContributionError, match="the model source `acme/hub` crashed: ZeroDivisionError"):
        _ = check_model(SOURCE, model(module=lambda: 1 / 0)).module


def test_an_inferred_task_is_a_name():
    assert check_inferred_task(SOURCE, "acme/task") == "acme/task"
    with pytest.raises(ContributionError, match="infers None for a model's task"):
        check_inferred_task(SOURCE, None)


@pytest.mark.parametrize(
    ("changed", "call", "words"),
    [
        ({"encode": lambda examples: []}, lambda one: one.encode([{}]), "encoded 1 examples as 0"),
        ({"encode": lambda examples: 7}, lambda one: one.encode([{}]), "crashed: TypeError"),
        (
            {"encode": lambda examples: [7]},
            lambda one: one.with_array_rows().encode([{}]),
            "encoded an example as 7 (int)",
        ),
        ({"collate": lambda rows: {1: rows}}, lambda one: one.collate([]), "made a batch of an array under the name 1"),
        (
            {"collate": lambda rows: {"x": [object()]}},
            lambda one: one.collate([]),
            "made a batch of the array `x` of Python objects",
        ),
        (
            {"decode": lambda outputs, rows: None},
            lambda one: one.decode({}, [{}]),
            "gave None, and a `pyarrow.Table` is expected",
        ),
        ({"cost": lambda row: -1}, lambda one: one.cost({}), "says that a row costs -1 (int)"),
        ({"cost": lambda row: 1.5}, lambda one: one.cost({}), "says that a row costs 1.5 (float)"),
        ({"cost": lambda row: True}, lambda one: one.cost({}), "says that a row costs True (bool)"),
    ],
)
def test_what_a_codec_must_not_return_is_the_tasks_error(changed, call, words):
    with pytest.raises(ContributionError) as raised:
        call(codec(**changed))
    assert raised.value.message.startswith(f"the task `acme/task` {words}")


def test_what_a_codec_may_return_is_passed_on():
    one = codec(cost=lambda row: np.int64(0))
    rows = one.with_array_rows().encode([{}, {}])
    assert one.collate(rows)["x"].tolist() == [[1], [1]]
    assert one.decode({}, rows)["label"].to_pylist() == ["few", "few"]
    assert one.cost(rows[0]) == 0


@pytest.mark.parametrize(
    ("output", "words"), [(0, "0 (int)"), (True, "True (bool)"), (2.0, "2.0 (float)"), ("8", "'8' (str)")]
)
def test_a_length_and_a_budget_are_whole_numbers_above_zero(output, words):
    with pytest.raises(ContributionError) as raised:
        check_length(BACKEND, output)
    assert f"takes rows of {words} tokens" in raised.value.message
    with pytest.raises(ContributionError) as raised:
        read_budget(BACKEND, SimpleNamespace(budget=output))
    assert f"has the budget {words}" in raised.value.message


def test_a_length_may_be_left_out_and_either_may_be_one():
    assert (check_length(BACKEND, None), check_length(BACKEND, np.int32(1))) == (None, 1)
    assert read_budget(BACKEND, SimpleNamespace(budget=1)) == 1


def test_an_identity_and_facts_become_values_of_json():
    runner = SimpleNamespace(identity={"version": "1"}, facts=RunnerFacts(threads=np.int64(4)))
    assert read_facts(BACKEND, runner) == ({"version": "1"}, RunnerFacts(threads=4))
    with pytest.raises(ContributionError, match="says that it is None"):
        check_identity(BACKEND, None)
    with pytest.raises(ContributionError, match="the backend `acme/engine` crashed: AttributeError"):
        read_facts(BACKEND, SimpleNamespace(identity={}))


def test_a_runner_is_entered_and_left_under_the_backends_name():
    @contextmanager
    def opened(*, leaves=True):
        yield "runner"
        assert leaves

    with open_runner(BACKEND, opened()) as runner:
        assert runner == "runner"
    with pytest.raises(ContributionError, match="crashed: AssertionError"), open_runner(BACKEND, opened(leaves=False)):
        pass
    with pytest.raises(KeyError, match="first"), open_runner(BACKEND, opened()):
        raise KeyError("first")
    with (
        pytest.raises(ContributionError, match="a context manager of a runner is expected"),
        open_runner(BACKEND, "runner"),
    ):
        pass


def test_outputs_are_arrays_by_name_of_any_library():
    passes = ForwardPasses(BACKEND)
    runner = SimpleNamespace(run=lambda batch: {"x": pa.array([1.0]), "y": np.array([2])})
    assert {name: type(array) for name, array in passes.run(runner, {}).items()} == {"x": np.ndarray, "y": np.ndarray}
    with pytest.raises(ContributionError, match=r"gave for outputs \[1\] \(list\), and arrays by name are expected"):
        passes.run(SimpleNamespace(run=lambda batch: [1]), {})
    assert passes.run(runner, {})["y"].tolist() == [2]  # only a pass that did not end in time is the last


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (None, "gave None, and findings are expected"),
        ("note", "gave 'note' (str), and findings are expected"),
        ({"note": NOTE}, "and findings are expected"),
        ([NOTE, "x"], "gave 'x' (str), and a `Finding` is expected"),
        ([Finding("worse", "x", "y")], "gave a finding of the level 'worse' (str)"),
        ([Finding("note", 1, "y")], "gave a finding with 1 (int) for its topic"),
    ],
)
def test_what_are_no_findings_is_refused(output, words):
    with pytest.raises(ContributionError) as raised:
        check_findings(BACKEND, output)
    assert words in raised.value.message


def test_findings_may_be_yielded():
    assert check_findings(BACKEND, (one for one in [NOTE])) == [NOTE]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"files": []}, "says that it exported no file"),
        ({"files": ["model.onnx"]}, "and a list of paths is expected"),
        ({"files": None}, "gave None for its files"),
        ({"facts": []}, "gave no tables for its facts and its summary"),
        ({"summary": []}, "gave no tables for its facts and its summary"),
        ({"summary": {"size": 3}}, "gave 3 (int) in its summary"),
        ({"findings": None}, "gave None, and findings are expected"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path, changed, words):
    file = tmp_path / "model.onnx"
    file.touch()
    given = {"files": [file], "findings": [NOTE], "facts": {"opset": np.int64(18)}, "summary": {"size": "3 MB"}}
    assert check_export(BACKEND, Exported(**given)).facts == {"opset": 18}
    with pytest.raises(ContributionError) as raised:
        check_export(BACKEND, Exported(**given | changed))
    assert words in raised.value.message


def test_an_exported_file_is_there(tmp_path):
    with pytest.raises(ContributionError, match="which is not there"):
        check_export(BACKEND, Exported(files=[tmp_path / "none.onnx"], findings=[], facts={}, summary={}))
    with pytest.raises(ContributionError, match="an `Exported` is expected"):
        check_export(BACKEND, None)


@pytest.mark.parametrize("output", [7, "a model", LiveModel(7), LiveModel(7, digest=7)])
def test_a_model_in_memory_is_taken_with_its_digest(output):
    with pytest.raises(ContributionError, match="acme/hub"):
        check_live_model(SOURCE, output)
    taken = LiveModel(7, digest="x")
    assert check_live_model(SOURCE, taken) is taken


def test_a_model_in_memory_is_described_as_one():
    described = ModelDescription(("a", "b"))
    assert check_description(TASK, described) is described
    assert check_description(TASK, None) is None
    with pytest.raises(ContributionError, match="acme/task"):
        check_description(TASK, {"labels": ("a", "b")})


def test_other_ways_to_make_inputs_are_codecs_that_are_checked_too():
    other = codec(encode=lambda examples: [])
    made = codec(
        variants=staticmethod(lambda other: [InputVariant("no rows are made", codec(encode=lambda examples: []))]),
        with_processor=staticmethod(lambda folder: None if folder == "none" else other),
    )
    assert made.with_processor("none") is None
    (variant,) = made.variants(made.with_processor("some"))
    assert variant.difference == "no rows are made"
    for one in (variant.codec, made.with_processor("some")):
        with pytest.raises(ContributionError, match="encoded 1 examples as 0"):
            one.encode([{}])


def test_a_way_to_make_inputs_that_is_no_variant_is_refused():
    with pytest.raises(ContributionError, match="an `InputVariant` is expected"):
        list(codec(variants=staticmethod(lambda other: ["x"])).variants())
