"""What an error says, in a line."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity.determinism import MAX_HALF, error_summary, shorten


def test_of_a_long_line_both_ends_are_told():
    said = f"Non-zero status code in Reshape. Name:'rr' {'/src/reshape_helper.h ' * 40} requested shape:{{13,-1,2}}"
    assert shorten(said).startswith("Non-zero status code in Reshape. Name:'rr'")
    assert shorten(said).endswith("requested shape:{13,-1,2}")


@given(st.text())
def test_it_is_one_short_line(said):
    assert len(shorten(said).splitlines()) <= 1
    assert len(shorten(said)) <= 2 * MAX_HALF + 3


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_of_an_error_in_torchscript_its_reason_is_told():
    class Narrow(torch.nn.Module):
        def forward(self, x):
            return x.view(3, -1)

    with pytest.raises(RuntimeError) as raised:
        torch.jit.script(Narrow())(torch.ones(4))
    assert error_summary(raised.value) == "RuntimeError: shape '[3, -1]' is invalid for input of size 4"


def test_an_error_without_words_is_told_by_its_type():
    assert error_summary(ValueError("\n \n")) == "ValueError"
