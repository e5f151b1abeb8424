"""What a model is fed for the value of a column, and what it cannot be fed."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from mqa_registry import DataError
from mqa_registry.errors import RowError
from mqa_tabular.features import Feature, find_misfit, read_options


def read(feature, value, missing="", unknown=""):
    return feature.read(value, missing=missing, unknown=unknown)


def test_a_feature_reads_values_by_its_kind():
    assert read(Feature("age"), 39) == 39.0
    assert read(Feature("age"), Decimal("1.5")) == 1.5
    assert math.isnan(read(Feature("age"), None))
    assert read(Feature("age", "integer"), 39.0) == 39
    assert read(Feature("veteran", "boolean"), 1) is True
    assert read(Feature("sex", "category"), "Male") == "Male"
    assert read(Feature("zip", "category"), 80331) == "80331"


def test_a_category_is_its_position_where_the_model_takes_it_so():
    sex = Feature("sex", "category", ("Female", "Male"), has_codes=True)
    assert read(sex, "Male") == 1
    assert read(sex, None, missing="Female") == 0
    assert read(sex, "male", unknown="Female") == 0


@pytest.mark.parametrize("has_codes", [False, True])
def test_a_category_that_the_model_never_saw_costs_its_row(has_codes):
    sex = Feature("sex", "category", ("Female", "Male"), has_codes=has_codes)
    with pytest.raises(RowError, match="`sex` is `Mael`, and the model never saw such a category") as refused:
        read(sex, "Mael")
    assert "did you mean `Male`?" in refused.value.hint


@pytest.mark.parametrize("kind", ["integer", "boolean"])
def test_a_missing_value_that_has_no_number_costs_its_row(kind):
    with pytest.raises(RowError, match=f"`age` is missing, and a model can be fed no missing {kind}"):
        read(Feature("age", kind), None)


def test_features_are_columns_of_numbers_or_each_has_its_kind_or_its_categories():
    assert read_options(["age", "hours"]) == (Feature("age"), Feature("hours"))
    assert read_options({"age": "integer", "sex": ["Female", "Male"]}) == (
        Feature("age", "integer"),
        Feature("sex", "category", ("Female", "Male"), has_codes=True),
    )
    with pytest.raises(DataError, match="gives `age` the kind `numbr`") as refused:
        read_options({"age": "numbr"})
    assert "did you mean `number`?" in refused.value.hint


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(DataError, match="no column `age`") as refused:
        find_misfit([Feature("age")], [{"Age": 3, "sex": "Male"}])
    assert refused.value.hint == "did you mean `Age`? there are `Age`, `sex`"


@pytest.mark.parametrize(
    ("feature", "value", "reason"),
    [
        (Feature("age"), "old", "its `age` is text, `old`, and the model reads it as number"),
        (Feature("age", "integer"), 1.5, "its `age` is a float, `1.5`, and the model reads it as integer"),
        (Feature("veteran", "boolean"), 2, "its `veteran` is a int, `2`, and the model reads it as boolean"),
        (Feature("sex", "category"), 0.5, "its `sex` is a float, `0.5`, and the model reads it as category"),
    ],
)
def test_the_first_row_with_a_value_of_another_kind_is_named(feature, value, reason):
    assert find_misfit([feature], [{feature.name: None}, {feature.name: value}]) == (1, reason)


def test_rows_that_fit_have_no_misfit():
    assert find_misfit([Feature("age"), Feature("sex", "category")], [{"age": 1, "sex": "Male", "note": [1]}]) is None
