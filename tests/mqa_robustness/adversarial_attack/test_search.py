"""The search: which words it tries, what it keeps, when it stops, and how small the edit is that it ends with."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_robustness.adversarial_attack.attack import Prediction, SampledRow
from mqa_robustness.adversarial_attack.candidates import CandidateEdit, CandidateWord
from mqa_robustness.adversarial_attack.search import CONCURRENT_ROWS, SearchLimits, minimize, search, search_in_batches


def edit(first, new="new", last=None, size=1):
    words = tuple(range(first, (last or first) + 1))
    return CandidateEdit("text", 10 * first, 10 * words[-1] + 5, new, "insert", words, size)


def word(index, *edits):
    return CandidateWord(edit(index, ""), edits or (edit(index),))


def searched(run_search, words, probability, queries=100, share=1.0):
    """The result of a search with its queries; `probability` gives that of the original label after some edits."""
    edit_sets = []

    def predict(edits):
        edit_sets.append([(one.words[0], one.new) for one in edits])
        sweet = probability(dict(edit_sets[-1]))
        return Prediction("sweet" if sweet > 0.5 else "sour", {"sweet": sweet, "sour": 1 - sweet})

    found = run_search(search(words, "sweet", SearchLimits(queries, share), np.random.default_rng(7)), predict)
    return found, edit_sets


def test_words_are_deleted_one_by_one_then_edited_in_the_order_of_what_that_did(run_search):
    matter = {0: 0.1, 1: 0.3, 2: 0.2}
    words = [word(index) for index in matter]
    found, edit_sets = searched(run_search, words, lambda made: 0.99 - 0.4 * sum(matter[index] for index in made))
    assert edit_sets[:4] == [[], [(0, "")], [(1, "")], [(2, "")]]
    assert edit_sets[4:] == [[(1, "new")], [(1, "new"), (2, "new")], [(1, "new"), (2, "new"), (0, "new")]]
    assert (found.perturbed, found.queries, found.words, found.editable) == (None, 7, 3, 3)


def test_an_edit_that_does_not_lower_the_probability_takes_no_room(run_search):
    def predict(made):
        return 0.2 if made.get(1) == "new" else 0.6 if made.get(0) == "" else 0.9

    found, edit_sets = searched(run_search, [word(0), word(1)], predict, share=0.5)
    assert edit_sets[3:] == [[(0, "new")], [(1, "new")]]
    assert [one.words for one in found.edits] == [(1,)]


def test_the_smallest_edit_of_a_word_that_succeeds_is_taken(run_search):
    candidates = [edit(0, new, size=size) for size, new in enumerate(("a", "b", "c"), 1)]
    found, _ = searched(run_search, [word(0, *candidates)], lambda made: 0.2 if made.get(0) in ("b", "c") else 0.9)
    assert (found.edits, found.queries, found.minimizing_queries) == ((candidates[1],), 5, 1)


def test_no_two_edits_overlap(run_search):
    phrase = edit(0, "phrase", last=1)
    _, edit_sets = searched(run_search, [word(0, phrase), word(1), word(2)], lambda made: 0.9 - 0.1 * len(made))
    assert [(0, "phrase"), (2, "new")] in edit_sets
    assert not any({(0, "phrase"), (1, "new")} <= set(one) for one in edit_sets)


def test_a_phrase_counts_as_all_the_words_that_it_edits(run_search):
    phrase = edit(0, "phrase", last=1)
    _, edit_sets = searched(run_search, [word(0, phrase), word(1), word(2)], lambda made: 0.9, share=0.4)
    assert [(0, "phrase")] not in edit_sets


@pytest.mark.parametrize("queries", [2, 3, 4, 5, 7, 100])
def test_half_of_the_budget_is_kept_for_edits_and_none_is_exceeded(run_search, queries):
    words = [word(index, *(edit(index, new) for new in "abc")) for index in range(4)]
    found, edit_sets = searched(run_search, words, lambda made: 0.9 - 0.01 * len(made), queries=queries)
    assert found.queries == len(edit_sets) <= queries
    assert sum(one[0][1] == "" for one in edit_sets if one) <= (queries - 1) // 2


def test_words_without_candidates_are_not_queried(run_search):
    found, edit_sets = searched(run_search, [CandidateWord(edit(0, ""), ()), word(1)], lambda made: 0.9)
    assert [(0, "")] not in edit_sets
    assert (found.words, found.editable) == (2, 1)


def test_what_is_not_needed_is_undone_and_what_is_needed_made_smaller(run_search):
    large = [edit(index, "large", size=4) for index in range(4)]
    small = [edit(index, "small", size=1) for index in range(4)]
    words = [CandidateWord(one, (two, one)) for one, two in zip(large, small, strict=True)]

    def predict(edits):
        needed = {(2, "large"), (2, "small")} & {(one.words[0], one.new) for one in edits}
        return Prediction("sour" if needed and any(one.words[0] == 3 for one in edits) else "sweet", {})

    edit_sets = []
    edits, after = run_search(minimize(tuple(large), Prediction("sour", {}), "sweet", words, edit_sets.extend), predict)
    assert {(one.words[0], one.new) for one in edits} == {(2, "small"), (3, "small")}
    assert after.label == "sour"
    assert len(edit_sets) == 4 + 3 + 2 + 2 + 2 + 1 + 2


def test_of_several_that_could_be_undone_it_is_the_one_that_leaves_least(run_search):
    pair = (edit(0, "large", size=4), edit(1, "small", size=1))
    for edits in (pair, pair[::-1]):
        words = [CandidateWord(one, (one,)) for one in pair]
        found, _ = run_search(
            minimize(edits, Prediction("sour", {}), "sweet", words, list), lambda edits: Prediction("sour", {})
        )
        assert found == pair[1:]


class Echo:
    """Predicts the row's id for every query, and records how many rows are queried at a time."""

    def __init__(self):
        self.rounds = []

    def predict(self, row_ids, examples):
        self.rounds.append(len(set(row_ids)))
        return list(row_ids)


def start(row):
    """A search of as many rounds as the row's number says, with one query more in each."""
    received = []
    for count in range(1, int(row.id) % 5 + 2):
        received += yield [()] * count
    return received


def test_each_row_gets_its_own_predictions_and_few_wait_for_one_another():
    rows = [SampledRow(str(number), {"text": "a"}, None, 7) for number in range(3 * CONCURRENT_ROWS)]
    echo = Echo()
    found = {row.id: received for row, received in search_in_batches(rows, start, echo)}
    assert set(found) == {row.id for row in rows}
    for name, received in found.items():
        rounds = int(name) % 5 + 1
        assert received == [name] * (rounds * (rounds + 1) // 2)
    assert max(echo.rounds) == CONCURRENT_ROWS
    assert len(echo.rounds) < 15
