"""The architectures that faults are put into: models of transformers and of one's own code, and rows for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tests.benchmarks.faults import custom_models
from tests.benchmarks.faults.custom_models import jitter
from tests.benchmarks.tiny import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    from torch import nn

    Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

FACTORIES = "tests.benchmarks.faults.custom_models"
ROWS = 24  # that the command is given
EFFECT_BATCHES = 3  # the probe batches that an effect is measured by, each of `ROWS` rows
SHORTEST, LONGEST = 2, 24  # tokens
WORDS = 64


@dataclass(frozen=True)
class Architecture:
    """A model by its name among the tiny ones, or by a function of `own`; `outputs` as both exporters name them."""

    name: str
    outputs: tuple[str, ...]
    tiny: str = ""
    factory: str = ""
    nested: bool = False  # whether it is traced within two wrappers

    def build(self, seed: int) -> nn.Module:
        """The model in eval mode, with weights drawn by a seed; those of one's own code have their own."""
        if self.factory:
            module: nn.Module = getattr(custom_models, self.factory)()
            return module
        import transformers

        torch.manual_seed(seed)
        tiny = MODELS[self.tiny]
        config = getattr(transformers, tiny.config)(**tiny.settings)
        config.use_cache = False
        module = getattr(transformers, tiny.model)(config).eval()
        jitter(module, seed)
        return module

    def save(self, module: nn.Module, folder: Path) -> str:
        """What `mqa parity` is told as the model."""
        if self.factory:
            return f"{FACTORIES}:{self.factory}"
        module.save_pretrained(folder)  # type: ignore[operator]  # every model of transformers has it
        return str(folder)

    def rows(self, seed: int, length: int | None = None) -> Arrays:
        """A batch of rows, of random lengths up to the longest where rows are texts, or all of one length."""
        rng = np.random.default_rng(seed)
        return self._inputs(rng, length)

    def _inputs(self, rng: np.random.Generator, length: int | None) -> Arrays:
        if self.factory == "tagger":
            return {"input_ids": rng.integers(0, WORDS, (ROWS, length or 16))}
        if self.factory:
            return {
                "pixel_values": rng.normal(size=(ROWS, 3, custom_models.SIDE, custom_models.SIDE)).astype(np.float32)
            }
        if MODELS[self.tiny].reads_text:
            return _draw_token_ids(rng, length)
        return _repeat_inputs(MODELS[self.tiny].inputs, rng)

    @property
    def reads_text(self) -> bool:
        return self.factory == "tagger" or bool(self.tiny and MODELS[self.tiny].reads_text)

    def axes(self, name: str, array: npt.NDArray[Any]) -> dict[int, str]:
        """The axes of an input that an export leaves open."""
        return {0: "rows", 1: "length"} if self.reads_text and array.ndim == 2 else {0: "rows"}


def _draw_token_ids(rng: np.random.Generator, length: int | None) -> Arrays:
    most = int(rng.integers(LONGEST // 2, LONGEST + 1))  # so that no two batches have to be as long
    lengths = rng.integers(SHORTEST, most + 1, ROWS) if length is None else np.full(ROWS, length)
    longest = int(lengths.max())
    mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rng.integers(3, WORDS, (ROWS, longest)) * mask, "attention_mask": mask}


def _repeat_inputs(inputs: Callable[[np.random.Generator], Arrays], rng: np.random.Generator) -> Arrays:
    """As many rows as there should be, of what makes a few at a time."""
    batches: list[Mapping[str, npt.NDArray[Any]]] = []
    while sum(len(next(iter(batch.values()))) for batch in batches) < ROWS:
        batches.append(inputs(rng))
    return {name: np.concatenate([batch[name] for batch in batches])[:ROWS] for name in batches[0]}


LOGITS = ("logits",)
ARCHITECTURES = {
    one.name: one
    for one in (
        Architecture("BERT", LOGITS, tiny="BERT"),
        Architecture("DistilBERT", LOGITS, tiny="DistilBERT", nested=True),
        Architecture("RoBERTa", LOGITS, tiny="RoBERTa"),
        Architecture("GPT-2", LOGITS, tiny="GPT-2"),
        Architecture("Llama", LOGITS, tiny="Llama", nested=True),
        Architecture("Qwen2", LOGITS, tiny="Qwen"),
        Architecture("Mistral", LOGITS, tiny="Mistral"),
        Architecture("ViT", LOGITS, tiny="ViT", nested=True),
        Architecture("Swin", LOGITS, tiny="Swin"),
        Architecture("ConvNeXt", LOGITS, tiny="ConvNeXt"),
        Architecture("ResNet", LOGITS, tiny="ResNet"),
        Architecture("Wav2Vec2", LOGITS, tiny="Wav2Vec2"),
        Architecture("detector", ("found", "classes"), factory="detector"),
        Architecture("tagger", LOGITS, factory="tagger"),
        Architecture("plain CNN", LOGITS, factory="plain"),
    )
}
