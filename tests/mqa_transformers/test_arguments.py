"""Inputs that a module does not take, or lacks, as rows bring them."""

from __future__ import annotations

import pytest
import torch

from mqa_registry import DataError
from mqa_transformers.arguments import check_arguments

ERROR = TypeError("forward() got what it does not take")


class Tower(torch.nn.Module):
    def forward(self, user, age, item=None):
        return user


class Open(torch.nn.Module):
    def forward(self, user, **others):
        return user


def test_an_input_that_a_module_does_not_take_is_named_with_those_that_it_does():
    with pytest.raises(DataError, match="takes no input `shoe`") as caught:
        check_arguments(Tower(), ["user", "age", "shoe"], ERROR)
    assert caught.value.hint == "it takes `user`, `age`, `item`: leave out what it does not"
    assert caught.value.__cause__ is ERROR


def test_an_input_that_a_module_needs_is_named():
    with pytest.raises(DataError, match="needs the input `age`, which rows do not have"):
        check_arguments(Tower(), ["user"], ERROR)


@pytest.mark.parametrize(("module", "given"), [(Tower(), ["user", "age"]), (Open(), ["user", "shoe"])])
def test_inputs_that_a_module_takes_are_not_at_fault(module, given):
    check_arguments(module, given, ERROR)
