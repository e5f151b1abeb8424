"""What goes wrong in tables: each change against what it says it does, and the same row changed the same way again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_tabular import mqa_perturbations

ROW = {"age": 39, "hours": 40.5, "sex": "Male", "work": "State-gov", "veteran": True, "gain": 0, "note": None}
FUNCTIONS = {one.name: one.function for one in mqa_perturbations()}
numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6))


def perturbed(name, row=ROW, seed=0, **options):
    """The row after a perturbation; None where that declines it."""
    example = FUNCTIONS[name]({"columns": dict(row)}, np.random.default_rng(seed), **options)
    return None if example is None else example["columns"]


def changed(name, row=ROW, **options):
    """The columns that a perturbation changed."""
    after = perturbed(name, row, **options)
    return {column for column, value in row.items() if after[column] != value}


def test_every_perturbation_is_of_columns():
    assert {one.modality for one in mqa_perturbations()} == {"columns"}


def test_the_share_of_missing_values_is_the_severity():
    row = {f"c{number}": number + 1 for number in range(2000)}
    missing = [value is None for value in perturbed("missing-values", row, severity=0.3).values()]
    assert np.mean(missing) == pytest.approx(0.3, abs=0.03)


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_severity_drops_the_same_values_and_more(seed, one, other):
    low, high = sorted((one, other))
    lost = [changed("missing-values", seed=seed, severity=severity) for severity in (low, high)]
    assert lost[0] <= lost[1]


def test_values_are_missing_in_the_columns_that_are_named_and_in_no_others():
    assert perturbed("missing-values", severity=1.0, columns=["age", "sex"]) == {**ROW, "age": None, "sex": None}


def test_all_columns_that_are_named_are_in_the_other_unit():
    assert perturbed("unit-errors", severity=1000, columns=["age", "hours"]) == {**ROW, "age": 39000, "hours": 40500.0}
    assert perturbed("unit-errors", severity=2.54, columns=["age"]) == {**ROW, "age": round(39 * 2.54)}


@given(st.integers(0, 2**32))
def test_else_it_is_one_number_of_the_row_that_is_not_0(seed):
    assert changed("unit-errors", seed=seed) in ({"age"}, {"hours"})


@given(st.integers(0, 2**32), st.sampled_from([10.0, 100.0, 1000.0]))
def test_the_severity_does_not_choose_the_number(seed, severity):
    assert changed("unit-errors", seed=seed) == changed("unit-errors", seed=seed, severity=severity)


def test_an_integer_that_would_not_fit_stays_as_it_is():
    assert perturbed("unit-errors", {"id": 2**62}, severity=1000) == {"id": 2**62}


def test_columns_are_swapped():
    row = {"gain": 5, "loss": 7.6, "sex": "Male", "race": "Black"}
    assert perturbed("swapped-columns", row, first="gain", second="loss") == {**row, "gain": 8, "loss": 5}
    assert perturbed("swapped-columns", row, first="sex", second="race") == {**row, "sex": "Black", "race": "Male"}
    assert perturbed("swapped-columns", {"a": 1, "b": None}, first="a", second="b") is None
    with pytest.raises(DataError, match="hold values of different kinds"):
        perturbed("swapped-columns", row, first="gain", second="sex")


@given(numbers, st.floats(-3, 3), st.floats(0.1, 100))
def test_a_shift_is_the_severity_in_standard_deviations(value, severity, deviation):
    after = perturbed("shift", {"age": value}, severity=severity, deviations={"age": deviation})["age"]
    expected = value + severity * deviation
    assert after == (round(expected) if isinstance(value, int) else expected)


@given(numbers, st.floats(0.1, 10))
def test_scaling_multiplies_every_number(value, severity):
    after = perturbed("scaling", {"age": value, "sex": "Male", "veteran": True}, severity=severity)
    expected = value * severity
    assert after == {"age": round(expected) if isinstance(value, int) else expected, "sex": "Male", "veteran": True}


def test_noise_is_normal_of_the_severity_in_standard_deviations():
    row = {f"c{number}": 0.0 for number in range(2000)}
    after = perturbed("noise", row, severity=0.5, deviations=dict.fromkeys(row, 4.0))
    values = np.array(list(after.values()))
    assert values.std() == pytest.approx(2.0, rel=0.05)
    assert values.mean() == pytest.approx(0.0, abs=0.15)
    double = perturbed("noise", row, severity=1.0, deviations=dict.fromkeys(row, 4.0))
    np.testing.assert_allclose(list(double.values()), 2 * values)


@given(st.integers(0, 2**32), st.text(min_size=1, max_size=8))
def test_a_typo_changes_a_category_and_leaves_text_in_it(seed, category):
    after = perturbed("category-typos", {"sex": category}, seed, severity=1.0)["sex"]
    assert after
    assert after != category
    assert abs(len(after) - len(category)) <= 1


@given(st.integers(0, 2**32))
def test_typos_are_in_categories_alone_the_same_at_a_higher_severity(seed):
    some, every = (perturbed("category-typos", ROW, seed, severity=severity) for severity in (0.5, 1.0))
    assert {name for name in ROW if every[name] != ROW[name]} == {"sex", "work"}
    assert all(some[name] in {ROW[name], every[name]} for name in ROW)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unit-errors", {}),
        ("scaling", {}),
        ("shift", {"deviations": {"sex": 1.0}}),
        ("noise", {"deviations": {"sex": 1.0}}),
    ],
)
def test_a_row_without_a_number_is_declined(name, options):
    assert perturbed(name, {"sex": "Male", "veteran": True, "gain": None}, **options) is None


def test_a_row_without_text_is_declined():
    assert perturbed("category-typos", {"age": 39}) is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("missing-values", {"columns": ["agee"]}),
        ("unit-errors", {"columns": ["agee"]}),
        ("shift", {"deviations": {"agee": 1.0}}),
        ("swapped-columns", {"first": "agee", "second": "hours"}),
    ],
)
def test_a_column_that_is_not_there_is_an_error(name, options):
    with pytest.raises(DataError, match="no column `agee`") as refused:
        perturbed(name, **options)
    assert refused.value.hint == "did you mean `age`?"
