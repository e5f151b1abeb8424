"""`conformance` as a module of tests has it: the ids of its tests, failures that are expected, and names that mean nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mqa_registry import Perturbation, UsageError
from mqa_registry.errors import PluginError
from mqa_registry.plugins import Plugin
from mqa_registry.testing import Trial, conformance, list_cases, rule
from mqa_registry.testing.cases import label_contributions
from mqa_registry.testing.rules.declarations import RULES as DECLARATIONS
from mqa_registry.testing.subject import Subject
from tests.testing.planted_faults import LENGTH, LOUD, SHOUT

QUIET = SHOUT.replace("draw < severity", "draw * severity < 0.3")


@pytest.fixture
def tested(tmp_path):
    """What pytest prints of three lines that hold a plugin of this source to the rules."""

    def run(source, arguments="", select="shout-severity or shout-works or shout-named"):
        (tmp_path / "planted.py").write_text(source, "utf-8")
        lines = "from pathlib import Path\nfrom mqa_registry.testing import conformance\n"
        lines += f"test_conforms = conformance(Path({str(tmp_path / 'planted.py')!r}){arguments})\n"
        (tmp_path / "test_planted.py").write_text(lines, "utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-rs",
            "-p",
            "no:cacheprovider",
            "-k",
            select,
            "test_planted.py",
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    return run


def test_each_test_is_named_after_contribution_and_rule(tested):
    printed = tested(SHOUT)
    assert "test_planted.py::test_conforms[shout-severity-nests] PASSED" in printed
    assert "3 passed" in printed


def test_a_failure_is_the_message_alone_without_a_traceback(tested):
    printed = tested(QUIET)
    assert "1 failed, 2 passed" in printed
    assert "shout-severity-nests: A row that one severity changes is changed at every higher one, too." in printed
    assert "  mend: Draw the same numbers at every severity" in printed
    assert "Traceback" not in printed
    assert "def test_conforms" not in printed


def test_a_rule_that_cannot_be_tried_is_skipped_with_the_reason(tested):
    assert "it needs the option `severity`" in tested(SHOUT.replace(" = 1.0", ""))


def test_an_expected_failure_has_to_fail(tested):
    expected = ', expected_failures={"shout-severity-nests": "it is shy"}'
    printed = tested(QUIET, expected)
    assert "2 passed" in printed
    assert "1 xfailed" in printed
    printed = tested(SHOUT, expected)
    assert "[XPASS(strict)] it is shy" in printed
    assert "1 failed" in printed


@pytest.fixture
def planted(tmp_path):
    path = tmp_path / "planted.py"
    path.write_text(SHOUT, "utf-8")
    return path


def test_an_expected_failure_of_no_test_is_an_error(planted):
    with pytest.raises(UsageError, match="there is no test `shout-severity-nest`") as raised:
        conformance(planted, expected_failures={"shout-severity-nest": "why"})
    assert raised.value.hint.startswith("did you mean `shout-severity-nests`")


def test_a_trial_of_no_contribution_is_an_error(planted):
    with pytest.raises(UsageError, match="there is no contribution `shot`"):
        list_cases(planted, {"shot": LOUD})


@pytest.mark.parametrize("options", [{"volume": 3}, {"severity": 2.0}])
def test_a_trial_with_options_that_cannot_be_is_an_error(planted, options):
    with pytest.raises(UsageError, match="the trial of `shout` cannot be used: "):
        list_cases(planted, {"shout": Trial(options=options)})


def test_a_plugin_that_is_not_installed_is_an_error():
    with pytest.raises(PluginError, match="no plugin `shouting` is installed"):
        list_cases("shouting")


def test_of_a_plugin_that_cannot_be_used_one_rule_alone_is_tried(planted):
    planted.write_text("import nothing_of_that_name\n" + SHOUT, "utf-8")
    (case,) = list_cases(planted)
    assert case.id == "planted-loads"
    assert "No module named 'nothing_of_that_name'" in case.run().seen


def test_a_rule_is_tried_where_its_trial_says_what_with(planted):
    planted.write_text(LENGTH, "utf-8")
    golden = {"length": Trial(golden=[({"text": "ok"}, "short")])}
    assert {case.id for case in list_cases(planted, golden)} - {case.id for case in list_cases(planted)} == {
        "length-golden"
    }


def test_a_rule_that_comes_to_no_end_is_broken(planted, monkeypatch):
    monkeypatch.setattr(rule, "SECONDS", 0.5)
    planted.write_text(SHOUT.replace("    words =", "    while True: pass\n    words ="), "utf-8")
    works = next(case for case in list_cases(planted) if case.id == "shout-works")
    assert works.run().seen == "it was still at work after 0.5 seconds"


@pytest.mark.parametrize(("default", "is_tried"), [("1.0", True), ("0.3", True), ("8000.0", False)])
def test_a_rate_nests_where_it_is_a_share(planted, default, is_tried):
    source = SHOUT.replace("severity: Annotated[float, Ge(0), Le(1)] = 1.0", f"rate: float = {default}")
    planted.write_text(source.replace("severity", "rate"), "utf-8")
    assert any(case.id == "shout-severity-nests" for case in list_cases(planted)) is is_tried


def test_contributions_of_one_name_have_their_kinds_before_it():
    from mqa_registry import Slice

    def one(example, rng): ...

    def two(example): ...

    plugin = Plugin(
        "p", "d", contributions=(Perturbation("dark", one, modality="image"), Slice("dark", two), Slice("size", two))
    )
    assert list(label_contributions(plugin)) == ["perturbation-dark", "slice-dark", "size"]


def needy(example, rng):
    """It needs a package."""
    return example


@pytest.mark.parametrize(
    ("package", "seen"),
    [("emoji", ""), ("Emoji", ""), ("nltk", "`requires` names `nltk`, which `mqa-registry` does not declare")],
)
def test_a_requirement_stands_in_the_distribution_or_an_extra(package, seen):
    declared = next(one for one in DECLARATIONS if one.id == "requirements-declared")
    one = Perturbation("needy", needy, modality="text", requires=(package,))
    assert declared.check(Subject("needy", Plugin("p", "mqa-registry"), one)) == seen
