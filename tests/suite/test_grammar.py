"""The keys of a suite file that the host reads, and those that no option of a plugin can have."""

from __future__ import annotations

import pytest

from mqa_registry.contributions import Dataset
from mqa_registry.options import find_signature_problems
from mqa_registry.plugins.catalog import BACKEND, DATASET, MODEL_SOURCE, ROLES
from mqa_registry.suite import grammar


@pytest.mark.parametrize(
    ("role", "keys"), [(MODEL_SOURCE, grammar.MODEL), (DATASET, grammar.DATA), (BACKEND, grammar.BACKEND)]
)
def test_the_keys_of_a_table_are_those_that_a_plugin_is_refused(role, keys):
    assert sorted(role.keys) == sorted(keys.names)


def test_every_contribution_is_named_by_use():
    assert all("use" in role.keys for role in ROLES)


@pytest.mark.parametrize("key", DATASET.keys)
def test_an_option_of_a_data_set_cannot_have_the_name_of_such_a_key(key):
    namespace: dict = {}
    exec(f"def rows(context, *, {key}: str = ''): ...", namespace)  # a signature with a name from a table
    (problem,) = find_signature_problems(Dataset("d", namespace["rows"]), DATASET.keys)
    assert problem == f"option `{key}` cannot be set: the key is the host's in the table of a data set"
