"""Each rule finds the fault that is planted for it, and no other rule does; the sound twins break none."""

from __future__ import annotations

import os

import pytest

from mqa_registry.testing import list_cases
from mqa_registry.testing.rules import RULES
from mqa_registry.testing.rules.process import RULES as PROCESS_RULES
from tests.testing.planted_faults import AT_IMPORT, ENDED, FAULTS, PROCESS_FAULTS, SOUND

OF_PROCESS = {rule.id for rule in PROCESS_RULES}


@pytest.fixture
def cases(tmp_path):
    """Every rule for a plugin of this source, the fault planted in it."""

    def plant(fault):
        assert fault.old in fault.sound
        path = tmp_path / "planted.py"
        path.write_text(fault.sound.replace(fault.old, fault.new), "utf-8")
        return list_cases(path, fault.trials)

    return plant


def find_broken(cases):
    return [outcome for outcome in (case.run() for case in cases) if outcome.seen]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.broken)
def test_a_planted_fault_is_found_by_its_own_rule_alone(cases, fault, snapshot):
    (broken,) = find_broken(case for case in cases(fault) if case.rule.id not in OF_PROCESS)
    assert broken.id == fault.broken
    assert broken.message == snapshot


@pytest.mark.parametrize("fault", PROCESS_FAULTS, ids=lambda fault: fault.broken)
def test_what_a_plugin_does_to_its_process_is_found_by_its_own_rule_alone(cases, fault, snapshot):
    (broken,) = find_broken(case for case in cases(fault) if case.rule.id in OF_PROCESS)
    assert broken.id == fault.broken
    assert broken.message == snapshot


def test_what_an_import_changes_is_seen_though_this_process_imported_the_plugin_before(cases, monkeypatch):
    monkeypatch.setenv("SHOUT", "0")
    outcomes = [case.run() for case in cases(AT_IMPORT) if case.rule.id in OF_PROCESS]
    assert os.environ["SHOUT"] == "1"
    (broken,) = (outcome for outcome in outcomes if outcome.seen)
    assert (broken.id, broken.seen) == (AT_IMPORT.broken, "it changes the variables `SHOUT`, while it is imported")


def test_a_plugin_that_ends_the_process_is_found_and_the_other_rules_of_processes_are_not_tried(cases):
    outcomes = [case.run() for case in cases(ENDED) if case.rule.id in OF_PROCESS]
    assert [outcome.id for outcome in outcomes if outcome.seen] == [ENDED.broken]
    (broken,) = (outcome for outcome in outcomes if outcome.seen)
    assert "the process ended by exit code 7 while `shout` works" in broken.message
    assert all("see the rule `survives`" in outcome.not_tried for outcome in outcomes if outcome is not broken)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_twin_breaks_no_rule_and_every_rule_is_tried(tmp_path, name):
    source, trials = SOUND[name]
    path = tmp_path / "planted.py"
    path.write_text(source, "utf-8")
    assert [outcome.message for case in list_cases(path, trials) if not (outcome := case.run()).holds] == []


def test_every_fault_is_planted_in_a_sound_twin():
    assert {fault.sound for fault in (*FAULTS, *PROCESS_FAULTS, AT_IMPORT, ENDED)} == {
        source for source, _ in SOUND.values()
    }


def test_every_rule_has_a_fault_that_it_finds():
    found = {fault.broken.partition("-")[2] for fault in (*FAULTS, *PROCESS_FAULTS, AT_IMPORT, ENDED)}
    assert {rule.id for rule in RULES} - found == {"requirements-declared"}
