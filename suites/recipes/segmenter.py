"""Make shapes-segformer: a tiny segmenter that says which pixels are of discs, squares and triangles."""

# ruff: noqa: TID253
# A script that makes a model always pays for torch.

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import one_cycle
import torch
from PIL import Image
from shapes import CLASSES, GROUND, ROWS, SEED, Scene, draw_scenes, encode_jpeg
from torch import Tensor
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

TRAINING_SEED = 11
IMAGES = 1600
PLAN = one_cycle.Plan(steps=700, batch=16, rate=4e-3)
SIZE = 96  # pixels of a side of what the model is fed
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
    """Train the network in place, images mirrored or not."""

    def compute_loss(rows: Tensor) -> Tensor:
        some, of_some = pixels[rows], labels[rows]
        if torch.rand(()) < 0.5:
            some, of_some = some.flip(3), of_some.flip(2)
        loss: Tensor = model(pixel_values=some, labels=of_some).loss
        return loss

    one_cycle.train(model, len(pixels), PLAN, compute_loss)


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
