"""What a runner says that it runs on: typed facts, one table in reports and in the store."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.boundary import Contributor
from mqa_registry.boundary.backends import check_facts
from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError

WHO = Contributor("backend", "acme/run")
TEXTS = st.lists(st.text(min_size=1), min_size=1, max_size=3).map(tuple)
COUNTS = st.none() | st.integers(1, 2**40)
FACTS = st.builds(
    RunnerFacts,
    **dict.fromkeys(("device", "device_name", "precision", "read_as"), st.text()),
    **dict.fromkeys(("providers", "unread_inputs", "in_training"), st.just(()) | TEXTS),
    **dict.fromkeys(("threads", "opset", "bytes", "fixed_rows", "fixed_length"), COUNTS),
    tf32=st.none() | st.booleans(),
    details=st.dictionaries(st.sampled_from(["exporter", "nodes"]), st.integers() | st.text(), max_size=2),
)


@given(FACTS)
def test_the_table_of_facts_says_all_of_them(facts):
    assert RunnerFacts.from_table(json.loads(json.dumps(facts.to_table()))) == facts
    assert check_facts(WHO, facts) == facts


def test_the_table_has_what_is_known_and_nothing_else():
    facts = RunnerFacts(device="cpu", tf32=False, providers=("A", "B"), details={"exporter": "given"})
    assert facts.to_table() == {"device": "cpu", "providers": ["A", "B"], "tf32": False, "exporter": "given"}
    assert RunnerFacts().to_table() == {}


def test_numbers_of_numpy_become_plain():
    facts = check_facts(WHO, RunnerFacts(threads=np.int64(2), tf32=np.bool_(1), details={"share": np.float32(0.5)}))
    assert json.dumps(facts.to_table()) == '{"threads": 2, "tf32": true, "share": 0.5}'


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"device": "cpu"}, "`RunnerFacts` are due"),
        (RunnerFacts(device=3), "has the fact `device` 3 (int)"),
        (RunnerFacts(threads="many"), "has the fact `threads` 'many' (str)"),
        (RunnerFacts(providers="CPU"), "has the fact `providers` 'CPU' (str)"),
        (RunnerFacts(unread_inputs=(1,)), "has the fact `unread_inputs` (1,) (tuple)"),
        (RunnerFacts(details=3), "has the details 3 (int)"),
        (RunnerFacts(details={"device": "cpu"}), "has `device` among the details of its facts"),
        (RunnerFacts(details={"x": object()}), "which a report cannot hold"),
    ],
)
def test_facts_that_a_report_cannot_hold_are_the_backends_mistake(facts, words):
    with pytest.raises(ContributionError) as refused:
        check_facts(WHO, facts)
    assert words in refused.value.message


def test_every_fact_but_the_details_has_a_default_that_shows_its_type():
    defaults = {each.name: each.default for each in fields(RunnerFacts) if each.name != "details"}
    assert set(defaults.values()) == {"", None, ()}
