"""A plugin with a small GPT-2 of random weights, and the task of writing on after a prompt of token numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, Generation, Model, ModelSource, NoOptions, Task, cache_states, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

VOCABULARY, LAYERS, HEADS, WIDTH = 48, 2, 2, 8


def random_decoder() -> Any:
    """Weights that are large enough for its choices to be no ties."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=64, n_embd=HEADS * WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    module = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(6)
    return module


class Decoder(ModelSource[NoOptions]):
    """The decoder."""

    name = "gpt2"

    def load(self, task: Any, run_context: Any, options: NoOptions) -> Model:
        return Model(digest="gpt2", module=random_decoder, processor=lambda: None)


class WriteCodec(Codec):
    """Prompts of numbers between spaces, padded on the left."""

    padding_mask = "attention_mask"
    run_mode = Generation(
        max_new_tokens=6, end_tokens=(0,), positions="position_ids", states=cache_states(LAYERS, HEADS, WIDTH)
    )

    def encode(self, examples: Any) -> list[dict[str, Any]]:
        return [{"input_ids": np.array([int(word) for word in one["text"].split()])} for one in examples]

    def collate(self, rows: Any) -> dict[str, Any]:
        width = max(map(self.cost, rows))
        ids = np.stack([np.pad(row["input_ids"], (width - self.cost(row), 0)) for row in rows])
        mask = np.stack([np.arange(width) >= width - self.cost(row) for row in rows]).astype(np.int64)
        return self.run_mode.first_step({"input_ids": ids, "attention_mask": mask})

    def decode(self, outputs: Any, rows: Any) -> pa.Table:
        pairs = zip(outputs["tokens"], outputs["lengths"], strict=True)
        return pa.table({"text": [" ".join(map(str, tokens[:n])) for tokens, n in pairs]})

    def cost(self, row: Any) -> int:
        return len(row["input_ids"])


class Write(Task[NoOptions]):
    """The tokens that follow."""

    name = "write"
    schema = "text"
    fields = {"text": "text"}  # noqa: RUF012
    metric = "parity/agreement"
    sample = ({"text": "5 6 7"}, {"text": "8 9 10 11 12"})
    run_mode = "generation"

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return WriteCodec()


@hookimpl
def mqa_models() -> Iterator[ModelSource[Any]]:
    yield Decoder()


@hookimpl
def mqa_tasks() -> Iterator[Task[Any]]:
    yield Write()
