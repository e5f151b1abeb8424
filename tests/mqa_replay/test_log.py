"""The forms in which services log their predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_replay.file import FileOptions, FileReplay

POS, NEG = {"label": "pos", "score": 0.9}, {"label": "neg", "score": 0.1}
PROBABILITIES = [[0.1, 0.9], [0.8, 0.2]]  # of neg and pos, in two rows


@pytest.fixture
def read(tmp_path):
    """What is read of a csv, or of rows as JSON lines."""

    def of(log, **options):
        path = tmp_path / ("log.csv" if isinstance(log, str) else "log.jsonl")
        path.write_text(log if isinstance(log, str) else "".join(f"{json.dumps(row)}\n" for row in log))
        return FileReplay().read("reviews", FileOptions(path=path, **options))

    return of


@pytest.fixture
def refused(read):
    def of(log, **options):
        with pytest.raises(DataError) as raised:
            read(log, **options)
        return raised.value

    return of


@pytest.mark.parametrize(
    ("log", "options", "remark"),
    [
        ("id,neg,pos\na,0.1,0.9\nb,0.8,0.2\n", {}, ""),
        ("id,label,score\na,pos,0.9\nb,neg,0.2\n", {}, "`score` as the probability of `pos`"),
        ("id,label,confidence\na,pos,0.9\nb,neg,0.8\n", {}, "`confidence` as the probability of the row's label"),
        ("id,label,prob_pos\na,pos,0.9\nb,neg,0.2\n", {}, "`prob_pos` as the probability of `pos`"),
        ("id,score\na,0.9\nb,0.2\n", {"classes": ("neg", "pos")}, "`score` as the probability of `pos`"),
        (
            "id,score\na,0.1\nb,0.8\n",
            {"classes": ("neg", "pos"), "positive": "neg"},
            "`score` as the probability of `neg`",
        ),
        ("id,label,p\na,pos,0.1\nb,neg,0.8\n", {"columns": {"score": "p"}, "positive": "neg"},
         "score from `p`, `score` as the probability of `neg`"),
        (
            "request_id,prediction,prob_neg,prob_pos\na,pos,0.1,0.9\nb,neg,0.8,0.2\n",
            {},
            "id from `request_id`, label from `prediction`, probabilities from `prob_neg` and the like",
        ),
        ("id,prob_neg,prob_pos\na,0.1,0.9\nb,0.8,0.2\n", {}, "probabilities from `prob_neg` and the like"),
        (
            "id,neg (share),pos (share)\na,0.1,0.9\nb,0.8,0.2\n",
            {"classes": ("neg", "pos")},
            "probabilities from `neg (share)` and the like",
        ),
        (
            "key,out,p\na,pos,0.9\nb,neg,0.8\n",
            {"columns": {"id": "key", "label": "out", "confidence": "p"}},
            "id from `key`, label from `out`, confidence from `p`, `confidence` as the probability of the row's label",
        ),
        ("id,label,neg,pos,ms\na,pos,0.1,0.9,12.5\nb,neg,0.8,0.2,1.5\n", {}, "`ms` not read: no probabilities"),
        (
            "id,prediction,score\na,1,0.9\nb,0,0.2\n",
            {"classes": ("neg", "pos")},
            "label from `prediction`, `score` as the probability of `pos`",
        ),
        (
            'id,output\na,"{""neg"": 0.1, ""pos"": 0.9}"\nb,"{""neg"": 0.8, ""pos"": 0.2}"\n',
            {},
            "probabilities from `output`",
        ),
        (
            [{"id": "a", "probs": {"neg": 0.1, "pos": 0.9}}, {"id": "b", "probs": {"neg": 0.8, "pos": 0.2}}],
            {},
            "probabilities from `probs`",
        ),
        (
            [{"id": "a", "scores": [0.1, 0.9]}, {"id": "b", "scores": [0.8, 0.2]}],
            {"classes": ("neg", "pos")},
            "probabilities from `scores`",
        ),
        (
            [{"id": "a", "logits": [0, np.log(9)]}, {"id": "b", "logits": [np.log(4), 0]}],
            {"classes": ("neg", "pos")},
            "softmax of `logits`",
        ),
        (
            [{"id": "a", "out": {"neg": 0, "pos": np.log(9)}}, {"id": "b", "out": {"neg": np.log(4), "pos": 0}}],
            {"columns": {"probability": "out"}, "scores": "logits"},
            "probability from `out`, softmax of `probability`",
        ),
        ("id,logit_neg,logit_pos\na,0,2.1972246\nb,1.3862944,0\n", {}, "softmax of `logit_neg` and the like"),
        (
            "id,score\na,2.1972246\nb,-1.3862944\n",
            {"classes": ("neg", "pos"), "scores": "logits"},
            "`score` as the probability of `pos`",
        ),
        (
            [{"id": "a", "output": [POS, NEG]}, {"id": "b", "output": [NEG | {"score": 0.8}, POS | {"score": 0.2}]}],
            {},
            "probabilities from `output`",
        ),
        (
            [{"id": "a", "output": [[POS, NEG]]}, {"id": "b", "output": [[NEG | {"score": 0.8}, POS | {"score": 0.2}]]}],
            {},
            "probabilities from `output`",
        ),
        (
            [{"id": "a", "output": POS}, {"id": "b", "output": NEG | {"score": 0.8}}],
            {},
            "label and score from `output`, `confidence` as the probability of the row's label",
        ),
        (
            [{"id": "a", "output": [POS]}, {"id": "b", "output": [NEG | {"score": 0.8}]}],
            {},
            "label and score from `output`, `confidence` as the probability of the row's label",
        ),
    ],
)  # fmt: skip
def test_every_form_of_log_is_read_and_the_remark_says_how(read, log, options, remark):
    predictions = read(log, **options)
    assert predictions.ids.to_pylist() == ["a", "b"]
    assert predictions.classes == ("neg", "pos")
    assert predictions.main.to_pylist() == ["pos", "neg"]
    np.testing.assert_allclose(predictions.probabilities, PROBABILITIES, atol=1e-6)
    assert predictions.read == remark


@pytest.mark.parametrize(
    ("log", "remark"),
    [
        ("id,label,latency\na,pos,12.5\nb,neg,0.2\n", "`latency` not read: no probabilities"),
        ("id,label,score\na,pos,12.5\nb,neg,3\n", "labels only, `score` is not read: it is no probability"),
        (
            "id,label,score\na,x,0.9\nb,y,0.8\nc,z,0.7\n",
            "labels only, `score` is not read: it is of one class of several",
        ),
        ("id,label,score\na,x,0.9\n", "labels only, `score` is not read: they name one class, and `classes` no other"),
    ],
)
def test_without_probabilities_only_the_labels_are_read(read, log, remark):
    predictions = read(log)
    assert predictions.probabilities is None
    assert predictions.main.null_count == 0
    assert predictions.read == remark


def test_the_top_classes_of_a_pipeline_give_labels(read):
    log = [
        {"id": 1, "output": [{"label": "a", "score": 0.6}, {"label": "b", "score": 0.3}]},
        {"id": 2, "output": [{"label": "c", "score": 0.4}, {"label": "a", "score": 0.5}]},
    ]
    predictions = read(log)
    assert (predictions.main.to_pylist(), predictions.classes) == (["a", "a"], ("a", "b", "c"))
    assert predictions.probabilities is None


def test_a_row_without_probabilities_keeps_its_label_and_one_with_nan_has_no_prediction(read):
    log = [
        {"id": 1, "label": "pos", "probs": {"neg": 0.1, "pos": 0.9}},
        {"id": 2, "label": "neg", "probs": None},
        {"id": 3, "label": "neg", "probs": {"neg": float("nan"), "pos": 0.9}},
    ]
    assert read(log).main.to_pylist() == ["pos", "neg", None]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"pos": [0.9, 0.6], "neg": [0.95, 0.8]}, "label"),
        ({"pos": [0.9, 0.3], "neg": [0.2, 0.1]}, "pos"),
        ({"pos": [0.1, 0.4], "neg": [0.6, 0.9]}, "neg"),
        ({"pos": [0.9, 0.8], "neg": [0.6, 0.7]}, ""),  # of `pos` above a threshold of 0.75, or of the label
        ({"pos": [0.9, 0.2], "neg": [0.8, 0.1]}, ""),  # of nothing
    ],
)
def test_the_class_of_a_score_follows_from_the_labels_or_has_to_be_named(read, refused, scores, expected):
    rows = [f"{label}{row},{label},{score}" for label, column in scores.items() for row, score in enumerate(column)]
    log = "\n".join(["id,label,score", *rows]) + "\n"
    if expected:
        assert read(
            log
        ).read == f"`score` as the probability of {'the row' if expected == 'label' else f'`{expected}`'}" + (
            "'s label" if expected == "label" else ""
        )
        return
    assert '`positive = "pos"`' in refused(log).hint
    assert 'confidence = "score"' in refused(log).hint
    assert read(log, positive="pos").probabilities[0, 1] == 0.9
    assert read(log.replace("score", "s"), columns={"confidence": "s"}).probabilities[2, 0] == scores["neg"][0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=20))
def test_confidences_and_probabilities_of_a_class_give_the_same_predictions(tmp_path_factory, probabilities):
    """Two forms of the same predictions: P(pos), and the label with its own probability."""
    path = tmp_path_factory.mktemp("log") / "log.csv"
    labels = ["pos" if p > 0.5 else "neg" for p in probabilities]
    path.write_text("id,pos,neg\n" + "".join(f"{row},{p},{1 - p}\n" for row, p in enumerate(probabilities)))
    plain = FileReplay().read("reviews", FileOptions(path=path, classes=("neg", "pos")))
    own = [max(p, 1 - p) for p in probabilities]
    for heading, numbers, options in (("p", probabilities, {"positive": "pos", "columns": {"score": "p"}}),
                                      ("c", own, {"columns": {"confidence": "c"}})):  # fmt: skip
        lines = [f"{row},{label},{p}\n" for row, (label, p) in enumerate(zip(labels, numbers, strict=True))]
        path.write_text(f"id,label,{heading}\n" + "".join(lines))
        other = FileReplay().read("reviews", FileOptions(path=path, classes=("neg", "pos"), **options))
        np.testing.assert_allclose(other.probabilities, plain.probabilities, atol=1e-12)
        assert other.main.to_pylist() == labels


@pytest.mark.parametrize(
    ("log", "options", "message", "hint"),
    [
        ("x,label\n1,a\n", {}, "there is no column `id`", 'write `columns = { id = "..." }`'),
        (
            "user_id,request_id,label\n1,1,a\n",
            {},
            "`user_id` and `request_id` may each be it",
            'columns = { id = "user_id" }',
        ),
        ("id,label\n1,a\n1,b\n", {}, "1 of the ids stand in more than one row", "keep one prediction"),
        ("id,label\n1,a\n,b\n", {}, "1 of 2 rows have no `id`", "row 2 is the first"),
        ("id,x\n1,a\n", {}, "there is no column `label`", 'write `columns = { label = "..." }`'),
        ("id,y\n1,2.5\n", {"schema": "value"}, "there is no column `value`", 'write `columns = { value = "..." }`'),
        ("id,pred,class\n1,a,b\n", {}, "`pred` and `class` may each be the label", 'columns = { label = "pred" }'),
        ("id,label\n1,a\n", {"columns": {"ids": "id"}}, "`columns` has no role `ids`", "it has `id`, `label`"),
        ("id,label\n1,a\n", {"columns": {"id": "idd"}}, "there is no column `idd`", "did you mean `id`?"),
        ("id,score\n1,0.5\n", {}, "one of two unknown classes", 'classes = ["...", "..."]'),
        ("id,score\n1,5.5\n", {"classes": ("a", "b")}, "`score` has 5.5", 'scores = "logits"'),
        ("id,label,score\n1,a,0.5\n2,b,0.5\n", {"positive": "c"}, "there is no class `c`", "`a` and `b`"),
        ([{"id": 1, "scores": [0.1, 0.9]}], {}, "does not say which class is which", 'classes = ["...", "..."]'),
        ([{"id": 1, "scores": [1.0]}], {"classes": ("a", "b")}, "1 numbers in row 1, and there are 2 classes", ""),
        ([{"id": 1, "output": [POS]}], {"classes": ("a", "b")}, "a score of `pos`, which is not among the classes", ""),
        ([{"id": 1, "output": [[POS], [NEG]]}], {}, "lists of several lists", ""),
        ([{"id": 1, "probs": {"a": "x", "b": "y"}}], {}, "`a` holds string, and numbers are needed", ""),
    ],
)
def test_an_ambiguous_log_is_refused_with_a_hint(refused, log, options, message, hint):
    error = refused(log, **options)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("log", "ids"),
    [
        ("id,label\n1.0,a\n2.0,b\n", ["1", "2"]),
        ("requestId,label\n007,a\n008,b\n", ["007", "008"]),
        ([{"uuid": "x-1", "label": "a"}, {"uuid": "x-2", "label": "b"}], ["x-1", "x-2"]),
        ([{"id": 1, "label": "a"}, {"id": "b", "label": "b"}], ["1", "b"]),
    ],
)
def test_ids_are_found_by_name_and_become_text(read, log, ids):
    assert read(log).ids.to_pylist() == ids


def test_integer_labels_that_pandas_wrote_as_floats_are_integers(read):
    assert read("id,label\na,1.0\nb,0.0\n").main.to_pylist() == ["1", "0"]


@pytest.mark.parametrize("name", ["request_id", "id", "uuid", "guid", "row.guid", "exampleId", "rowID", "Example id"])
def test_a_column_with_the_name_of_an_id_is_the_id(read, name):
    assert read(f"{name},label\na,x\nb,y\n").ids.to_pylist() == ["a", "b"]


@pytest.mark.parametrize("name", ["grid", "valid", "paid", "id_type", "ids"])
def test_a_column_with_another_name_is_not_the_id(refused, name):
    assert "there is no column `id`" in refused(f"{name},label\na,x\n").message


@pytest.mark.parametrize(
    "name",
    [
        "prediction",
        "predicted",
        "predicted_label",
        "predicted_class",
        "pred",
        "y_pred",
        "pred_label",
        "class",
        "answer",
    ],
)
def test_a_column_with_the_name_of_a_label_is_the_label(read, name):
    for spelling in (name, name.upper()):
        predictions = read(f"id,{spelling}\na,x\nb,y\n")
        assert (predictions.main.to_pylist(), predictions.read) == (["x", "y"], f"label from `{spelling}`")


@pytest.mark.parametrize(
    "name", ["score", "confidence", "probability", "prob", "proba", "predicted_probability", "certainty"]
)
def test_a_column_with_the_name_of_a_score_is_the_score(read, name):
    predictions = read(f"id,ms,{name}\na,0.5,0.9\nb,0.5,0.2\n", classes=("neg", "pos"))
    assert predictions.read == f"`{name}` as the probability of `pos`"
    np.testing.assert_allclose(predictions.probabilities, PROBABILITIES)


@pytest.mark.parametrize(
    "name",
    ["probability", "probabilities", "probs", "scores", "output", "outputs", "prediction", "predictions", "result"],
)
def test_objects_of_scores_are_found_by_name(read, name):
    predictions = read([{"id": "a", name: {"neg": 0.1, "pos": 0.9}}, {"id": "b", name: {"neg": 0.8, "pos": 0.2}}])
    assert predictions.read == f"probabilities from `{name}`"
    np.testing.assert_allclose(predictions.probabilities, PROBABILITIES)


@pytest.mark.parametrize("separator", "_.:-")
@pytest.mark.parametrize("prefix", ["probability", "probabilities", "proba", "prob", "p", "score", "scores"])
def test_prefixes_of_class_columns_are_recognized(read, prefix, separator):
    predictions = read(f"id,{prefix}{separator}neg,{prefix}{separator}pos\na,0.1,0.9\nb,0.8,0.2\n")
    assert predictions.classes == ("neg", "pos")
    np.testing.assert_allclose(predictions.probabilities, PROBABILITIES)


def test_objects_are_found_where_the_first_rows_are_empty(read):
    predictions = read('id,output\na,\nb,"{""neg"": 0.8, ""pos"": 0.2}"\n')
    np.testing.assert_allclose(predictions.probabilities, [[np.nan, np.nan], PROBABILITIES[1]])


def test_integers_are_indices_of_classes_where_all_are_valid(read, refused):
    assert read("id,prediction\na,1\nb,0\n", classes=("neg", "pos")).main.to_pylist() == ["pos", "neg"]
    for code in (-1, 2):
        error = refused(f"id,prediction\na,1\nb,{code}\n", classes=("neg", "pos"))
        assert "has the label `1`, which is not among the classes" in error.message


def test_a_hint_lists_at_most_twenty_columns(refused):
    names = [f"c{number}" for number in range(30)]
    hint = refused(f"id,{','.join(names)}\n1{',x' * 30}\n", schema="text").hint
    assert hint == f'it has `id`, {", ".join(f"`{name}`" for name in names[:19])}; write `columns = {{ text = "..." }}`'


@pytest.mark.parametrize(("low", "expected"), [(0.5, True), (0.49, False)])
def test_a_confidence_is_at_least_a_half(read, refused, low, expected):
    log = f"id,label,confidence\na,pos,0.9\nb,pos,{low}\nc,neg,0.8\nd,neg,0.7\n"
    if expected:
        assert read(log).read == "`confidence` as the probability of the row's label"
    else:
        assert "may be the probability neither of one class" in refused(log).message
