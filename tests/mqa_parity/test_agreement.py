"""What lies behind flips: how sure the reference was, and how far everything moved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_parity.comparisons import agreement
from mqa_parity.flips import find_flips, flip_evidence, flip_rate
from mqa_parity.margins import MAX_TIE_LIMIT, MIN_TIE_LIMIT
from mqa_registry import Evidence, ExampleRow


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def answered(predicted):
    """Predictions of these logits or, with `exact`, of these probabilities."""

    def make(values, *, exact=False, **columns):
        p = values if exact else softmax(values)
        return predicted("label", **columns, **{f"class {number}": column for number, column in enumerate(p.T)})

    return make


def noisy(rows=2000, noise=0.01, seed=0, classes=2):
    """The logits of a reference, and those of a candidate with the same noise everywhere."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)) * 2
    return logits, logits + rng.normal(size=logits.shape) * noise


SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(seed=SEEDS, rows=st.integers(1, 300), classes=st.integers(2, 4), noise=st.sampled_from([0, 1e-7, 0.01, 1, 9]))
def test_every_flip_is_a_tie_or_damage_and_moved_by_its_margin(answered, seed, rows, classes, noise):
    one, other = (answered(logits) for logits in noisy(rows, noise, seed, classes))
    found = find_flips(one, other)
    assert (found.ties ^ found.damage == found.flipped).all()
    assert MIN_TIE_LIMIT <= found.limit <= MAX_TIE_LIMIT
    moves = one.probabilities - other.probabilities
    assert (found.margins <= np.ptp(moves, axis=1) + 1e-12)[found.flipped].all()
    highest = np.sort(one.probabilities, axis=1)
    np.testing.assert_allclose(found.margins, highest[:, -1] - highest[:, -2])


@settings(deadline=None)
@given(seed=SEEDS)
def test_the_worst_flip_comes_first(answered, seed):
    one, other = (answered(logits) for logits in noisy(200, 1.0, seed))
    shown = flip_evidence(one, other)
    margins = [row.margin for row in shown.examples]
    assert (
        len(margins)
        == shown.details["flips"]["count"]
        == shown.details["flips"]["ties"] + shown.details["flips"]["damage"]
    )
    assert margins == sorted(margins, reverse=True)
    assert shown.details["flips"]["largest_margin"] == max(margins, default=None)


def test_the_same_noise_everywhere_makes_one_flip_in_forty_damage(answered):
    found = [find_flips(*(answered(logits) for logits in noisy(4000, 0.02, seed))) for seed in range(40)]
    ties, damage = (sum(getattr(each, kind).sum() for each in found) for kind in ("ties", "damage"))
    assert ties + damage > 400
    assert 0.01 < damage / (ties + damage) < 0.04


def test_damaged_rows_do_not_raise_the_tie_limit(answered):
    reference, candidate = noisy(noise=0.001)
    candidate[:20] = -reference[:20]
    one, other = answered(reference), answered(candidate)
    found = find_flips(one, other)
    assert found.limit < 0.005
    assert found.damage[:20].sum() == np.count_nonzero(found.margins[:20] > found.limit) >= 19
    assert not found.damage[20:].any()


def test_a_flip_of_a_sure_prediction_is_damage_however_far_all_rows_moved(answered):
    found = find_flips(*(answered(logits) for logits in noisy(noise=5.0)))
    assert found.limit == MAX_TIE_LIMIT
    assert found.margins[found.damage].min() > MAX_TIE_LIMIT
    assert found.damage[found.flipped & (found.margins > 0.1)].all()


def test_a_margin_of_a_few_roundings_of_float32_is_a_tie_however_few_rows_there_are(answered):
    reference = np.array([[0.5 + 4e-6, 0.5 - 4e-6], [0.5 + 2e-5, 0.5 - 2e-5]])
    found = find_flips(answered(reference, exact=True), answered(reference[:, ::-1], exact=True))
    assert (found.ties.tolist(), found.damage.tolist()) == ([True, False], [False, True])


def test_rows_that_did_not_move_are_left_out_of_the_tie_limit(answered):
    reference, candidate = noisy(noise=0.05)
    moved = find_flips(answered(reference), answered(candidate))
    still = np.random.default_rng(1).normal(size=(5000, 2))
    one, other = (answered(np.vstack([logits, still])) for logits in (reference, candidate))
    assert find_flips(one, other).limit == moved.limit > MIN_TIE_LIMIT


def test_a_few_rows_do_not_raise_the_tie_limit(answered):
    p = np.array([[0.51, 0.49]] * 12)
    q = p + np.array([[-0.03, 0.03]] * 6 + [[0.03, -0.03]] * 6)
    found = find_flips(answered(p, exact=True), answered(q, exact=True))
    assert (found.limit, found.ties.sum(), found.damage.sum()) == (MIN_TIE_LIMIT, 0, 6)


def test_a_margin_below_the_resolution_of_float32_is_a_tie(answered):
    p = np.array([[0.5 + 4e-6, 0.5 - 4e-6], [0.9, 0.1]])
    found = find_flips(answered(p, exact=True), answered(p[:, ::-1], exact=True))
    assert (found.ties.tolist(), found.damage.tolist()) == ([True, False], [False, True])


@pytest.mark.parametrize("side", [0, 1])
def test_what_another_threshold_decided_has_no_margin(answered, side):
    p = np.array([[0.6, 0.4], [0.9, 0.1]])
    pair = [answered(p, exact=True), answered(p, exact=True, label=["class 1", "class 1"])]
    one, other = pair[side], pair[1 - side]
    assert np.isnan(find_flips(one, other).margins).all()
    shown = flip_evidence(one, other)
    assert shown.details["flips"]["count"] == 2
    assert shown.remarks == ["2 flips"]
    assert shown.examples == [ExampleRow("0"), ExampleRow("1")]


