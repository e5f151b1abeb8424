"""References are looked up among the plugins at hand, and a wrong one says what was meant."""

from __future__ import annotations

import pytest

from mqa_registry.contributions import (
    Backend,
    ClassContribution,
    Comparison,
    FunctionContribution,
    Metric,
    Replay,
    Slice,
    SuiteFile,
    Task,
)
from mqa_registry.errors import PluginError, Problem
from mqa_registry.plugins import HOOKS, ROLES, Catalog, Plugin


def nothing(*_): ...


ACCURACY = Metric("accuracy", nothing, schemas=("label",))
LENGTH = Slice("length", nothing)
AGREEMENT = Comparison("agreement", nothing, schemas=("label",))
CATALOG = Catalog(
    {
        "metrics": Plugin("metrics", "mqa-registry", "0.1", (ACCURACY,)),
        "fairness": Plugin("fairness", "mqa-registry", "0.1", (LENGTH,)),
        "parity": Plugin("parity", "mqa-registry", "0.1", (AGREEMENT,)),
        "emoji": Plugin("emoji", "mqa-emoji", "0.3", broken="it is", hint="`pip uninstall mqa-emoji`"),
    },
    ("emoji", "fairness", "metrics", "parity", "robustness"),
)
MEASURE = (Metric, Comparison)


def test_a_reference_finds_its_contribution():
    assert CATALOG.find(MEASURE, "metrics/accuracy") is ACCURACY
    assert CATALOG.find(MEASURE, "parity/agreement") is AGREEMENT


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("accuracy", "`accuracy` names no contribution: write `plugin/name`", "did you mean `metrics/accuracy`?"),
        ("", "`` names no contribution: write `plugin/name`", ""),
        ("a/b/c", "`a/b/c` names no contribution: write `plugin/name`", ""),
        ("metrics/", "`metrics/` names no contribution: write `plugin/name`", "did you mean `metrics/accuracy`?"),
        ("../x", "`../x` names no contribution: write `plugin/name`", ""),
        (
            "metrics/acuracy",
            "plugin `metrics` has no metric or comparison `acuracy`",
            "did you mean `metrics/accuracy`?",
        ),
        ("metrics/zzz", "plugin `metrics` has no metric or comparison `zzz`", "it has `accuracy`"),
        (
            "fairness/zzz",
            "plugin `fairness` has no metric or comparison `zzz`",
            "it gives no metric or comparison at all",
        ),
        (
            "parity/accuracy",
            "plugin `parity` has no metric or comparison `accuracy`",
            "did you mean `metrics/accuracy`?",
        ),
        (
            "fairness/length",
            "`fairness/length` is a slice, and here stands a metric or comparison",
            "a slice stands in `by`",
        ),
        ("metrik/accuracy", "no plugin `metrik` is installed", "did you mean `metrics/accuracy`?"),
        ("robustnes/typos", "no plugin `robustnes` is installed", "did you mean `robustness`?"),
        ("emoji/x", "plugin `emoji` (mqa-emoji 0.3) cannot be used: it is", "`pip uninstall mqa-emoji`"),
        (
            "zzz/yyy",
            "no plugin `zzz` is installed",
            "installed are `emoji`, `fairness`, `metrics`, `parity`, `robustness`",
        ),
    ],
)
def test_a_reference_to_nothing_says_what_was_meant(reference, message, hint):
    assert CATALOG.find(MEASURE, reference) == Problem(message, hint)


def test_contributions_of_a_kind_come_with_their_references():
    assert list(CATALOG.each(MEASURE)) == [("metrics/accuracy", ACCURACY), ("parity/agreement", AGREEMENT)]


def test_a_plugin_that_is_not_there_is_an_error():
    with pytest.raises(PluginError) as caught:
        CATALOG.plugin("metrik")
    assert (caught.value.message, caught.value.hint) == ("no plugin `metrik` is installed", "did you mean `metrics`?")


BASES = (FunctionContribution, ClassContribution)


def test_every_kind_has_one_role():
    kinds = [kind for role in ROLES for kind in role.kinds]
    every = [SuiteFile, *(kind for base in BASES for kind in base.__subclasses__())]
    assert sorted(kind.kind for kind in kinds) == sorted(kind.kind for kind in every)
    assert {kind for several in HOOKS.values() for kind in several} == set(kinds)
    assert {Backend, Replay, Task} <= set(kinds)
