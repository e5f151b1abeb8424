"""Make shapes-segformer: a tiny segmenter that says which pixels are of discs, squares and triangles."""

# ruff: noqa: TID253
# A script that makes a model always pays for torch.

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from shapes import CLASSES, GROUND, ROWS, SEED, Scene, draw_scenes, encode_jpeg
from torch import Tensor
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

TRAINING_SEED = 11
IMAGES = 1600
STEPS = 700
BATCH = 16
RATE = 4e-3
WARM_UP = 0.15  # of the steps
DECAY = 0.01
SIZE = 96  # pixels of a side of what the model is fed
EACH = 100  # steps, of which the mean loss is printed
LABELS = (GROUND, *CLASSES)
TARGET = Path(__file__).parents[1] / "models" / "shapes-segformer"


def build_processor() -> SegformerImageProcessorPil:
    """What an image goes through before the model: RGB, 96 x 96 pixels whatever its sides, normalized."""
    return SegformerImageProcessorPil(
        size={"height": SIZE, "width": SIZE},
        resample=Image.Resampling.BILINEAR,
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
    )


def build_model() -> SegformerForSemanticSegmentation:
    """The untrained network: three stages, and logits for every second pixel."""
    names = dict(enumerate(LABELS))
    return SegformerForSemanticSegmentation(
        SegformerConfig(
            num_encoder_blocks=3,
            depths=[1, 1, 1],
            sr_ratios=[8, 4, 2],
            hidden_sizes=[16, 32, 64],
            patch_sizes=[3, 3, 3],
            strides=[2, 2, 2],
            num_attention_heads=[1, 2, 4],
            mlp_ratios=[2, 2, 2],
            decoder_hidden_size=48,
            classifier_dropout_prob=0.0,
            drop_path_rate=0.0,
            id2label=names,
            label2id={name: code for code, name in names.items()},
        )
    )


def encode(scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """Scenes as the model is fed with them, read from JPEG files, and the position of each pixel's label."""
    images = [Image.open(io.BytesIO(encode_jpeg(scene.image))).convert("RGB") for scene in scenes]
    encoded = build_processor()(images, segmentation_maps=[scene.codes for scene in scenes], return_tensors="pt")
    return encoded["pixel_values"], encoded["labels"]


def train(model: SegformerForSemanticSegmentation, pixels: Tensor, labels: Tensor) -> None:
    """Train the network in place, images mirrored or not: AdamW with one cycle of the learning rate."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=WARM_UP)
    model.train()
    order = torch.cat([torch.randperm(len(pixels)) for _ in range(STEPS * BATCH // len(pixels) + 1)])
    total = 0.0
    for step in range(STEPS):
        rows = order[step * BATCH : (step + 1) * BATCH]
        some, of_some = pixels[rows], labels[rows]
        if torch.rand(()) < 0.5:
            some, of_some = some.flip(3), of_some.flip(2)
        loss = model(pixel_values=some, labels=of_some).loss
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += float(loss.detach())
        if (step + 1) % EACH == 0:
            print(f"step {step + 1}: loss {total / EACH:.4f}", flush=True)
            total = 0.0


def measure(model: SegformerForSemanticSegmentation, scenes: list[Scene]) -> list[float]:
    """The intersection over union of every label, over the pixels of all scenes."""
    model.eval()
    processor = build_processor()
    pixels, _ = encode(scenes)
    with torch.inference_mode():
        outputs = model(pixel_values=pixels)
    found = processor.post_process_semantic_segmentation(outputs, [scene.codes.shape for scene in scenes])
    pairs = np.concatenate(
        [np.stack([one.numpy().ravel(), scene.codes.ravel()]) for one, scene in zip(found, scenes, strict=True)], axis=1
    )
    either = [(pairs == code).any(axis=0).sum() for code in range(len(LABELS))]
    both = [(pairs == code).all(axis=0).sum() for code in range(len(LABELS))]
    return [float(one / other) for one, other in zip(both, either, strict=True)]


def main() -> None:
    """Make the model, and print how well it does on the rows of the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(TRAINING_SEED)
    pixels, labels = encode(draw_scenes(TRAINING_SEED, IMAGES))
    print(f"{len(pixels)} images drawn", flush=True)
    model = build_model()
    train(model, pixels, labels)
    model.eval().save_pretrained(arguments.out)
    build_processor().save_pretrained(arguments.out)
    shares = measure(model, draw_scenes(SEED, ROWS))
    print(", ".join(f"{label} {share:.3f}" for label, share in zip(LABELS, shares, strict=True)))


if __name__ == "__main__":
    main()
