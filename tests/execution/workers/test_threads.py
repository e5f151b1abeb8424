"""Work in threads: results in order, errors as in one thread, and codecs that have not said so are left alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.boundary import Contributor, check_codec
from mqa_registry.boundary.calls import ACTIVE
from mqa_registry.errors import ContributionError
from mqa_registry.execution.inference.encoding import Encoder
from mqa_registry.execution.workers.threads import EXAMPLES_PER_CALL, encode_in_threads, map_in_threads
from tests.stand_ins import make_codec

EXAMPLES = [{"number": number} for number in range(3 * EXAMPLES_PER_CALL + 1)]


@given(st.lists(st.integers()), st.integers(1, 4))
def test_results_come_in_the_order_of_the_items(items, threads):
    assert list(map_in_threads(str, items, threads)) == list(map(str, items))


def test_several_items_are_at_work_at_once():
    both = threading.Barrier(2, timeout=20)
    assert len(list(map_in_threads(lambda _: both.wait(), range(2), 2))) == 2


def test_items_are_taken_as_threads_become_free():
    taken = []
    results = map_in_threads(str, (taken.append(number) or number for number in range(100)), 2)
    assert [next(results), next(results)] == ["0", "1"]
    assert len(taken) <= 4


def test_whoever_waits_is_interrupted(monkeypatch):
    monkeypatch.setattr(ACTIVE, "interrupted", True)
    with pytest.raises(KeyboardInterrupt):
        list(map_in_threads(threading.Event().wait, [2], 2))


def codec(encode, **attributes):
    made = make_codec(encode, cost=lambda row: 1, **attributes)
    return check_codec(Contributor("task", "test/numbers"), made, "value", ())


def encode_numbers(examples):
    return [{"number": np.array([example["number"]])} for example in examples]


def numbers(rows):
    return [int(row["number"][0]) for row in rows]


def test_a_codec_that_says_so_encodes_in_several_threads():
    both = threading.Barrier(2, timeout=20)

    def encode(examples):
        if len(examples) == EXAMPLES_PER_CALL and examples[0]["number"] < 2 * EXAMPLES_PER_CALL:
            both.wait()
        return encode_numbers(examples)

    rows = encode_in_threads(codec(encode, encodes_in_threads=True), EXAMPLES, 2)
    assert numbers(rows) == [example["number"] for example in EXAMPLES]


def test_any_other_codec_encodes_all_at_once_in_the_thread_that_asks():
    calls = []

    def encode(examples):
        calls.append((len(examples), threading.current_thread()))
        return encode_numbers(examples)

    assert numbers(encode_in_threads(codec(encode), EXAMPLES, 4)) == [example["number"] for example in EXAMPLES]
    assert calls == [(len(EXAMPLES), threading.current_thread())]


@pytest.mark.parametrize("in_threads", [True, False])
def test_an_example_that_cannot_be_encoded_is_lost_alone(in_threads):
    def encode(examples):
        if any(example["number"] == 13 for example in examples):
            raise ValueError("no such number")
        return encode_numbers(examples)

    examples = {str(example["number"]).encode(): example for example in EXAMPLES}
    (encodings,) = Encoder(codec(encode, encodes_in_threads=in_threads)).encode(examples)
    assert list(encodings.lost) == [b"13"]
    assert isinstance(encodings.lost[b"13"], ContributionError)
    assert sorted(number for row in encodings.rows for number in numbers([row.arrays])) == [
        example["number"] for example in EXAMPLES if example["number"] != 13
    ]
