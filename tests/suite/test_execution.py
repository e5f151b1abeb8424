"""The table `[execution]` and `--executor`: where a run is executed, which no number depends on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mqa_registry.contributions import Executor
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite import Overrides, plugin_names, read, validate
from mqa_registry.suite.validation import digest
from tests.suite import conftest

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


@dataclass(frozen=True)
class GridOptions:
    """`workers` is how many."""

    workers: int = 1


class Grid(Executor[GridOptions]):
    """Many machines."""

    name = "cluster"
    requires = ("no-such-package",)

    def start(self, job, options):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _grid(monkeypatch):
    plugins = {**conftest.CATALOG.plugins, "grid": Plugin("grid", "mqa-grid", "1", (Grid(),))}
    monkeypatch.setattr(conftest, "CATALOG", Catalog(plugins, tuple(plugins)))


@pytest.mark.parametrize("text", ["", '[execution]\nuse = "local"\n'])
def test_a_suite_runs_in_this_process_unless_it_says_otherwise(suite, text):
    assert suite(text + CHECK).execution is None


def test_a_suite_names_an_executor_with_its_options(suite):
    use = suite('[execution]\nuse = "grid/cluster"\nworkers = 3\n' + CHECK).execution
    assert (use.name, use.options) == ("grid/cluster", {"workers": 3})


def test_the_flag_takes_the_place_of_the_executor_of_the_suite_with_its_options(suite):
    text = '[execution]\nuse = "grid/cluster"\nworkers = 3\n' + CHECK
    assert suite(text, overrides=Overrides(executor="local")).execution is None
    assert suite(text, overrides=Overrides(executor="grid/cluster")).execution.options == {"workers": 3}
    assert suite(CHECK, overrides=Overrides(executor="grid/cluster")).execution.options == {}


def test_its_options_are_set_on_the_command_line(suite):
    overrides = Overrides(executor="grid/cluster", set=("execution.workers=5",))
    assert suite(CHECK, overrides=overrides).execution.options == {"workers": 5}


def test_a_suite_has_one_digest_wherever_it_runs(suite, folder):
    suite(CHECK)
    plain = digest(read("suite.toml").root)
    suite('[execution]\nuse = "grid/cluster"\nworkers = 3\n' + CHECK)
    assert digest(read("suite.toml").root) == plain


def test_its_plugin_is_among_those_that_the_suite_names(suite, folder):
    suite('[execution]\nuse = "grid/cluster"\n' + CHECK)
    assert "grid" in plugin_names(read("suite.toml"))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("lcoal", "there is no executor `lcoal`", "did you mean `local`?"),
        ("grid", "there is no executor `grid`", "did you mean `grid/cluster`?"),
        ("here", "there is no executor `here`", "write `plugin/name`, or `local` for this process"),
        ("grid/clutser", "plugin `grid` has no executor `clutser`", "did you mean `grid/cluster`?"),
        ("gird/cluster", "no plugin `gird` is installed", "did you mean `grid/cluster`?"),
        ("metrics/f1", "`metrics/f1` is a metric, and here stands an executor", "a metric stands in `measure`"),
        ("", "`use` must be a non-empty string", "it must not be empty"),
    ],
)
def test_an_executor_that_nobody_gives_is_a_problem_at_the_flag(problems, name, message, hint):
    told = problems(CHECK, overrides=Overrides(executor=name))
    assert message in told
    assert f"hint: {hint}" in told
    assert told.startswith("--executor: ")


def test_the_hosts_own_executor_has_no_options(problems):
    assert "executor `local` has no key `workers`" in problems('[execution]\nuse = "local"\nworkers = 2\n' + CHECK)


def test_an_executor_whose_package_is_missing_names_the_command_that_installs_it(suite, folder):
    suite('[execution]\nuse = "grid/cluster"\n' + CHECK)
    with pytest.raises(Exception, match="problem") as caught:
        validate(read("suite.toml"), conftest.CATALOG, files=True)
    found = [problem for problem in caught.value.problems if "no-such-package" in problem.message]
    assert [problem.hint for problem in found] == ["pip install no-such-package"]
