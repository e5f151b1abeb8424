"""How far two data sets differ: the classifier two-sample test, the terms, and the numbers of the probe."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from mqa_data.drift import auc_by_row, find_significant_terms, score_domain
from mqa_registry import NotRunError

WORDS = np.array([f"w{number}" for number in range(60)])


def make_texts(rng, count, *, longest=20, more=""):
    plain = [" ".join(rng.choice(WORDS, rng.integers(3, longest))) for _ in range(count)]
    return [f"{text} {more}" if more and rng.random() < 0.6 else text for text in plain]


def make_labels(rng, count, share):
    return np.where(rng.random(count) < share, "good", "bad").tolist()


def test_two_samples_of_one_source_rarely_differ_significantly(rows, run_probe):
    rng, ps, areas = np.random.default_rng(1), [], []
    for seed in range(30):
        one, two = (rows(make_texts(rng, 120), make_labels(rng, 120, 0.5)) for _ in range(2))
        numbers = run_probe("drift", one, two, seed=seed, permutations=99)[1]
        ps += [numbers["length_p_value"], numbers["label_p_value"]]
        areas.append(numbers["value"].mean())
    assert np.mean(np.array(ps) <= 0.05) <= 0.15
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_differences_of_words_lengths_and_labels_are_found(rows, run_probe):
    rng = np.random.default_rng(2)
    current = rows(make_texts(rng, 400, longest=30, more="refund"), make_labels(rng, 400, 0.8))
    reference = rows(make_texts(rng, 400), make_labels(rng, 400, 0.5))
    _, numbers, evidence = run_probe("drift", current, reference)
    assert numbers["value"].mean() > 0.75
    assert numbers["label_drift"] == pytest.approx(0.3, abs=0.1)
    assert numbers["length_drift"] > 0.15
    assert (numbers["label_p_value"], numbers["length_p_value"]) == (0.001, 0.001)
    assert evidence.details["terms"][0]["term"] == "refund"
    assert "`refund` is in" in evidence.remarks[0]


def test_without_labels_there_is_no_label_drift(rows, run_probe):
    rng = np.random.default_rng(4)
    _, numbers, evidence = run_probe("drift", rows(make_texts(rng, 40)), rows(make_texts(rng, 40), ["a"] * 40))
    assert "40 rows have no label, and are ignored in `label_drift`" in evidence.remarks
    assert not any("label `a`" in remark for remark in evidence.remarks)
    assert np.isnan(numbers["label_drift"])
    assert np.isnan(numbers["label_p_value"])


def test_rows_beyond_the_sample_are_counted(rows, run_probe):
    rng = np.random.default_rng(5)
    table, _, evidence = run_probe("drift", rows(make_texts(rng, 90)), rows(make_texts(rng, 30)), rows=25)
    assert table.num_rows == 50
    assert "65 current rows were not sampled" in evidence.remarks
    assert "5 reference rows were not sampled" in evidence.remarks


@pytest.mark.parametrize("given", [["same words"] * 30, [""] * 30, ["😀"] * 15 + ["你好"] * 15])
def test_equal_hostile_rows_do_not_differ(rows, run_probe, given):
    numbers = run_probe("drift", rows(given), rows(given))[1]
    assert numbers["value"].mean() == pytest.approx(0.5, abs=0.3)
    assert numbers["length_drift"] == 0


def test_a_single_row_is_too_few(rows, run_probe):
    with pytest.raises(NotRunError, match="1 row of a data set is too few"):
        run_probe("drift", rows(["a"]), rows(["b"] * 30))


def test_the_metadata_of_observations_survive_arrow(rows, run_probe):
    rng = np.random.default_rng(6)
    table = run_probe("drift", rows(make_texts(rng, 30)), rows(make_texts(rng, 30)))[0]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert pa.ipc.open_stream(sink.getvalue()).read_all().schema.metadata == table.schema.metadata


@pytest.mark.parametrize("count", [19, 20])
def test_twenty_rows_of_either_data_set_are_enough(rows, run_probe, count):
    few, many = rows(["a film"] * count), rows(["a film"] * 30)
    for current, reference in ((few, many), (many, few)):
        if count < 20:
            with pytest.raises(NotRunError, match="19 rows of a data set are too few to compare, which takes 20"):
                run_probe("drift", current, reference)
        else:
            assert run_probe("drift", current, reference)[1]["length_drift"] == 0


def test_lengths_are_compared_in_tenths_of_both_together(rows, run_probe):
    lengths = list(range(1, 101))
    current, reference = lengths[:50], lengths[50:]
    current[0], reference[0] = reference[0], current[0]
    numbers = run_probe("drift", *(rows(["w " * length for length in side]) for side in (current, reference)))[1]
    assert numbers["length_drift"] == pytest.approx(0.96)
    # Half of a tenth changes sides: rows of one tenth differ no further.
    current, reference = lengths[:50] + lengths[50:60:2], lengths[60:] + lengths[51:60:2]
    numbers = run_probe("drift", *(rows(["w " * length for length in side]) for side in (current, reference)))[1]
    here_shares = np.array([10] * 5 + [5] + [0] * 4) / 55
    there_shares = np.array([0] * 5 + [5] + [10] * 4) / 45
    assert numbers["length_drift"] == pytest.approx(np.abs(here_shares - there_shares).sum() / 2)


def test_at_most_five_terms_and_five_labels_are_remarked_on(rows, run_probe):
    current = rows([f"new{number % 8} film" for number in range(400)], [f"label {number % 7}" for number in range(400)])
    reference = rows(
        [f"old{number % 8} film" for number in range(400)], [f"label {number % 7}" for number in range(400)]
    )
    evidence = run_probe("drift", current, reference)[2]
    assert len(evidence.details["terms"]) == 16
    assert sum("of the current rows and in" in remark for remark in evidence.remarks) == 5
    assert sum("of the labelled rows," in remark for remark in evidence.remarks) == 5


def test_a_p_value_is_the_share_of_random_divisions_that_are_as_far_apart(rows, run_probe):
    labels = ["a"] * 30 + ["b"] * 30
    apart = run_probe("drift", rows(["x"] * 30, labels[:30]), rows(["x"] * 30, labels[30:]), permutations=199)[1]
    assert apart["label_p_value"] == 1 / 200
    equal = run_probe("drift", rows(["x"] * 30, labels[15:45]), rows(["x"] * 30, labels[15:45]), permutations=199)[1]
    assert equal["label_p_value"] == 1.0


def rows_with(counts, size):
    """Rows of one word each: so many of each word, and the rest with `other`."""
    words = [[word] for word, count in counts.items() for _ in range(count)]
    return words + [["other"]] * (size - len(words))


def test_the_area_is_that_of_mann_whitney_and_its_variance_that_of_delong():
    rng = np.random.default_rng(3)
    one, two = rng.normal(0.5, 1, 70).round(1), rng.normal(0, 1, 110).round(1)
    is_current = np.repeat([True, False], [70, 110])
    by_row = auc_by_row(np.concatenate([one, two]), is_current)
    assert by_row.mean() == pytest.approx(mannwhitneyu(one, two).statistic / (70 * 110))
    over = (one[:, None] > two) + 0.5 * (one[:, None] == two)
    spread = over.mean(axis=1).var(ddof=1) / 70 + over.mean(axis=0).var(ddof=1) / 110
    assert by_row.var(ddof=1) / 180 == pytest.approx(spread, rel=0.02)


def test_rows_without_a_score_have_no_area():
    scores = np.array([0.9, np.nan, 0.1, np.nan])
    assert auc_by_row(scores, np.array([True, True, False, False])).tolist() == [1.0, 1.0]


def test_half_of_either_domain_is_scored_and_the_other_half_trained_on():
    rng = np.random.default_rng(1)
    words = [["new" if row < 40 else "old", "film"] for row in range(100)]
    domains = np.repeat([1, 0], [40, 60])
    scores = score_domain(words, domains, rng)
    is_scored = ~np.isnan(scores)
    assert (is_scored[:40].sum(), is_scored[40:].sum()) == (20, 30)
    assert scores[:40][is_scored[:40]].min() > scores[40:][is_scored[40:]].max()


def test_words_that_only_the_scored_half_has_change_no_score():
    words = [["film"]] * 40
    domains = np.repeat([1, 0], 20)
    scored = np.flatnonzero(~np.isnan(score_domain(words, domains, np.random.default_rng(1))))
    marked = [["film", "unseen"] if row == scored[0] else one for row, one in enumerate(words)]
    scores = score_domain(marked, domains, np.random.default_rng(1))
    assert len(set(scores[scored].tolist())) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12))
def test_significant_terms_are_those_of_the_pooled_z_test_after_bonferroni_at_5_percent(counts):
    words = {f"w{index}": pair for index, pair in enumerate(counts)}
    words["other"] = (10, 10)
    current, reference = ([[word] for word in words for _ in range(words[word][side])] + [[]] * 10 for side in (0, 1))
    sizes = [len(current), len(reference)]
    tested = {word: pair for word, pair in words.items() if sum(pair) >= 5}
    ps = [proportions_ztest(pair, sizes)[1] for pair in tested.values()]
    corrected = multipletests(ps, method="bonferroni")[1]
    expected = {word for word, p in zip(tested, corrected, strict=True) if p < 0.05}
    terms = find_significant_terms(current, reference)
    assert {term["term"] for term in terms} == expected
    for term in terms:
        pair = words[term["term"]]
        assert (term["current"], term["reference"]) == pytest.approx((pair[0] / sizes[0], pair[1] / sizes[1]))
        assert term["z"] == pytest.approx(proportions_ztest(pair, sizes)[0])


@pytest.mark.parametrize(("p", "significant"), [(0.049, True), (0.051, False), (0.4, False)])
def test_a_single_word_is_significant_below_5_percent(p, significant):
    # Of 10,000 rows each, so that the difference of counts that has this p-value is nearly a whole number.
    size, base = 10_000, 1000
    z = norm.isf(p / 2)
    more = next(count for count in range(size) if _z(base + count, base, size) > z)
    current, reference = (
        [["word"]] * count + [[]] * (size - count) for count in (base + more - (not significant), base)
    )
    assert bool(find_significant_terms(current, reference)) == significant


def _z(one, two, size):
    pooled = (one + two) / (2 * size)
    return (one - two) / size / math.sqrt(pooled * (1 - pooled) * 2 / size)


@pytest.mark.parametrize(("count", "tested"), [(4, False), (5, True)])
def test_a_word_in_less_than_five_rows_is_not_tested(count, tested):
    terms = find_significant_terms([["rare"]] * count + [[]] * 20, [[]] * 100_000)
    assert [term["term"] for term in terms] == ["rare"] * tested


def test_words_in_less_than_five_rows_do_not_count_in_the_correction():
    current, reference = [["word"]] * 30 + [[]] * 270, [["word"]] * 12 + [[]] * 288
    assert [term["term"] for term in find_significant_terms(current, reference)] == ["word"]
    rare = [[f"rare {row}"] for row in range(100)]
    assert [
        term["term"] for term in find_significant_terms([*current[:-50], *rare[:50]], [*reference[:-50], *rare[50:]])
    ] == ["word"]


def test_the_twenty_most_significant_words_are_listed_in_their_order():
    current = rows_with({f"w{index:02}": 40 + index for index in range(25)}, 3000)
    terms = find_significant_terms(current, [["other"]] * 3000)
    assert [term["term"] for term in terms if term["term"] != "other"] == [f"w{index:02}" for index in range(24, 5, -1)]
    assert len(terms) == 20
    assert [abs(term["z"]) for term in terms] == sorted((abs(term["z"]) for term in terms), reverse=True)


def test_a_word_counts_once_in_a_row():
    assert find_significant_terms([["film"] * 9] * 30, [["film"]] * 30) == []


@pytest.mark.parametrize("rows", [[], [[]], [["a"]]])
def test_without_frequent_words_nothing_is_significant(rows):
    assert find_significant_terms(rows, [["a"]]) == []
