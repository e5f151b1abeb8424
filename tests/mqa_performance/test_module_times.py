"""The time of a run by the modules that it goes into, on a runner in memory."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_performance import mqa_probes
from mqa_performance.module_times import Modules, ModulesOptions
from mqa_registry import NotRunError
from mqa_registry.options import read_options, validate

TIMES = {"": 0.1, "encoder": 0.1, "encoder.dense": 0.6, "head": 0.2}


@pytest.fixture
def clocked(sleeper):
    """A runner whose modules take so many seconds in each run, the runs one after another."""

    class Clocked(sleeper):
        def __init__(self, *runs):
            super().__init__()
            self.runs = runs or (TIMES,)

        def time_modules(self, batch, repetitions):
            self.log.append(("time_modules", batch["codes"]))
            names = dict.fromkeys(name for run in self.runs for name in run)
            return {name: [self.runs[n % len(self.runs)].get(name, 0.0) for n in range(repetitions)] for name in names}

        def class_name(self, module):
            return {"encoder.dense": "Linear"}.get(module, "Block")

    return Clocked


def means(table):
    return {name: float(values.mean()) for name, values in Modules().numbers(table).items()}


def test_the_time_that_has_a_module_is_a_share_of_all_of_it(context, clocked):
    numbers = means(Modules().observe(context(clocked()), ModulesOptions()))
    assert numbers == pytest.approx({"covered": 0.9, "largest": 0.6, "total_ms": 1000.0})


def test_the_probe_has_these_outputs_and_is_not_cacheable(context, clocked):
    probe = next(one for one in mqa_probes() if one.name == "modules")
    assert set(probe.outputs) == set(Modules().numbers(Modules().observe(context(clocked()), ModulesOptions())))
    assert not probe.cacheable


def test_every_run_that_counts_has_numbers_of_its_own(context, clocked):
    table = Modules().observe(
        context(clocked({"a": 0.001}, {"a": 0.002, "": 0.002}), rows=8), ModulesOptions(warmup=0, repetitions=4)
    )
    numbers = Modules().numbers(table)
    assert numbers["total_ms"].tolist() == pytest.approx([1, 4, 1, 4])
    assert numbers["covered"].tolist() == pytest.approx([1, 0.5, 1, 0.5])


def test_the_warm_up_does_not_count(context, clocked):
    table = Modules().observe(
        context(clocked({"a": 9.0}, {"a": 9.0}, {"a": 0.001}), rows=8), ModulesOptions(warmup=2, repetitions=1)
    )
    assert Modules().numbers(table)["total_ms"].tolist() == pytest.approx([1.0])


def test_every_batch_is_run_as_often(context, clocked):
    runner = clocked()
    table = Modules().observe(context(runner, rows=20), ModulesOptions(rows=20, batch=8, repetitions=5))
    assert [len(codes) for _, codes in runner.log] == [8, 8, 8]
    assert len(Modules().numbers(table)["covered"]) == 15


def test_the_slowest_modules_are_shown_first_with_their_classes(context, clocked):
    shown = Modules().evidence(Modules().observe(context(clocked()), ModulesOptions()))
    assert shown.details["modules"] == [
        {"module": "encoder.dense", "class": "Linear", "ms": 600.0, "share": 0.6},
        {"module": "head", "class": "Block", "ms": 200.0, "share": 0.2},
        {"module": "encoder", "class": "Block", "ms": 100.0, "share": 0.1},
    ]
    assert shown.remarks == ["`encoder.dense` (Linear) is the slowest module, with 600 ms a run, 60% of the time"]


def test_no_more_than_ten_are_shown(context, clocked):
    table = Modules().observe(context(clocked({f"layer.{n}": 1.0 + n for n in range(30)})), ModulesOptions())
    assert [one["module"] for one in Modules().evidence(table).details["modules"]] == [
        f"layer.{n}" for n in range(29, 19, -1)
    ]


def test_one_hiccup_makes_no_module_the_slowest(context, clocked):
    usual = {"dense": 0.002, "head": 0.001}
    table = Modules().observe(
        context(clocked(*[usual] * 9, usual | {"head": 5.0}), rows=8), ModulesOptions(warmup=0, repetitions=10)
    )
    assert [one["module"] for one in Modules().evidence(table).details["modules"]] == ["dense", "head"]
    assert Modules().evidence(table).details["modules"][1]["ms"] == 1.0


def test_a_module_that_a_run_did_not_pass_took_no_time_there(context, clocked):
    numbers = Modules().numbers(
        Modules().observe(
            context(clocked({"a": 0.001}, {"a": 0.001}, {"b": 0.001}), rows=8), ModulesOptions(warmup=0, repetitions=3)
        )
    )
    assert numbers["largest"].tolist() == [1.0, 1.0, 0.0]


def test_where_no_time_has_a_module_none_is_the_slowest(context, clocked):
    table = Modules().observe(context(clocked({"": 0.5})), ModulesOptions())
    assert means(table) == {"covered": 0.0, "largest": 0.0, "total_ms": 500.0}
    evidence = Modules().evidence(table)
    assert evidence.details == {"modules": []}
    assert evidence.remarks == ["nothing that took time belongs to a module"]


def test_shares_of_no_time_are_undefined(context, clocked):
    numbers = Modules().numbers(Modules().observe(context(clocked({"": 0.0, "a": 0.0})), ModulesOptions()))
    assert np.isnan(numbers["covered"]).all()
    assert np.isnan(numbers["largest"]).all()


def test_a_name_like_any_text_is_a_name(context, clocked):
    name = "[bold]`a`\n\x1b[31m\0"
    assert (
        Modules()
        .evidence(Modules().observe(context(clocked({name: 1.0})), ModulesOptions()))
        .details["modules"][0]["module"]
        == name
    )


def test_a_runner_that_gives_fewer_times_than_runs_is_an_error(context, clocked):
    runner = clocked()
    runner.time_modules = lambda batch, repetitions: {"a": [1.0]}
    with pytest.raises(ValueError, match="shorter"):
        Modules().observe(context(runner), ModulesOptions())


def test_a_runner_that_tells_nothing_is_not_run(context, clocked):
    with pytest.raises(NotRunError, match="took the time of no module"):
        Modules().observe(context(clocked({})), ModulesOptions())


@pytest.mark.parametrize("options", [{"batch": 100}, {"rows": 10**9}, {"batch": 1, "rows": 1, "repetitions": 1}])
def test_more_rows_than_there_are_and_a_single_run_have_numbers(context, clocked, options):
    assert means(Modules().observe(context(clocked(), rows=3), ModulesOptions(**{"batch": 2, "warmup": 0} | options)))[
        "covered"
    ] == pytest.approx(0.9)


@pytest.mark.parametrize("name", ["batch", "repetitions", "rows", "warmup"])
@pytest.mark.parametrize("value", [-1, 0.5, "1", None, [1]])
def test_what_is_counted_is_a_whole_number(name, value):
    numbers = validate(read_options(ModulesOptions), {name: value}, owner="performance/modules")
    assert [one.path for one in numbers.faults] == [(name,)]


def test_a_runner_without_a_clock_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` does not say how long a module takes"):
        Modules().observe(context(sleeper()), ModulesOptions())


def test_no_rows_is_not_run(context, clocked):
    with pytest.raises(NotRunError, match="no rows"):
        Modules().observe(context(clocked(), rows=0), ModulesOptions())
