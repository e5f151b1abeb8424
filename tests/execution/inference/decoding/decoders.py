"""A small decoder in numpy, with its cache as an input and an output, and its codec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, Generation, State
from mqa_registry.execution.inference.decoding import generate

VOCABULARY, WIDTH = 9, 5
SEEN = State("seen_after", "seen_before", (0, WIDTH))


class PromptCodec(Codec):
    """Prompts of token numbers, padded on the left."""

    padding_mask = "attention_mask"

    def __init__(self, mode: Generation, **members: Any) -> None:
        self.run_mode = mode
        vars(self).update(members)

    def encode(self, examples):
        return [{"input_ids": np.asarray(one["tokens"], np.int64)} for one in examples]

    def collate(self, rows):
        width = max(map(self.cost, rows))
        ids = np.stack([np.pad(row["input_ids"], (width - self.cost(row), 0)) for row in rows])
        mask = np.stack([np.arange(width) >= width - self.cost(row) for row in rows]).astype(np.int64)
        return self.run_mode.first_step({"input_ids": ids, "attention_mask": mask})

    def decode(self, outputs, rows):
        return pa.table(
            {"text": [str(tokens[:n]) for tokens, n in zip(outputs["tokens"], outputs["lengths"], strict=True)]}
        )

    def cost(self, row):
        return len(row["input_ids"])


@dataclass
class Decoder:
    """Each position sees its token and its position; the logits of a row follow from all of its positions so far.

    `fed` are the inputs of every step. A row with the token `poison` has NaN.
    """

    poison: int = -1
    fed: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(11)
        self.embedding = rng.normal(size=(VOCABULARY, WIDTH))
        self.places = rng.normal(size=(64, WIDTH))
        self.head = 3 * rng.normal(size=(WIDTH, VOCABULARY))

    def run(self, batch):
        self.fed.append(dict(batch))
        seen = self.embedding[batch["input_ids"]] * self.places[batch["position_ids"]]
        if SEEN.input in batch:
            seen = np.concatenate([batch[SEEN.input], seen], axis=1)
        visible = np.where(batch["attention_mask"][..., None] != 0, seen, 0.0)
        counts = np.cumsum(batch["attention_mask"], axis=1)[..., None]
        logits = np.cumsum(visible, axis=1) / np.maximum(counts, 1) @ self.head
        steps = batch["input_ids"].shape[1]
        poisoned = (batch["input_ids"] == self.poison).any(axis=1)
        logits[poisoned] = np.nan
        return {"logits": logits[:, -steps:], SEEN.output: seen}


def generation(**changed: Any) -> Generation:
    return Generation(**{"max_new_tokens": 6, "positions": "position_ids", "states": (SEEN,)} | changed)


def write(prompts, decoder=None, **changed):
    """What is generated after some prompts: the tokens of each, and all outputs."""
    codec = PromptCodec(generation(**changed))
    rows = codec.encode([{"tokens": prompt} for prompt in prompts])
    outputs = generate(codec, codec.run_mode, (decoder or Decoder()).run, rows, [bytes(prompt) for prompt in prompts])
    tokens = [line[:n].tolist() for line, n in zip(outputs["tokens"], outputs["lengths"], strict=True)]
    return tokens, outputs
