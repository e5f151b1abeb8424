"""Rows in parts: the windows of a row are run in any batches, and come together again in their order."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import Batching, BeamSearch, Codec, Generation, NotRunError, RunnerFacts, State, Streaming
from mqa_registry.contributions.task import stack_outputs
from mqa_registry.errors import OutOfMemoryError
from mqa_registry.execution.inference.batch_runs import check_run_mode, run_in_halves, run_rows
from mqa_registry.execution.inference.encoding import row_cost
from tests.stand_ins import make_codec

WINDOW, STRIDE = 5, 3


class WindowCodec(Codec):
    """Windows of five tokens that overlap by two; a prediction is the largest score and where in the document it is."""

    def encode(self, examples):
        return [{"ids": np.asarray(one["ids"], np.int64)} for one in examples]

    def split(self, row):
        starts = range(0, max(1, len(row["ids"]) - (WINDOW - STRIDE)), STRIDE)
        return [{"ids": row["ids"][start : start + WINDOW]} for start in starts]

    def collate(self, rows):
        width = max(map(self.cost, rows))
        return {"ids": np.stack([np.pad(row["ids"], (0, width - len(row["ids"])), constant_values=-1) for row in rows])}

    def decode(self, outputs, rows):
        return pa.table({"value": [float(line.max()) for line in outputs["score"]]})

    def cost(self, row):
        return len(row["ids"])


def score(batch):
    return {"score": np.where(batch["ids"] < 0, 0.0, batch["ids"] * 2.0)}


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=17), min_size=1, max_size=6), st.integers(1, 40))
def test_every_window_of_every_row_is_run_once_within_the_budget(documents, budget):
    sizes = []

    def run(batch):
        sizes.append(batch["ids"].shape)
        return score(batch)

    codec = WindowCodec()
    rows = codec.encode([{"ids": ids} for ids in documents])
    outputs = run_rows(codec, run, rows, Batching(), budget)
    windows = [codec.split(row) for row in rows]
    assert sum(size for size, _ in sizes) == sum(map(len, windows))
    assert all(size == 1 or size * width <= budget for size, width in sizes)
    for line, parts in zip(outputs["score"], windows, strict=True):
        for found, part in zip(line, parts, strict=False):
            np.testing.assert_array_equal(found[: len(part["ids"])], part["ids"] * 2.0)


def test_windows_of_one_row_may_be_in_different_batches():
    batches = []

    def run(batch):
        batches.append(batch["ids"].tolist())
        return score(batch)

    codec = WindowCodec()
    run_rows(codec, run, codec.encode([{"ids": range(7)}, {"ids": [9, 9, 9, 9, 9]}]), Batching(), 10)
    assert batches == [[[0, 1, 2, 3, 4], [9, 9, 9, 9, 9]], [[3, 4, 5, 6]]]


def test_of_the_outputs_for_a_part_that_alone_is_kept_which_its_codec_needs():
    class SumCodec(WindowCodec):
        def reduce(self, outputs, parts):
            width = [len(part["ids"]) for part in parts]
            return {"sum": np.array([line[:n].sum() for line, n in zip(outputs["score"], width, strict=True)])}

    rows = SumCodec().encode([{"ids": range(7)}, {"ids": [9]}])
    outputs = run_rows(SumCodec(), score, rows, Batching(), 10)
    assert {name: array.tolist() for name, array in outputs.items()} == {"sum": [[20.0, 36.0], [18.0, 0.0]]}


def test_windows_that_do_not_fit_into_memory_together_are_run_in_halves():
    def run(batch):
        if len(batch["ids"]) > 1:
            raise OutOfMemoryError("too many rows")
        return score(batch)

    codec = WindowCodec()
    rows = codec.encode([{"ids": range(12)}])
    at_once = run_rows(codec, score, rows, Batching(), 100)
    np.testing.assert_array_equal(run_rows(codec, run, rows, Batching(), 100)["score"], at_once["score"])


def test_an_item_that_does_not_fit_into_memory_alone_is_an_error_once_those_before_it_have_run():
    taken = []

    def run(items):
        if len(items) > 2 or 3 in items:
            raise OutOfMemoryError("too many items")
        taken.extend(items)
        return [item * 10 for item in items]

    assert run_in_halves(run, [0, 1, 2]) == [0, 10, 20]
    with pytest.raises(OutOfMemoryError):
        run_in_halves(run, [0, 1, 2, 3])
    assert taken == [0, 1, 2, 0, 1, 2]


def test_left_out_parts_are_stacked_and_filled_up_with_zeros():
    parts = [{"x": np.array([1.0, 2.0])}, {"x": np.array([3.0])}]
    assert stack_outputs(parts)["x"].tolist() == [[1.0, 2.0], [3.0, 0.0]]
    assert stack_outputs([{"x": np.array(1.0)}, {"x": np.array(3.0)}])["x"].tolist() == [1.0, 3.0]


def test_examples_are_encoded_in_their_parts_where_a_model_is_traced_or_timed():
    parts = WindowCodec().encode_parts([{"ids": range(7)}, {"ids": [9]}])
    assert [part["ids"].tolist() for part in parts] == [[0, 1, 2, 3, 4], [3, 4, 5, 6], [9]]


def test_a_number_that_a_model_gives_for_a_whole_batch_is_each_parts():
    def run(batch):
        return {**score(batch), "scale": np.array(2.0)}

    codec = WindowCodec()
    outputs = run_rows(codec, run, codec.encode([{"ids": range(7)}]), Batching(), 10)
    assert outputs["scale"].tolist() == [[2.0, 2.0]]


def test_a_row_in_parts_costs_what_its_costliest_part_does():
    codec = WindowCodec()
    assert [row_cost(codec, row) for row in codec.encode([{"ids": range(20)}, {"ids": range(2)}])] == [5, 2]


def test_a_generation_costs_all_its_sequences_at_their_full_length():
    mode = Generation(max_new_tokens=10, decoding=BeamSearch(beams=3))
    assert row_cost(make_codec(cost=lambda row: 4, run_mode=mode), {}) == 42


STATE = State("after", "before", (2,))


@pytest.mark.parametrize(
    ("modes", "unread", "message"),
    [
        (("forward",), (), "does not run a model by `streaming`, as this task does"),
        (("forward", "streaming"), ("before",), "runs a file that takes no `before`, which the task feeds back"),
    ],
)
def test_a_backend_that_cannot_run_the_task_is_refused(modes, unread, message):
    codec = make_codec(run_mode=Streaming(states=(STATE,)))
    backend, facts = SimpleNamespace(run_modes=modes), RunnerFacts(unread_inputs=unread)
    with pytest.raises(NotRunError, match=message):
        check_run_mode("onnx", backend, codec, facts)


def test_any_backend_runs_forward_passes():
    check_run_mode("ours", SimpleNamespace(run_modes=("forward",)), make_codec(), RunnerFacts())
