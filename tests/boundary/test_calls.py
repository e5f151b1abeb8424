"""Calls into contributions: what messages say of their errors while texts are to be left out."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from mqa_registry.boundary import ContributionCall, Contributor, redact_messages
from mqa_registry.errors import ContributionError

TEXT = "the text of a row"


def message():
    with pytest.raises(ContributionError) as caught, ContributionCall(Contributor("metric", "ours/exact")):
        raise ValueError(TEXT)
    return caught.value.message


def test_messages_leave_out_texts_until_the_last_run_that_asks_for_it_ends():
    assert TEXT in message()
    first, second = ExitStack(), ExitStack()
    first.enter_context(redact_messages(enabled=True))
    second.enter_context(redact_messages(enabled=True))
    first.close()  # the run of another thread, say
    assert TEXT not in message()
    second.close()
    assert TEXT in message()


def test_a_run_with_texts_inside_of_one_without_keeps_them_out():
    with redact_messages(enabled=True), redact_messages(enabled=False):
        assert TEXT not in message()
