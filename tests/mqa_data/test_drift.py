"""How far two data sets can be evidence apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import NotRunError

WORDS = np.array([f"w{number}" for number in range(60)])


def texts(rng, count, *, longest=20, more=""):
    drawn = [" ".join(rng.choice(WORDS, rng.integers(3, longest))) for _ in range(count)]
    return [f"{text} {more}" if more and rng.random() < 0.6 else text for text in drawn]


def labels(rng, count, share):
    return np.where(rng.random(count) < share, "good", "bad").tolist()


def test_two_samples_of_one_source_are_rarely_distinguished(rows, ask_probe):
    rng, ps, areas = np.random.default_rng(1), [], []
    for seed in range(30):
        one, two = (rows(texts(rng, 120), labels(rng, 120, 0.5)) for _ in range(2))
        numbers = ask_probe("drift", one, two, seed=seed, permutations=99)[1]
        ps += [numbers["length_p"], numbers["label_p"]]
        areas.append(numbers["value"].mean())
    assert np.mean(np.array(ps) <= 0.05) <= 0.15
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_what_differs_is_found_and_named(rows, ask_probe):
    rng = np.random.default_rng(2)
    here = rows(texts(rng, 400, longest=30, more="refund"), labels(rng, 400, 0.8))
    there = rows(texts(rng, 400), labels(rng, 400, 0.5))
    _, numbers, evidence = ask_probe("drift", here, there)
    assert numbers["value"].mean() > 0.75
    assert numbers["label"] == pytest.approx(0.3, abs=0.1)
    assert numbers["length"] > 0.15
    assert (numbers["label_p"], numbers["length_p"]) == (0.001, 0.001)
    assert evidence.details["terms"][0]["term"] == "refund"
    assert "`refund` is in" in evidence.remarks[0]


def test_without_labels_there_is_no_distance_between_them(rows, ask_probe):
    rng = np.random.default_rng(4)
    _, numbers, evidence = ask_probe("drift", rows(texts(rng, 40)), rows(texts(rng, 40), ["a"] * 40))
    assert "40 rows have no label, and are ignored in `label`" in evidence.remarks
    assert not any("label `a`" in remark for remark in evidence.remarks)
    assert np.isnan(numbers["label"])
    assert np.isnan(numbers["label_p"])


def test_rows_beyond_the_requested_number_are_left_out_and_counted(rows, ask_probe):
    rng = np.random.default_rng(5)
    table, _, evidence = ask_probe("drift", rows(texts(rng, 90)), rows(texts(rng, 30)), rows=25)
    assert table.num_rows == 50
    assert "65 rows here were not drawn" in evidence.remarks
    assert "5 rows there were not drawn" in evidence.remarks


@pytest.mark.parametrize("given", [["same words"] * 30, [""] * 30, ["😀"] * 15 + ["你好"] * 15])
def test_hostile_rows_are_distinguished_by_nothing(rows, ask_probe, given):
    numbers = ask_probe("drift", rows(given), rows(given))[1]
    assert numbers["value"].mean() == pytest.approx(0.5, abs=0.3)
    assert numbers["length"] == 0


def test_a_few_rows_are_too_few(rows, ask_probe):
    with pytest.raises(NotRunError, match="1 row of a data set is too few"):
        ask_probe("drift", rows(["a"]), rows(["b"] * 30))


def test_what_was_seen_survives_arrow(rows, ask_probe):
    rng = np.random.default_rng(6)
    table = ask_probe("drift", rows(texts(rng, 30)), rows(texts(rng, 30)))[0]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert pa.ipc.open_stream(sink.getvalue()).read_all().schema.metadata == table.schema.metadata


@pytest.mark.parametrize("count", [19, 20])
def test_twenty_rows_of_either_data_set_are_enough(rows, ask_probe, count):
    few, many = rows(["a film"] * count), rows(["a film"] * 30)
    for here, there in ((few, many), (many, few)):
        if count < 20:
            with pytest.raises(NotRunError, match="19 rows of a data set are too few to compare, which takes 20"):
                ask_probe("drift", here, there)
        else:
            assert ask_probe("drift", here, there)[1]["length"] == 0


def test_lengths_are_compared_in_tenths_of_both_together(rows, ask_probe):
    lengths = list(range(1, 101))
    here, there = lengths[:50], lengths[50:]
    here[0], there[0] = there[0], here[0]
    numbers = ask_probe("drift", *(rows(["w " * length for length in side]) for side in (here, there)))[1]
    assert numbers["length"] == pytest.approx(0.96)
    # Half of a tenth changes sides: rows of one tenth differ no further.
    here, there = lengths[:50] + lengths[50:60:2], lengths[60:] + lengths[51:60:2]
    numbers = ask_probe("drift", *(rows(["w " * length for length in side]) for side in (here, there)))[1]
    here_shares = np.array([10] * 5 + [5] + [0] * 4) / 55
    there_shares = np.array([0] * 5 + [5] + [10] * 4) / 45
    assert numbers["length"] == pytest.approx(np.abs(here_shares - there_shares).sum() / 2)


def test_no_more_than_five_terms_and_five_labels_are_remarked_on(rows, ask_probe):
    here = rows([f"new{number % 8} film" for number in range(400)], [f"label {number % 7}" for number in range(400)])
    there = rows([f"old{number % 8} film" for number in range(400)], [f"label {number % 7}" for number in range(400)])
    evidence = ask_probe("drift", here, there)[2]
    assert len(evidence.details["terms"]) == 16
    assert sum("of the rows here and in" in remark for remark in evidence.remarks) == 5
    assert sum("of the labelled rows here" in remark for remark in evidence.remarks) == 5


def test_a_p_value_is_the_share_of_random_divisions_that_are_as_far_apart(rows, ask_probe):
    labels = ["a"] * 30 + ["b"] * 30
    apart = ask_probe("drift", rows(["x"] * 30, labels[:30]), rows(["x"] * 30, labels[30:]), permutations=199)[1]
    assert apart["label_p"] == 1 / 200
    equal = ask_probe("drift", rows(["x"] * 30, labels[15:45]), rows(["x"] * 30, labels[15:45]), permutations=199)[1]
    assert equal["label_p"] == 1.0
