"""A tiny SegFormer that says which pixels are of coloured squares, trained within seconds, and index images of its scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.colours import CLASSES as COLOURS
from tests.colours import encode_image
from tests.one_cycle import train
from tests.scenes import draw_scenes

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

CLASSES = ("ground", *COLOURS)
SIZE = 32  # pixels of a side of what the model is fed
STEPS, BATCH, RATE = 60, 16, 8e-3
IGNORED = 255


def draw_patches(n_rows: int, seed: int = 7) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Scenes, and the class of every pixel of each; the lowest line of each is of none."""
    images, boxes = draw_scenes(n_rows, seed)
    maps = []
    for pixels, some in zip(images, boxes, strict=True):
        codes = np.zeros(pixels.shape[:2], np.uint8)
        for box in some:
            area = slice(int(box["y0"]), int(box["y1"])), slice(int(box["x0"]), int(box["x1"]))
            codes[area] = CLASSES.index(box["label"])
        codes[-1] = IGNORED
        maps.append(codes)
    return images, maps


def patch_table(n_rows: int, seed: int = 7) -> pa.Table:
    """Scenes as rows of a data set: an id, the image and the classes of its pixels, both as PNG."""
    import pyarrow as pa

    images, maps = draw_patches(n_rows, seed)
    ids = [f"scene-{row}" for row in range(n_rows)]
    return pa.table(
        {"id": ids, "image": [encode_image(one) for one in images], "mask": [encode_image(one) for one in maps]}
    )


def build_processor(**settings: Any) -> Any:
    """What the model is fed through; `settings` replace those that it was trained with."""
    from transformers import SegformerImageProcessorPil

    trained: dict[str, Any] = {
        "size": {"height": SIZE, "width": SIZE},
        "image_mean": [0.45, 0.40, 0.35],
        "image_std": [0.30, 0.25, 0.20],
    }
    return SegformerImageProcessorPil(**(trained | settings))


def build_model() -> Any:
    """The untrained network, of two stages; it gives logits for every second pixel."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    names = dict(enumerate(CLASSES))
    return SegformerForSemanticSegmentation(
        SegformerConfig(
            num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[16, 32], patch_sizes=[3, 3], strides=[2, 2],
            num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=32, classifier_dropout_prob=0.0,
            drop_path_rate=0.0, id2label=names, label2id={name: code for code, name in names.items()},
        )
    )  # fmt: skip


def write_model(folder: Path) -> Path:
    """Train the network, and write it and its processor into a folder."""
    import torch

    torch.manual_seed(7)
    model = build_model()
    images, maps = draw_patches(STEPS * BATCH // 8, seed=1)
    encoded = build_processor()(images, segmentation_maps=maps, return_tensors="pt")

    def compute_loss(rows: Any) -> Any:
        return model(pixel_values=encoded["pixel_values"][rows], labels=encoded["labels"][rows]).loss

    train(model, len(images), compute_loss, steps=STEPS, batch=BATCH, rate=RATE)
    model.save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder
