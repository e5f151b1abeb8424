"""`metrics/claimed`: the numbers of a model card, held to what the predictions come to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from mqa_metrics.model_cards.claimed import Claimed, ClaimedOptions
from mqa_registry import DataError, NotRunError, Predictions, ProbeContext, Shortfall, ViewContext
from mqa_registry.types import Rows

IMDB = "type: imdb, name: IMDB"
CLASSES = ("negative", "positive")
ROWS = 200
RNG = np.random.default_rng(5)
TARGETS = RNG.integers(2, size=ROWS)
SCORES = np.clip(TARGETS * 0.3 + RNG.random(ROWS) * 0.7, 0, 1)
CODES = (SCORES > 0.5).astype(int)


def make_model(card=None, needs="text-classification"):
    return SimpleNamespace(model=SimpleNamespace(card=card), task=SimpleNamespace(needs=needs))


def make_predictions(probability=True, missing=()):
    labels = [None if row in missing else CLASSES[code] for row, code in enumerate(CODES)]
    columns = {"id": [str(row) for row in range(ROWS)], "label": pa.array(labels, pa.string())}
    if probability:
        columns["probability"] = pa.array([[1 - one, one] for one in SCORES], pa.list_(pa.float64()))
    return Predictions("label", pa.table(columns), CLASSES)


def make_context(predicted=None, model=None, **columns):
    given = {"id": [str(row) for row in range(ROWS)], "target": [CLASSES[code] for code in TARGETS]} | columns
    rows = Rows(pa.table({name: values for name, values in given.items() if values is not None}), ())
    return ProbeContext(ViewContext("torch", rows, predicted), RNG, None, model)


def measure(card, predicted=None, **options):
    probe = Claimed()
    table = probe.observe(make_context(predicted or make_predictions()), ClaimedOptions(card=card, **options))
    return probe.numbers(table), probe.evidence(table)


def test_every_claim_is_measured_by_its_metric_as_scikit_learn_does(write_card):
    metrics = [
        "{type: accuracy, value: 0.9}", "{type: f1, value: 90, args: {average: macro}}", "{type: roc_auc, value: 0.9}",
        "{type: recall, value: 0.9, args: {pos_label: 0}}", "{type: recall, value: 0.9, args: {pos_label: negative}}",
        "{type: log_loss, value: 0.5}",
    ]  # fmt: skip
    numbers, evidence = measure(write_card((IMDB, ", ".join(metrics))))
    assert list(numbers) == [
        "accuracy 0.9", "f1 macro 0.9", "auroc 0.9", "recall 0 0.9", "recall negative 0.9", "log-loss 0.5",
    ]  # fmt: skip
    oracles = {
        "accuracy 0.9": (CODES == TARGETS).mean(),
        "f1 macro 0.9": f1_score(TARGETS, CODES, average="macro"),
        "auroc 0.9": roc_auc_score(TARGETS, SCORES),
        "recall 0 0.9": recall_score(TARGETS, CODES, pos_label=0),
        "recall negative 0.9": recall_score(TARGETS, CODES, pos_label=0),
    }
    for claim, oracle in oracles.items():
        measured = numbers[claim]["measured"]
        value = (
            measured.compute(np.bincount(measured.bins, minlength=measured.n_bins))
            if hasattr(measured, "bins")
            else np.nanmean(measured)
        )
        assert value == pytest.approx(oracle), claim
        assert (numbers[claim]["value"], numbers[claim]["claimed"]) == (Shortfall("measured", 0.9), 0.9)
    assert numbers["log-loss 0.5"]["value"] == Shortfall("measured", 0.5, less_is_better=True)
    assert (evidence.notes, evidence.details) == ([], {"not_measured": []})


def test_what_cannot_be_measured_on_these_predictions_is_noted_and_costs_no_other(write_card):
    metrics = (
        "{type: accuracy, value: 0.9}, {type: roc_auc, value: 0.9}, {type: recall, value: 0.9, args: {pos_label: 7}}"
    )
    card = write_card((IMDB, metrics), ("type: sst2, name: SST", "{type: accuracy, value: 0.8}"))
    numbers, evidence = measure(card, make_predictions(probability=False), dataset="imdb")
    assert list(numbers) == ["accuracy 0.9"]
    (note,) = evidence.notes
    assert note.startswith(
        "of the model card are not measured: auroc 0.9: the predictions are labels alone, and this metric"
    )
    assert note.endswith("recall 7 0.9: there is no class 7; accuracy 0.8: it is of `sst2` (SST)")
    with pytest.raises(
        NotRunError, match=r"no claim of the model card can be measured on these predictions: auroc 0.9"
    ):
        measure(write_card((IMDB, "{type: roc_auc, value: 0.9}")), make_predictions(probability=False))


def test_a_long_list_of_what_is_not_measured_is_cut_in_the_note_alone(write_card):
    metrics = ", ".join(["{type: accuracy, value: 0.9}", *(f"{{type: bleu, value: {number}}}" for number in range(9))])
    _, evidence = measure(write_card((IMDB, metrics)))
    assert evidence.notes[0].endswith("bleu 4: mqa has no such metric; and 4 more")
    assert len(evidence.details["not_measured"]) == 9


def test_rows_without_a_target_do_not_count_and_clusters_are_kept(write_card):
    card = write_card((IMDB, "{type: accuracy, value: 0.9}"))
    targets = [None if row < 50 else CLASSES[code] for row, code in enumerate(TARGETS)]
    context = make_context(make_predictions(missing=(3,)), target=targets, cluster=[row // 2 for row in range(ROWS)])
    table = Claimed().observe(context, ClaimedOptions(card=card))
    assert table["cluster"].to_pylist() == [row // 2 for row in range(50, ROWS)]
    assert len(Claimed().numbers(table)["accuracy 0.9"]["measured"]) == 150


def test_a_claim_is_about_all_rows_so_that_none_may_be_without_a_prediction(write_card):
    card = write_card((IMDB, "{type: accuracy, value: 0.9}"))
    with pytest.raises(NotRunError, match="2 rows have no finite prediction"):
        measure(card, make_predictions(missing=(3, 4)))


def test_the_card_is_the_models_own_unless_another_is_named(write_card, tmp_path):
    card = write_card((IMDB, "{type: accuracy, value: 0.9}"))
    own = make_context(model=make_model(card))
    Claimed().check(own, ClaimedOptions())
    before = Claimed().identity(own, ClaimedOptions())
    card.write_text(card.read_text().replace("0.9", "0.8"))
    assert Claimed().identity(own, ClaimedOptions()) != before
    assert Claimed().identity(own, ClaimedOptions(card=tmp_path / "other.md")) == {"card": ""}
    with pytest.raises(DataError, match=r"the model card `.*other.md` cannot be read"):
        Claimed().check(own, ClaimedOptions(card=tmp_path / "other.md"))


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (make_model(), {}, "the model has no model card"),
        (None, {}, "no backend runs a model that could have a card"),
    ],
)
def test_without_a_card_there_is_one_clear_line(model, options, words):
    with pytest.raises(DataError, match=words) as refused:
        Claimed().check(make_context(model=model), ClaimedOptions(**options))
    assert refused.value.hint == 'a card is the `README.md` in the model\'s folder; name another file by `card = "..."`'


def test_a_claim_of_another_kind_of_task_and_rows_without_targets_are_refused_at_once(write_card):
    card = write_card((IMDB, "{type: accuracy, value: 0.9}"))
    with pytest.raises(DataError, match="claims no number of these rows that mqa can measure"):
        Claimed().check(make_context(model=make_model(card, needs="token-classification")), ClaimedOptions())
    with pytest.raises(DataError, match="have no column `target`"):
        Claimed().check(make_context(model=make_model(card), target=None), ClaimedOptions())
