"""Measured numbers in a model card, read by the hub's own library; what else the card has stays to the letter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from huggingface_hub import EvalResult, ModelCard, metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_metrics.model_cards.claims import read_card, select_claims
from mqa_metrics.model_cards.measured import list_measured
from mqa_metrics.model_cards.metric_types import CARD_METRICS
from mqa_metrics.model_cards.model_index import amend_card
from mqa_registry import Number, UsageError
from tests.reports.conftest import DOMAINS, ENVIRONMENT, demo, finished, perturbed, result, sliced

MODEL = ENVIRONMENT["model"] | {"task": "text-classification"}
HUB = {"use": "datasets/hub", "id": "stanfordnlp/imdb", "split": "test", "revision": "e6281661", "config_name": "plain"}
CARD = """---
# what people search by
license: mit   # as the base model
tags:
- a
- "b: c"
{index}language: en
---

# Reviews\r\nOf films.

---
model-index: of the text
"""


def make_report(*results, source=None, model=MODEL, data=None):
    facts = {"rows": 4200, "digest": "sha256:7"} | ({"source": source} if source else {}) | (data or {})
    report = finished(list(results) or [result("accuracy")])
    return replace(report, environment=ENVIRONMENT | {"model": model, "data": {"reviews": facts}})


def results_of(card):
    return ModelCard(card).data.eval_results


def test_a_metric_is_written_as_the_hub_has_it_with_its_data_set_and_its_interval():
    card = ModelCard(amend_card(make_report(source=HUB), ""))
    assert card.data.model_name == "reviews-minilm"
    assert card.data.eval_results == [
        EvalResult(
            task_type="text-classification",
            dataset_type="stanfordnlp/imdb",
            dataset_name="reviews",
            dataset_config="plain",
            dataset_split="test",
            dataset_revision="e6281661",
            metric_type="accuracy",
            metric_name="Accuracy",
            metric_value=0.813,
            metric_args={
                "interval": {"low": 0.801, "high": 0.825, "confidence": 0.95, "method": "exact", "rows": 4200}
            },
        )
    ]


def test_data_from_a_file_have_their_name_in_the_suite_and_their_digest():
    (one,) = results_of(amend_card(make_report(source={"use": "datasets/file", "path": "reviews.csv"}), ""))
    assert (one.dataset_type, one.dataset_name, one.dataset_revision) == ("reviews", "reviews", "sha256:7")
    assert (one.dataset_split, one.dataset_config) == (None, None)


def test_options_become_arguments_by_the_hubs_names():
    measure = {"use": "metrics/recall", "positive": "negative"}
    weighted = {"use": "metrics/f1", "average": "weighted"}
    recall, f1 = results_of(amend_card(make_report(result("r", measure=measure), result("f", measure=weighted)), ""))
    assert (recall.metric_type, recall.metric_name, recall.metric_args["pos_label"]) == (
        "recall", "Recall (negative)", "negative",
    )  # fmt: skip
    assert (f1.metric_type, f1.metric_name, f1.metric_args["average"]) == ("f1", "F1 (weighted)", "weighted")


def test_only_metrics_of_unperturbed_rows_on_the_first_backend_are_of_the_model():
    kinds = [one.metric_type for one in list_measured(make_report(*demo()))]
    assert kinds == ["accuracy", "balanced_accuracy", "f1", "log_loss", "expected_calibration_error", "roc_auc"]
    assert [one.metric_value for one in list_measured(make_report(*sliced("domains", 0.1, DOMAINS)))] == [0.813]
    for none in (perturbed("typos", 0.03, 0.05), [result("accuracy", "onnx")], [result("a", numbers={})],
                 [result("a", measure={"use": "parity/agreement"})], [result("a", measure={"use": "acme/accuracy"})]):  # fmt: skip
        with pytest.raises(UsageError, match="has no metric of unperturbed rows on `torch`"):
            list_measured(make_report(*none))


def test_a_report_of_no_model_or_of_an_earlier_version_is_refused():
    for model in ({}, ENVIRONMENT["model"]):
        with pytest.raises(UsageError, match="does not say which model with which task was measured"):
            amend_card(make_report(model=model), "")


def test_a_number_without_an_interval_has_its_rows_alone():
    numbers = {"value": Number(0.5, None, None, 10, "none")}
    (one,) = list_measured(make_report(result("accuracy", numbers=numbers)))
    assert one.metric_args == {"interval": {"method": "none", "rows": 10}}


@pytest.mark.parametrize(
    "index",
    [
        "",
        "model-index:\n- name: old\n  results: []\n",
        "model-index:\n  - name: old\n    results:\n      - {task: {type: a}, dataset: {type: b, name: c}, metrics: []}\n\n# about languages\n",
        "'model-index' : [{name: old, results: []}]\n",
        '"model-index":\n- name: old\n  # kept by nobody\n  results: [\n  ]\n',
    ],
)
@pytest.mark.parametrize(("mark", "line_break"), [("", "\n"), ("\ufeff", "\n"), ("", "\r\n")])
def test_all_else_of_a_card_stays_to_the_letter(index, mark, line_break):
    before = mark + CARD.format(index=index).replace("\r\n", "\n").replace("\n", line_break)
    after = amend_card(make_report(), before)
    assert after.startswith(before[: before.index("tags:")])
    head, text = after[: after.index("# Reviews")], after[after.index("# Reviews") :]
    assert text == before[before.index("# Reviews") :]
    assert head.count("model-index") == 1
    assert "# about languages" not in index or f"# about languages{line_break}language: en" in head
    assert ("\r" in head) == (line_break == "\r\n")
    assert (head.count("\r\n") == head.count("\n")) == (line_break == "\r\n")
    metadata = ModelCard(after.removeprefix("\ufeff")).data
    assert (metadata.license, metadata.tags, metadata.language) == ("mit", ["a", "b: c"], "en")
    assert amend_card(make_report(), after) == after


def test_a_card_without_front_matter_gets_one_before_its_text(tmp_path):
    after = amend_card(make_report(), "# Reviews\n")
    assert after.endswith("\n---\n# Reviews\n")
    (tmp_path / "README.md").write_text(after)
    assert list(metadata_load(tmp_path / "README.md")) == ["model-index"]


def test_what_is_measured_again_takes_the_place_of_the_earlier_number_and_nothing_else_does():
    def entry(dataset, *metrics):
        return f"  - task: {{type: text-classification}}\n    dataset: {{{dataset}}}\n    metrics: [{', '.join(metrics)}]\n"

    old = "model-index:\n- name: old\n  results:\n" + entry(
        "type: Reviews, name: reviews",
        "{type: acc, value: 99, name: stale}",
        "{type: f1, value: 0.8}",
        "{type: bleu, value: 3}",
    )
    old += entry("type: reviews, name: reviews", "{type: accuracy, value: 0.98, name: stale}")
    old += entry("type: reviews, name: reviews", "{type: accuracy, value: 0.97, verified: true}")
    old += entry("type: imdb, name: reviews", "{type: accuracy, value: 0.96}")
    old += entry("type: reviews, name: reviews, split: test", "{type: accuracy, value: 0.95}")
    old += "  - malformed\n- name: second\n  results: []\n"
    after = amend_card(make_report(), CARD.format(index=old))
    assert "stale" not in after
    assert "  - malformed\n" in after
    assert "- name: second\n" in after
    _, found = model_index_to_eval_results(
        [
            {
                "name": "old",
                "results": [one for one in metadata_of(after)["model-index"][0]["results"] if one != "malformed"],
            }
        ]
    )
    assert [(one.metric_type, one.metric_value) for one in found] == [
        ("f1", 0.8), ("bleu", 3), ("accuracy", 0.97), ("accuracy", 0.96), ("accuracy", 0.95), ("accuracy", 0.813),
    ]  # fmt: skip
    assert metadata_of(after)["model-index"][0]["name"] == "old"


def metadata_of(card):
    from huggingface_hub import RepoCard

    return RepoCard(card).data.to_dict()


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("model-index: 3\n", "is no list of models with their `results`"),
        ("model-index: []\n", "is no list of models with their `results`"),
        ("model-index: [{name: a}]\n", "is no list of models with their `results`"),
        ("model-index: [\n{name: a, results: []}\n]\n", "is not written line by line"),
        ("model-index: [\n", "cannot be read: while parsing"),
        ("- a\n", "cannot be read: "),
    ],
)
def test_a_card_that_cannot_be_amended_safely_is_refused(index, words):
    with pytest.raises(UsageError, match=words):
        amend_card(make_report(), f"---\n{index}---\n")


def test_what_was_measured_is_a_claim_that_the_same_numbers_hold(tmp_path):
    card = tmp_path / "README.md"
    card.write_text(amend_card(make_report(*demo()), CARD.format(index="")), encoding="utf-8", newline="")
    claims, others = select_claims(
        read_card(card), dataset="reviews", config=None, split=None, task="text-classification"
    )
    assert others == []
    assert {claim.metric: claim.value for claim in claims} == {
        "accuracy": 0.813, "balanced-accuracy": 0.811, "f1": 0.809, "log-loss": 0.437, "ece": 0.041, "auroc": 0.893,
    }  # fmt: skip


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
SHARES = st.floats(0, 1)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(CARD_METRICS), SHARES, SHARES, st.booleans()), min_size=1, max_size=4),
    NAMES, NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map("# {}".format),
)  # fmt: skip
def test_every_card_is_read_back_as_it_was_written(measured, data, model, text):
    results = [
        result(
            str(row), data=data, measure={"use": f"metrics/{metric.metric.name}", **({"n_bins": row + 1} if "n_bins" in metric.options else {})},
            numbers={"value": Number(value, None if is_open else min(value, end), max(value, end), 9, "exact")},
        )
        for row, (metric, value, end, is_open) in enumerate(measured)
    ]  # fmt: skip
    report = make_report(*results, model=MODEL | {"id": model})
    written = list_measured(report)
    card = ModelCard(amend_card(report, text))
    assert card.data.eval_results == written
    assert card.text == text
    last = {json.dumps(one.measure): one.numbers["value"].estimate for one in results}  # of equal measures
    assert [one.metric_value for one in written] == pytest.approx(list(last.values()), rel=1e-5)
