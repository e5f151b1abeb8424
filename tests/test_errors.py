"""What a library's error says, in one line, and errors that come from other processes."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import UsageError, WorkerLostError, summarize_error
from mqa_registry.errors import ContributionError, Location, MissingColumnError, Problem, SuiteError

TORCHSCRIPT = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript (most recent call last):
  File "model.py", line 3, in forward
        return x.view(3, -1)
               ~~~~~~ <--- HERE
RuntimeError: shape '[3, -1]' is invalid for input of size 4
"""


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("it fails\nfor this and that", "it fails"),
        ("\n  errors in loading:\n\tno key `a`\n\tno key `b`", "errors in loading: no key `a`"),
        (TORCHSCRIPT, "RuntimeError: shape '[3, -1]' is invalid for input of size 4"),
        ("\n \n", "ValueError"),
    ],
)
def test_the_summary_of_an_error_is_its_first_announced_or_last_line(text, summary):
    assert summarize_error(ValueError(text)) == summary


def test_a_long_line_is_summarized_by_both_ends():
    text = f"Non-zero status code in Reshape. Name:'rr' {'/src/reshape_helper.h ' * 40} requested shape:{{13,-1,2}}"
    assert summarize_error(text).startswith("Non-zero status code in Reshape. Name:'rr'")
    assert summarize_error(text).endswith("requested shape:{13,-1,2}")


@given(st.text())
def test_it_is_one_short_line(text):
    assert len(summarize_error(text).splitlines()) <= 1
    assert len(summarize_error(RuntimeError(text))) <= 320 + 3


@pytest.mark.parametrize(
    "error",
    [
        UsageError("no", hint="yes"),
        MissingColumnError("no column `x`", column="x", there="it has `y`"),
        ContributionError("metric", "acme/f1", "crashed", where="f1.py, line 3", hint="fix it"),
        SuiteError([Problem("wrong", "right", Location("suite.toml", 1, 2, 3, "x = 1"))]),
        WorkerLostError("its process ended"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_another_process_is_the_same_error_here(error):
    error.add_note("a note")
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (there.args, vars(there)) == (error.args, vars(error))
