"""Which column is what: the candidates for a field or a role, and when one of them is asked for."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry.cli.drafting.columns import find_columns, find_group_columns, map_columns
from tests.stand_ins import make_task

CLASSES = ("negative", "positive")
TEXTS = [f"text number {row} of this data set" for row in range(100)]
LABELS = ["negative", "positive"] * 50
NUMBERS = [0, 1] * 50
IDS = [f"row-{row}" for row in range(100)]
USERS = [f"user-{row % 20}" for row in range(100)]


def task(fields=("text",), schema="label", optional=()):
    made = make_task(lambda model, options: None, "task")
    made.fields, made.schema, made.optional = dict.fromkeys(fields, "text"), schema, optional
    return made


def found(columns, *, asked=None, **options):
    """The columns that are found, and the questions that were asked, each answered by its first candidate."""
    questions = {}

    def ask(question):
        questions[question.role] = question.candidates
        return (asked or {}).get(question.role, question.candidates[0])

    return find_columns(pa.table(columns), task(**options), CLASSES, ask), questions


def test_names_that_are_those_of_fields_and_roles_are_asked_for_by_nobody():
    columns = {"text": TEXTS, "label": LABELS, "id": IDS, "cluster": USERS, "review": TEXTS, "sentiment": LABELS}
    assert found(columns) == ({"text": "text", "target": "label", "id": "id", "cluster": "cluster"}, {})


@pytest.mark.parametrize("name", ["review", "reviewText", "Review Text", "SUMMARY", "x"])
def test_the_only_column_of_sentences_is_the_text(name):
    assert found({name: TEXTS, "domain": ["a", "b"] * 50, "code": IDS})[0]["text"] == name


def test_of_several_the_one_whose_name_says_so_comes_first_then_the_longest():
    columns = {"other": [text * 3 for text in TEXTS], "long": [text * 2 for text in TEXTS], "body": TEXTS}
    assert found(columns)[1] == {"text": ("body", "other", "long")}


def test_texts_without_spaces_are_texts_where_there_are_no_others():
    columns = {"文": [f"東京は今日も雨です{row}" for row in range(100)], "ラベル": NUMBERS}
    assert found(columns)[0] == {"text": "文", "target": "ラベル"}


@pytest.mark.parametrize("name", ["label", "target", "sentiment"])
def test_labels_are_never_taken_for_the_text(name):
    assert "text" not in found({"review": [{"text": text} for text in TEXTS], name: LABELS})[0]


def test_labels_that_are_names_of_classes_are_the_target_whatever_the_column_is_called():
    columns = {"text": TEXTS, "odd": [label.upper() for label in LABELS], "label_id": NUMBERS, "weekend": NUMBERS}
    assert found(columns) == ({"text": "text", "target": "odd"}, {})


@pytest.mark.parametrize("labels", [["neg", "pos"] * 50, [1, 2] * 50, ["no", "yes"] * 50])
def test_other_labels_are_the_target_where_the_name_says_so(labels):
    assert found({"text": TEXTS, "sentiment": labels})[0]["target"] == "sentiment"


def test_columns_that_are_no_labels_are_no_target():
    columns = {
        "text": TEXTS,
        "year": list(range(1900, 2000)),
        "price": [0.5] * 100,
        "lang": ["en", "de", "fr", "it"] * 25,
    }
    assert found(columns)[0] == {"text": "text"}


def test_positions_of_classes_could_be_the_target_and_so_are_asked_for():
    columns = {"text": TEXTS, "weekend": NUMBERS, "holiday": NUMBERS}
    assert found(columns, asked={"target": None}) == ({"text": "text"}, {"target": ("weekend", "holiday")})


def test_numbers_are_the_target_of_a_task_of_numbers():
    columns = {"text": TEXTS, "score": [0.5] * 100, "price": [0.5] * 100}
    assert found(columns, schema="value")[0] == {"text": "text", "target": "score"}
    assert found(columns, schema="vector")[0] == {"text": "text"}


def test_an_id_is_of_unique_values_and_a_cluster_of_repeated_ones():
    columns = {"text": TEXTS, "review_id": IDS, "userId": USERS, "key": [*IDS[:99], None]}
    assert found(columns)[0] == {"text": "text", "id": "review_id", "cluster": "userId"}
    assert found({"text": TEXTS, "a_id": IDS, "b_id": IDS})[1] == {"id": ("a_id", "b_id")}


def test_two_texts_of_a_known_pair_are_the_two_fields():
    columns = {"Premise": TEXTS, "hypothesis": TEXTS, "label": LABELS}
    fields = {"fields": ("text", "text_pair"), "optional": ("text_pair",)}
    assert found(columns, **fields)[0] == {"text": "Premise", "text_pair": "hypothesis", "target": "label"}
    assert found({"text": TEXTS, "label": LABELS}, **fields)[0] == {"text": "text", "target": "label"}


def test_groups_are_few_and_large_enough():
    columns = {
        "text": TEXTS,
        "half": NUMBERS,
        "flag": [True, False] * 50,
        "rare": ["a"] * 80 + ["b"] * 20,
        "user": USERS,
    }
    assert find_group_columns(pa.table(columns), {"text"}) == ("half", "flag")


def test_a_column_of_its_own_name_is_not_mapped():
    columns = {"text": "text", "target": "label", "id": "review_id"}
    assert map_columns(columns) == {"id": "review_id"}
    assert map_columns({"target": "target", "text": "label"}) == {"text": "label"}


PATHS = [f"photos/{row}.jpg" for row in range(100)]
CONTENTS = [text.encode() for text in TEXTS]


def find_image(columns):
    made = make_task(lambda model, options: None, "task")
    made.fields, made.schema, made.optional = {"image": "image"}, "label", ()
    asked = {}

    def ask(question):
        asked[question.role] = question.candidates
        return question.candidates[0]

    return find_columns(pa.table(columns), made, CLASSES, ask).get("image"), asked.get("image")


@pytest.mark.parametrize(
    ("columns", "image"),
    [
        ({"image": PATHS, "photo": PATHS}, "image"),
        ({"file": PATHS, "file_name": PATHS, "label": LABELS}, "file"),
        ({"picture": PATHS, "thumbnail": CONTENTS}, "picture"),
        ({"content": CONTENTS, "path": PATHS}, "content"),
        ({"review": TEXTS, "label": LABELS}, None),
    ],
    ids=["field", "folder", "name", "bytes", "none"],
)
def test_the_column_of_images_is_named_so_or_holds_bytes_or_paths(columns, image):
    assert find_image(columns) == (image, None)


def test_two_columns_that_could_both_be_images_are_asked_for():
    assert find_image({"img": PATHS, "photo": PATHS}) == ("img", ("img", "photo"))
