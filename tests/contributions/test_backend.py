"""Batches of encoded rows: how many rows, of how much, and which together."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Batching, shapes
from mqa_registry.boundary import Contributor
from mqa_registry.boundary.backends import check_facts
from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError

WHATEVER = 10**9  # a budget that no batch reaches


def sizes_of(batching, sizes, budget):
    """The sizes of the rows in every batch; rows of one size have one shape."""
    return [list(batch) for batch in batching.batches(sizes, budget, cost=lambda row: row, shape=lambda row: row)]


def test_left_out_rows_are_padded_and_come_several_at_a_time():
    assert (Batching().rule, Batching().takes_batches, Batching().reason) == ("padded", True, "")


def test_short_rows_come_in_batches_of_512_at_most():
    assert [len(batch) for batch in sizes_of(Batching(), [1] * 1300, WHATEVER)] == [512, 512, 276]
    assert [len(batch) for batch in sizes_of(Batching("equal length"), [1] * 600, WHATEVER)] == [512, 88]


@pytest.mark.parametrize(
    ("rule", "batches"),
    [
        ("padded", [[9], [6, 5], [5, 5], [2, 1]]),  # padded to the first, the longest
        ("equal length", [[9], [6], [5, 5], [5], [2], [1]]),
        ("single", [[9], [6], [5], [5], [5], [2], [1]]),
    ],
)
def test_the_budget_counts_padding_and_a_row_that_is_larger_runs_alone(rule, batches):
    found = sizes_of(
        Batching(rule, takes_batches=rule != "single"), [9, 6, 5, 5, 5, 2, 1], 12 if rule == "padded" else 10
    )
    assert found == batches


@given(
    st.lists(st.integers(0, 30), max_size=60),
    st.integers(0, 100),
    st.sampled_from(["padded", "equal length", "single"]),
)
def test_every_row_is_in_one_batch_and_none_beyond_the_budget(sizes, budget, rule):
    rows = sorted(sizes, reverse=True)
    found = sizes_of(Batching(rule), rows, budget)
    assert sorted((row for batch in found for row in batch), reverse=True) == rows
    for batch in found:
        assert len(batch) == 1 or batch[0] * len(batch) <= budget
        assert rule != "single" or len(batch) == 1
        assert rule != "equal length" or len(set(batch)) == 1


def test_rows_whose_arrays_have_other_shapes_are_distinguished():
    row = {"ids": np.zeros((1, 3)), "mask": np.zeros(3)}
    assert shapes(row) == (("ids", (1, 3)), ("mask", (3,)))
    assert shapes(dict(reversed(row.items()))) == shapes(row)
    assert shapes(row | {"mask": np.zeros(4)}) != shapes(row)


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
def test_the_table_has_all_facts(facts):
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
        ({"device": "cpu"}, "`RunnerFacts` are expected"),
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
