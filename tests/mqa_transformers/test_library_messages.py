"""What a library's error says, in one line."""

from __future__ import annotations

import pytest

from mqa_transformers.library_messages import summarize_error

TORCHSCRIPT = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript (most recent call last):
  File "model.py", line 3, in forward
        return x.view(3, -1)
               ~~~~~~ <--- HERE
RuntimeError: shape '[3, -1]' is invalid for input of size 4
"""


@pytest.mark.parametrize(
    ("message", "summary"),
    [
        ("it fails\nfor this and that", "it fails"),
        ("errors in loading:\n\tno key `a`\n\tno key `b`", "errors in loading: no key `a`"),
        (TORCHSCRIPT, "RuntimeError: shape '[3, -1]' is invalid for input of size 4"),
        ("", "ValueError"),
    ],
)
def test_the_line_that_tells_is_the_first_or_the_one_announced_or_the_last_of_a_traceback(message, summary):
    assert summarize_error(ValueError(message)) == summary


def test_a_summary_is_of_a_length_that_a_person_reads():
    assert summarize_error(ValueError("x" * 5000)) == "x" * 200
