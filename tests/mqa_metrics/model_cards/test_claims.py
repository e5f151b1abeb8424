"""What a model card claims: which numbers, of which rows, and how it may write them."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_metrics.model_cards.claims import Claim, read_card, select_claims
from mqa_metrics.model_cards.metric_types import CARD_METRICS, find_card_metric
from mqa_registry import DataError

IMDB = "type: imdb, name: IMDB, split: test"


def select(numbers, **chosen):
    return select_claims(numbers, **({"dataset": None, "config": None, "split": None, "task": ""} | chosen))


def read_metric(write_card, metric):
    (number,) = read_card(write_card((IMDB, f"{{{metric}}}")))
    return number


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ("0.932", 0.932), ("93.2", 0.932), ("1", 1.0), ("0", 0.0), ("100", 1.0), ("'93.2'", 0.932), ("'93.2 %'", 0.932),
        ("'0.8 %'", 0.008), ("'20.0 ± 1.2'", 0.2), ("'.5'", 0.5), ("9.32e-1", 0.932),
    ],
)  # fmt: skip
def test_a_claimed_share_may_be_in_per_cent(write_card, value, share):
    claim = read_metric(write_card, f"type: accuracy, value: {value}").claim
    assert (claim.metric, claim.value) == ("accuracy", pytest.approx(share))


@pytest.mark.parametrize(
    ("metric", "claim"),
    [
        ("type: matthews_correlation, value: -0.2", Claim("mcc", -0.2)),
        ("type: log_loss, value: 2.5", Claim("log-loss", 2.5)),  # no share, so never in per cent
        ("type: brier_score, value: 1.5", Claim("brier", 1.5)),
        ("type: mae, value: 12.5", Claim("mae", 12.5)),
        ("type: r_squared, value: -1.5", Claim("r2", -1.5)),  # which is possible, and so not in per cent
        ("type: pearsonr, value: 87.3", Claim("pearson", 0.873)),
        ("type: spearman, value: 0.87", Claim("spearman", 0.87)),
        ("type: hamming_loss, value: 0.1", Claim("hamming-loss", 0.1)),
        ("type: f1, value: 0.9, args: {average: samples}", Claim("f1", 0.9, {"average": "samples"})),
        ("type: f1, value: 0.9", Claim("f1", 0.9)),
        ("type: f1, value: 0.9, args: {average: macro}", Claim("f1", 0.9, {"average": "macro"})),
        ("type: f1, value: 0.9, config: micro", Claim("f1", 0.9, {"average": "micro"})),
        ("type: f1_macro, value: 0.9", Claim("f1", 0.9, {"average": "macro"})),
        ("type: f1, name: F1 Weighted, value: 0.9", Claim("f1", 0.9, {"average": "weighted"})),
        ("type: f1, name: Macro F1, value: 0.9, args: {average: micro}", Claim("f1", 0.9, {"average": "micro"})),
        ("type: recall, value: 0.9, args: {pos_label: 1}", Claim("recall", 0.9, {"positive": 1})),
        ("type: ece, value: 0.1, args: {n_bins: 10}", Claim("ece", 0.1, {"n_bins": 10})),
        ("type: accuracy, value: 0.9, args: {interval: {low: 0.8}}", Claim("accuracy", 0.9)),
    ],
)
def test_options_are_read_from_wherever_cards_state_them(write_card, metric, claim):
    assert read_metric(write_card, metric).claim == claim


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        ("type: bleu, value: 30", "mqa has no such metric"),
        ("type: accuracy, value: high", "its value is no number"),
        ("type: accuracy, value: '93,2'", "its value is no number"),
        ("type: accuracy, value: .nan", "its value is no number"),
        ("type: accuracy, value: true", "its value is no number"),
        ("type: accuracy, value: {a: 1}", "its value is no number"),
        ("type: accuracy, value: 1" + "0" * 400, "its value is no number"),
        ("type: accuracy, value: 932", "932 is no value of `metrics/accuracy`"),
        ("type: accuracy, value: -0.5", "-0.5 is no value of `metrics/accuracy`"),
        ("type: accuracy, value: 0.9, args: {top_k: 5}", "`metrics/accuracy` has no `top_k`"),
        ("type: f1, value: 0.9, args: {average: rows}", "`rows` is no `average`"),
        ("type: pearsonr, value: 120", "120 is no value of `metrics/pearson`"),
        ("type: mae, value: -1", "-1 is no value of `metrics/mae`"),
        ("type: ece, value: 0.9, args: {n_bins: none}", "`none` is no `n_bins`"),
        ("type: recall, value: 0.9, args: {pos_label: true}", "`True` is no `positive`"),
        ("value: 0.9", "it lacks 'type'"),
        ("type: accuracy", "it lacks 'value'"),
    ],
)
def test_a_number_that_no_metric_can_be_held_to_says_why(write_card, metric, problem):
    number = read_metric(write_card, metric)
    assert (number.claim, number.problem) == (None, problem)


def test_every_metric_is_found_by_its_type_its_name_and_its_aliases():
    for one in CARD_METRICS:
        for name in (one.type, one.metric.name, *one.aliases, one.type.upper(), f"{one.type} score"):
            assert find_card_metric(name) == (one, ""), name
    assert find_card_metric("score") == (None, "")


def test_a_malformed_entry_costs_no_other(write_card):
    card = write_card(("type: imdb", "{type: accuracy, value: 0.9}"), (IMDB, "{type: accuracy, value: 0.8}, 3, null"))
    lacking, sound = read_card(card)
    assert lacking.problem == "it lacks 'name'"
    assert sound.claim == Claim("accuracy", 0.8)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# no front matter\n", "has no `model-index`, and so claims no number"),
        (b"---\nlicense: mit\n---\n", "has no `model-index`, and so claims no number"),
        (b"---\nmodel-index: []\n---\n", "has no number"),
        (b"---\nmodel-index: {a: 1}\n---\n", "has no number"),
        (b"---\n- a\n---\n", "cannot be read: repo card metadata block should be a dict"),
        (b"---\na: [1\n---\n", "cannot be read: while parsing"),
        (b"---\na: !!python/object/apply:os.system [ls]\n---\n", "cannot be read: could not determine a constructor"),
        (b"\xff\xfe\x00---", "cannot be read: 'utf-8' codec"),
        (b"---\na: " + b"[" * 60 + b"\n---\n", "cannot be read"),
    ],
)
def test_a_card_without_numbers_is_refused_in_one_line(tmp_path, content, words):
    card = tmp_path / "README.md"
    card.write_bytes(content)
    with pytest.raises(DataError) as refused:
        read_card(card)
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_a_card_that_is_not_there_or_huge_is_not_read(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="cannot be read: no such file or directory"):
        read_card(tmp_path / "README.md")
    (tmp_path / "README.md").write_text("x" * 100)
    monkeypatch.setattr("mqa_metrics.model_cards.claims.MAX_BYTES", 99)
    with pytest.raises(DataError, match="is larger than"):
        read_card(tmp_path / "README.md")


def test_a_card_of_a_few_lines_that_stand_for_billions_of_entries_is_read_in_no_time(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    metric = "&m {type: *a11, value: *a11, name: *a11, args: {average: *a11}}"
    metrics = f"[{metric}, {{type: f1, value: 0.5, args: {{average: *a11}}}}, {', '.join(['*m'] * 3000)}]"
    lines += [
        f"model-index: [{{name: n, results: [{{task: {{type: *a11}}, dataset: {{type: *a11, name: *a11}}, metrics: {metrics}}}]}}]"
    ]
    (tmp_path / "README.md").write_text("\n".join(["---", *lines, "---"]))
    numbers = read_card(tmp_path / "README.md")
    assert len(numbers) == 1000
    assert {number.problem for number in numbers} == {"mqa has no such metric", "`` is no `average`"}


def test_claims_are_those_of_the_chosen_rows_and_the_others_are_listed(write_card):
    numbers = read_card(
        write_card(
            ("type: glue, name: GLUE, config: sst2, split: validation", "{type: accuracy, value: 0.9}"),
            ("type: glue, name: GLUE, config: sst2, split: test", "{type: accuracy, value: 0.8}"),
            (IMDB, "{type: accuracy, value: 0.7}, {type: bleu, value: 3}"),
        )
    )
    claims, others = select(numbers, dataset="IMDB")
    assert claims == [Claim("accuracy", 0.7)]
    assert others == [
        "accuracy 0.9: it is of `glue` (GLUE), config `sst2`, split `validation`",
        "accuracy 0.8: it is of `glue` (GLUE), config `sst2`, split `test`",
        "bleu 3: mqa has no such metric",
    ]
    assert select(numbers, dataset="glue", split="test")[0] == [Claim("accuracy", 0.8)]
    assert select(numbers, dataset="GLUE", config="sst2", split="validation")[0] == [Claim("accuracy", 0.9)]
    with pytest.raises(DataError, match=r"claims numbers of `glue` .*validation`; `glue` .*test`") as refused:
        select(numbers, dataset="glue")
    assert "`dataset`, `config` and `split`" in refused.value.hint
    with pytest.raises(DataError, match="claims no number of dataset `sst2` that mqa can measure") as refused:
        select(numbers, dataset="sst2")
    assert "accuracy 0.7: it is of `imdb` (IMDB), split `test`" in refused.value.hint


def test_claims_of_another_kind_of_task_are_others(write_card):
    card = write_card((IMDB, "{type: accuracy, value: 0.7}"), task="sentiment-analysis")
    assert select(read_card(card), task="text-classification")[0] == [Claim("accuracy", 0.7)]
    with pytest.raises(DataError) as refused:
        select(read_card(card), task="token-classification")
    assert refused.value.hint == "it has accuracy 0.7: it is of the task `sentiment-analysis`"


def test_the_same_claim_twice_is_one_and_two_numbers_of_one_metric_are_two(write_card):
    metrics = ("{type: accuracy, value: 0.7}", "{type: accuracy, value: 70}", "{type: accuracy, value: 0.8}")
    claims, _ = select(read_card(write_card((IMDB, ", ".join(metrics)))))
    assert [claim.title for claim in claims] == ["accuracy 0.7", "accuracy 0.8"]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip
TABLES = st.dictionaries(
    st.sampled_from(["type", "name", "value", "args", "config", "split", "metrics", "dataset", "task", "results"]),
    VALUES,
)


@settings(max_examples=25)  # each is a file
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "results": st.lists(
                    st.one_of(
                        VALUES,
                        TABLES,
                        st.fixed_dictionaries(
                            {"task": TABLES, "dataset": TABLES, "metrics": st.lists(TABLES, max_size=2)}
                        ),
                    ),
                    max_size=3,
                )
            }
        ),
        max_size=2,
    )
)
def test_whatever_a_model_index_has_is_a_claim_or_has_a_reason(tmp_path_factory, index):
    card = tmp_path_factory.getbasetemp() / "README.md"
    text = json.dumps({"model-index": index})  # JSON is YAML, but for NaN
    card.write_text(f"---\n{text}\n---\n", encoding="utf-8")
    try:
        numbers = read_card(card)
    except DataError:
        return
    for number in numbers:
        assert (number.claim is None) == bool(number.problem)
        assert number.claim is None or math.isfinite(number.claim.value)
