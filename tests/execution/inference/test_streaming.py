"""Rows that are run chunk by chunk give what the whole sequence gives, whatever runs with them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import Batching, Codec, NotRunError, State, Streaming
from mqa_registry.execution.inference.batch_runs import run_rows

CHUNK = 4
MEMORY = State("memory_after", "memory_before", (2,), "float64")
WEIGHTS = np.random.default_rng(5).normal(size=(4, 2))


class ChunkCodec(Codec):
    """A sound in chunks of four numbers, the last one filled up with zeros; a prediction is a vector of its numbers."""

    run_mode = Streaming(states=(MEMORY,))

    def encode(self, examples):
        return [{"sound": np.asarray(one["sound"], np.float64)} for one in examples]

    def split(self, row):
        sound = row["sound"]
        starts = range(0, max(1, len(sound)), CHUNK)
        return [{"chunk": np.pad(sound[start:][:CHUNK], (0, CHUNK - len(sound[start:][:CHUNK])))} for start in starts]

    def join(self, outputs, row):
        return {"level": np.concatenate([one["level"] for one in outputs])[: len(row["sound"])]}

    def collate(self, rows):
        return self.run_mode.first_step({"chunk": np.stack([row["chunk"] for row in rows])})

    def decode(self, outputs, rows):
        return pa.table(
            {"vector": [line[: len(row["sound"])] for line, row in zip(outputs["level"], rows, strict=True)]}
        )

    def cost(self, row):
        return CHUNK


class Recurrent:
    """A recurrent network in numpy; `sizes` are the numbers of rows that it ran."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch):
        self.sizes.append(len(batch["chunk"]))
        memory = batch[MEMORY.input]
        levels = []
        for number in batch["chunk"].T:
            memory = np.tanh(memory @ WEIGHTS[:2] + number[:, None] * WEIGHTS[2])
            levels.append(memory @ WEIGHTS[3])
        return {"level": np.stack(levels, axis=1), MEMORY.output: memory}


def levels(sounds, model=None):
    codec = ChunkCodec()
    rows = codec.encode([{"sound": sound} for sound in sounds])
    outputs = run_rows(codec, (model or Recurrent()).run, rows, Batching(), 100)
    return [line[: len(sound)] for line, sound in zip(outputs["level"], sounds, strict=True)]


def whole(sound):
    """The oracle: the network over the whole sound in one pass."""
    batch = {"chunk": np.asarray(sound, np.float64)[None], MEMORY.input: np.zeros((1, 2))}
    return Recurrent().run(batch)["level"][0]


@settings(max_examples=40)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=1, max_size=14), min_size=1, max_size=5))
def test_chunks_give_what_the_whole_sound_gives(sounds):
    for found, sound in zip(levels(sounds), sounds, strict=True):
        np.testing.assert_allclose(found, whole(sound), rtol=1e-9, atol=1e-12)


def test_all_rows_go_forward_together_and_leave_when_they_end():
    model = Recurrent()
    levels([[1.0] * 9, [1.0] * 2, [1.0] * 6], model)
    assert model.sizes == [3, 2, 1]


def test_a_model_that_keeps_its_state_to_itself_is_refused():
    def run(batch):
        return {"level": Recurrent().run(batch)["level"]}

    codec = ChunkCodec()
    rows = codec.encode([{"sound": [1.0]}])
    with pytest.raises(
        NotRunError, match="gives no output `memory_after`, which the next step takes as `memory_before`"
    ):
        run_rows(codec, run, rows, Batching(), 100)