def test_labels_alone_are_counted_without_margins(predicted, answered):
    labels = predicted("label", ("class 0", "class 1"), label=["class 0", "class 1", "class 1"])
    sure = answered(np.array([[0.9, 0.1]] * 3), exact=True)
    for pair in ((labels, sure), (sure, labels), (labels, predicted("label", labels.classes, label=["class 0"] * 3))):
        shown = flip_evidence(*pair)
        assert shown.details["flips"] == {"count": 2}
        assert shown.remarks == ["2 flips"]
        assert shown.examples == [ExampleRow("1"), ExampleRow("2")]


def test_spans_are_counted_without_margins(predicted):
    spans = [[{"start": 0, "end": 4, "label": label, "score": 0.9}] for label in ("PER", "LOC")]
    one, other = predicted("spans", spans=spans), predicted("spans", spans=spans[:1] * 2)
    assert flip_evidence(one, other) == Evidence(
        remarks=["1 flip"], examples=[ExampleRow("1")], details={"flips": {"count": 1}}
    )


def test_predictions_without_a_flip_have_no_remark(answered):
    same = answered(np.array([[0.9, 0.1]] * 30), exact=True)
    shown = flip_evidence(same, same)
    assert shown.details["flips"] == {
        "count": 0, "ties": 0, "damage": 0, "largest_tie": None, "largest_margin": None, "tie_limit": MIN_TIE_LIMIT,
    }  # fmt: skip
    assert shown.examples == []
    assert shown.remarks == ()


def test_classes_are_matched_by_name(predicted):
    names = ("a", "b", "c")
    one = predicted("label", names, a=[0.6, 0.1], b=[0.3, 0.5], c=[0.1, 0.4])
    other = predicted("label", names[::-1], a=[0.2, 0.1], b=[0.7, 0.5], c=[0.1, 0.4])
    found = find_flips(one, other)
    assert found.flipped.tolist() == [True, False]
    assert found.margins == pytest.approx([0.3, 0.1])


@pytest.mark.parametrize(
    ("margins", "flipped", "said"),
    [
        ([0.3], [1], "1 flip: 1 damage (margin 0.3)"),
        ([0.3, 0.41, 4e-6], [1, 1, 1], "3 flips: 1 tie (margin 4e-06), 2 damage (margins up to 0.41)"),
        ([1e-6, 4e-6, 0.4], [1, 1, 0], "2 flips: 2 ties (margins up to 4e-06)"),
        ([0.3, np.nan], [1, 1], "2 flips: 1 damage (margin 0.3), 1 without a margin"),
    ],
)
def test_flips_are_summarized_in_one_line(answered, margins, flipped, said):
    p = np.array([[0.5 + margin / 2, 0.5 - margin / 2] for margin in np.nan_to_num(margins, nan=0.2)])
    q = np.where(np.array(flipped, bool)[:, None], p[:, ::-1], p)
    labels = np.where(np.isnan(margins), "class 1", "class 0").tolist()  # not of the highest, where NaN
    after = [f"class {int(code) ^ (label == 'class 1')}" for code, label in zip(flipped, labels, strict=True)]
    one, other = answered(p, exact=True, label=labels), answered(q, exact=True, label=after)
    assert flip_evidence(one, other).remarks == [said]


def span(start, end, label, score=None):
    return {"start": start, "end": end, "label": label, "score": score}


SAME_AND_NOT = {
    "label": ({"label": ["yes", "no"]}, {"label": ["yes", "yes"]}),
    "labels": ({"labels": [["a", "b"], ["a"]]}, {"labels": [["b", "a"], ["a", "b"]]}),
    "text": ({"text": ["Paris", "Paris"]}, {"text": ["Paris", "paris"]}),
    "ranking": ({"ranking": [["x", "y"], ["x", "y"]]}, {"ranking": [["x", "y"], ["y", "x"]]}),
    "spans": (
        {"spans": [[span(0, 4, "PER", 0.9), span(5, 7, "LOC", 0.5)], [span(0, 4, "PER", 0.9)]]},
        {"spans": [[span(5, 7, "LOC", 0.4), span(0, 4, "PER", 0.9)], [span(0, 4, "LOC", 0.9)]]},
    ),
}


@pytest.mark.parametrize("schema", SAME_AND_NOT)
def test_equal_predictions_agree_and_others_flip(predicted, schema):
    one, other = (predicted(schema, **columns) for columns in SAME_AND_NOT[schema])
    assert agreement(one, other).tolist() == [True, False]
    assert flip_rate(one, other).tolist() == [False, True]


@pytest.mark.parametrize("schema", SAME_AND_NOT)
def test_every_prediction_agrees_with_itself(predicted, schema):
    one = predicted(schema, **SAME_AND_NOT[schema][0])
    assert agreement(one, one).all()
    assert not flip_rate(one, one).any()


def test_probabilities_do_not_matter(predicted):
    one = predicted("label", no=[0.4, 0.4], yes=[0.6, 0.6])
    other = predicted("label", no=[0.1, 0.6], yes=[0.9, 0.4])
    assert agreement(one, other).tolist() == [True, False]


def test_labels_are_matched_by_name_and_not_by_index(predicted):
    one = predicted("label", ("yes", "no"), label=["yes", "no"])
    other = predicted("label", ("no", "yes"), label=["yes", "no"])
    assert agreement(one, other).all()
