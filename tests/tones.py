"""A tiny wav2vec 2.0 that tells the pitch of a tone, trained within seconds, and sounds of such tones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Sound

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("low", "middle", "high")
PITCHES = (200.0, 800.0, 2400.0)  # in Hz
RATE = 8000  # of what the model is fed
SECONDS = (0.10, 0.13, 0.16)
STEPS, BATCH = 40, 24


def draw_tone(rng: np.random.Generator, code: int, rate: int = RATE, channels: int = 1) -> Sound:
    """A tone of a pitch, with noise, in each channel; shape (samples, channels)."""
    time = np.arange(int(rng.choice(SECONDS) * rate)) / rate
    pitch = PITCHES[code] * rng.uniform(0.9, 1.1)
    tone = np.sin(2 * np.pi * (pitch * time + rng.uniform()))
    samples = 0.4 * tone[:, None] + 0.05 * rng.standard_normal((len(time), channels))
    return Sound(samples.astype(np.float32), rate)


def draw_tones(n_rows: int, seed: int = 7, **options: Any) -> tuple[list[Sound], list[int]]:
    """Tones of every pitch by turns, and the codes of their classes."""
    rng = np.random.default_rng(seed)
    codes = [row % len(CLASSES) for row in range(n_rows)]
    return [draw_tone(rng, code, **options) for code in codes], codes


def build_extractor(**settings: Any) -> Any:
    """What the model is fed through; `settings` replace those that it was trained with."""
    from transformers import Wav2Vec2FeatureExtractor

    trained: dict[str, Any] = {"sampling_rate": RATE, "do_normalize": True, "return_attention_mask": True}
    return Wav2Vec2FeatureExtractor(**(trained | settings))


def write_model(folder: Path, problem: str = "single_label_classification") -> Path:
    """Train the network and write it and its feature extractor into a folder."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    names = dict(enumerate(CLASSES))
    torch.manual_seed(7)
    model = Wav2Vec2ForSequenceClassification(
        Wav2Vec2Config(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(16, 16),
            conv_kernel=(16, 8),
            conv_stride=(4, 4),
            num_feat_extract_layers=2,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=16,
            apply_spec_augment=False,
            layerdrop=0.0,
            problem_type=problem,
            id2label=names,
            label2id={name: code for code, name in names.items()},
        )
    )
    sounds, codes = draw_tones(STEPS * BATCH // 4, seed=1)
    extractor = build_extractor()
    batch = extractor([one.mono for one in sounds], sampling_rate=RATE, padding=True, return_tensors="pt")
    labels = torch.tensor(codes)
    multiple = problem == "multi_label_classification"
    targets = torch.nn.functional.one_hot(labels).float() if multiple else labels
    loss = torch.nn.functional.binary_cross_entropy_with_logits if multiple else torch.nn.functional.cross_entropy
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(STEPS):
        rows = torch.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
        logits = model(input_values=batch["input_values"][rows], attention_mask=batch["attention_mask"][rows]).logits
        loss(logits, targets[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder
