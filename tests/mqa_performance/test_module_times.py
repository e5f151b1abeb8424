"""The time of a run by the modules that it goes into, on a runner in memory."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_performance import mqa_probes
from mqa_performance.module_times import ModuleTimes, ModuleTimesOptions
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
    return {name: float(values.mean()) for name, values in ModuleTimes().numbers(table).items()}


def test_coverage_is_the_share_of_the_time_that_has_a_module(context, clocked):
    numbers = means(ModuleTimes().observe(context(clocked()), ModuleTimesOptions()))
    assert numbers == pytest.approx({"coverage": 0.9, "slowest_share": 0.6, "total_ms": 1000.0})


def test_the_probe_has_these_outputs_and_is_not_cacheable(context, clocked):
    probe = next(probe for probe in mqa_probes() if probe.name == "module-times")
    assert set(probe.outputs) == set(
        ModuleTimes().numbers(ModuleTimes().observe(context(clocked()), ModuleTimesOptions()))
    )
    assert not probe.cacheable


def test_every_repetition_has_numbers(context, clocked):
    table = ModuleTimes().observe(
        context(clocked({"a": 0.001}, {"a": 0.002, "": 0.002}), rows=8), ModuleTimesOptions(warmup=0, repetitions=4)
    )
    numbers = ModuleTimes().numbers(table)
    assert numbers["total_ms"].tolist() == pytest.approx([1, 4, 1, 4])
    assert numbers["coverage"].tolist() == pytest.approx([1, 0.5, 1, 0.5])


def test_the_warm_up_does_not_count(context, clocked):
    table = ModuleTimes().observe(
        context(clocked({"a": 9.0}, {"a": 9.0}, {"a": 0.001}), rows=8), ModuleTimesOptions(warmup=2, repetitions=1)
    )
    assert ModuleTimes().numbers(table)["total_ms"].tolist() == pytest.approx([1.0])


def test_every_batch_is_timed_equally_often(context, clocked):
    runner = clocked()
    table = ModuleTimes().observe(context(runner, rows=20), ModuleTimesOptions(rows=20, batch_size=8, repetitions=5))
    assert [len(codes) for _, codes in runner.log] == [8, 8, 8]
    assert len(ModuleTimes().numbers(table)["coverage"]) == 15


def test_the_slowest_modules_are_shown_first_with_their_classes(context, clocked):
    evidence = ModuleTimes().evidence(ModuleTimes().observe(context(clocked()), ModuleTimesOptions()))
    assert evidence.details["modules"] == [
        {"module": "encoder.dense", "class": "Linear", "self_ms": 600.0, "share": 0.6},
        {"module": "head", "class": "Block", "self_ms": 200.0, "share": 0.2},
        {"module": "encoder", "class": "Block", "self_ms": 100.0, "share": 0.1},
    ]
    assert evidence.remarks == ["`encoder.dense` (Linear) is the slowest module, with 600 ms a run, 60% of the time"]


def test_at_most_ten_modules_are_listed(context, clocked):
    table = ModuleTimes().observe(context(clocked({f"layer.{n}": 1.0 + n for n in range(30)})), ModuleTimesOptions())
    assert [one["module"] for one in ModuleTimes().evidence(table).details["modules"]] == [
        f"layer.{n}" for n in range(29, 19, -1)
    ]


def test_one_hiccup_makes_no_module_the_slowest(context, clocked):
    usual = {"dense": 0.002, "head": 0.001}
    table = ModuleTimes().observe(
        context(clocked(*[usual] * 9, usual | {"head": 5.0}), rows=8), ModuleTimesOptions(warmup=0, repetitions=10)
    )
    assert [one["module"] for one in ModuleTimes().evidence(table).details["modules"]] == ["dense", "head"]
    assert ModuleTimes().evidence(table).details["modules"][1]["self_ms"] == 1.0


def test_a_module_that_does_not_run_takes_no_time(context, clocked):
    numbers = ModuleTimes().numbers(
        ModuleTimes().observe(
            context(clocked({"a": 0.001}, {"a": 0.001}, {"b": 0.001}), rows=8),
            ModuleTimesOptions(warmup=0, repetitions=3),
        )
    )
    assert numbers["slowest_share"].tolist() == [1.0, 1.0, 0.0]


def test_time_without_a_module_has_no_slowest_module(context, clocked):
    table = ModuleTimes().observe(context(clocked({"": 0.5})), ModuleTimesOptions())
    assert means(table) == {"coverage": 0.0, "slowest_share": 0.0, "total_ms": 500.0}
    evidence = ModuleTimes().evidence(table)
    assert evidence.details == {"modules": []}
    assert evidence.remarks == ["no time was spent in a module"]


def test_shares_of_zero_seconds_are_undefined(context, clocked):
    numbers = ModuleTimes().numbers(ModuleTimes().observe(context(clocked({"": 0.0, "a": 0.0})), ModuleTimesOptions()))
    assert np.isnan(numbers["coverage"]).all()
    assert np.isnan(numbers["slowest_share"]).all()


def test_a_module_name_may_be_any_text(context, clocked):
    name = "[bold]`a`\n\x1b[31m\0"
    evidence = ModuleTimes().evidence(ModuleTimes().observe(context(clocked({name: 1.0})), ModuleTimesOptions()))
    assert evidence.details["modules"][0]["module"] == name


def test_a_runner_that_gives_fewer_times_than_runs_is_an_error(context, clocked):
    runner = clocked()
    runner.time_modules = lambda batch, repetitions: {"a": [1.0]}
    with pytest.raises(ValueError, match="shorter"):
        ModuleTimes().observe(context(runner), ModuleTimesOptions())


def test_a_runner_without_times_is_not_run(context, clocked):
    with pytest.raises(NotRunError, match="timed no module"):
        ModuleTimes().observe(context(clocked({})), ModuleTimesOptions())


@pytest.mark.parametrize(
    "options", [{"batch_size": 100}, {"rows": 10**9}, {"batch_size": 1, "rows": 1, "repetitions": 1}]
)
def test_few_rows_and_a_single_run_have_numbers(context, clocked, options):
    assert means(
        ModuleTimes().observe(
            context(clocked(), rows=3), ModuleTimesOptions(**{"batch_size": 2, "warmup": 0} | options)
        )
    )["coverage"] == pytest.approx(0.9)


@pytest.mark.parametrize("name", ["batch_size", "repetitions", "rows", "warmup"])
@pytest.mark.parametrize("value", [-1, 0.5, "1", None, [1]])
def test_counts_among_the_options_are_whole_numbers(name, value):
    numbers = validate(read_options(ModuleTimesOptions), {name: value}, owner="performance/module-times")
    assert [one.path for one in numbers.faults] == [(name,)]


def test_a_runner_that_cannot_time_modules_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` cannot time its modules"):
        ModuleTimes().observe(context(sleeper()), ModuleTimesOptions())


def test_a_view_without_rows_is_not_run(context, clocked):
    with pytest.raises(NotRunError, match="no rows"):
        ModuleTimes().observe(context(clocked(), rows=0), ModuleTimesOptions())
