"""A recurrent network chunk by chunk, on PyTorch and as an export with its state: as the whole sequence at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_onnxruntime.session.backend import SessionBackend, SessionOptions
from mqa_registry import Batching, Codec, Model, ModelUnderTest, RunContext, State, Streaming
from mqa_registry.execution.inference.batch_runs import run_rows
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from tests.stand_ins import make_task

pytestmark = pytest.mark.usefixtures("exports_here")
FEATURES, WIDTH, CHUNK = 3, 6, 4
SOUNDS = [
    np.random.default_rng(number).normal(size=(size, FEATURES)).astype(np.float32)
    for number, size in enumerate((11, 4, 2, 17))
]


class FramesCodec(Codec):
    """Frames in chunks of four, the last one filled up; a prediction is the activity of every frame."""

    run_mode = Streaming(states=(State("state_after", "state_before", (WIDTH,)),))

    def encode(self, examples):
        return [{"frames": np.asarray(one["frames"], np.float32)} for one in examples]

    def split(self, row):
        frames = row["frames"]
        chunks = [frames[start : start + CHUNK] for start in range(0, len(frames), CHUNK)]
        return [{"frames": np.pad(chunk, ((0, CHUNK - len(chunk)), (0, 0)))} for chunk in chunks]

    def join(self, outputs, row):
        return {"activity": np.concatenate([one["activity"] for one in outputs])[: len(row["frames"])]}

    def collate(self, rows):
        return self.run_mode.first_step({"frames": np.stack([row["frames"] for row in rows])})

    def decode(self, outputs, rows):
        lines = zip(outputs["activity"], rows, strict=True)
        return pa.table({"vector": [line[: len(row["frames"])] for line, row in lines]})

    def cost(self, row):
        return len(row["frames"])


def voice_activity():
    """A GRU with its state as an input and an output, rows first."""
    import torch

    class VoiceActivity(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.GRU(FEATURES, WIDTH, batch_first=True)
            self.head = torch.nn.Linear(WIDTH, 1)

        def forward(self, frames, state_before):
            hidden, state = self.layer(frames, state_before[None])
            return {"activity": self.head(hidden).sigmoid()[..., 0], "state_after": state[0]}

    torch.manual_seed(3)
    return VoiceActivity().eval()


@pytest.fixture(scope="module")
def model_under_test(tmp_path_factory):
    task = make_task(lambda model: FramesCodec(), schema="vector", sample=tuple({"frames": one} for one in SOUNDS[:2]))
    module = voice_activity()
    model = Model(digest="gru", module=lambda: module, processor=lambda: None)
    return ModelUnderTest(model, task, RunContext(exports=tmp_path_factory.mktemp("exports"), device="cpu"))


@pytest.mark.parametrize(
    ("backend", "options"),
    [(TorchBackend(), TorchOptions()), (SessionBackend(), SessionOptions())],
    ids=["torch", "onnx"],
)
def test_chunks_give_the_activity_of_the_whole_sound(model_under_test, backend, options):
    import torch

    codec = model_under_test.codec
    rows = codec.encode([{"frames": sound} for sound in SOUNDS])
    with backend.open(model_under_test, options) as runner:
        outputs = run_rows(codec, runner.run, rows, Batching(), 100)
    for found, sound in zip(outputs["activity"], SOUNDS, strict=True):
        with torch.inference_mode():
            whole = model_under_test.model.module(torch.from_numpy(sound)[None], torch.zeros(1, WIDTH))
        np.testing.assert_allclose(found[: len(sound)], whole["activity"][0].numpy(), rtol=1e-4, atol=1e-5)
