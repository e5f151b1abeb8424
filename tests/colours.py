"""Tiny residual networks that tell the colours of squares, trained within seconds, and photos of such squares.

One is of one square an image and gives it one class; a multi-label one finds all the colours of any number of squares.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("red", "green", "blue")
MEAN, DEVIATION = (0.45, 0.40, 0.35), (0.30, 0.25, 0.20)
SIZE = 16  # pixels of a side of what the model is fed
STEPS, BATCH = 40, 48


def draw_square(rng: np.random.Generator, code: int) -> np.ndarray[Any, Any]:
    """A grey background with noise, and a square of a colour, shape (24, 32, 3)."""
    pixels = rng.integers(60, 140, (24, 32, 3))
    top, left = rng.integers(0, 10), rng.integers(0, 16)
    pixels[top : top + 14, left : left + 14] //= 3
    pixels[top : top + 14, left : left + 14, code] += 160
    return pixels.astype(np.uint8)


def draw_squares(n_rows: int, seed: int = 7) -> tuple[list[np.ndarray[Any, Any]], list[int]]:
    """Images of every colour by turns, and the codes of their classes."""
    rng = np.random.default_rng(seed)
    codes = [row % len(CLASSES) for row in range(n_rows)]
    return [draw_square(rng, code) for code in codes], codes


def draw_mixtures(n_rows: int, seed: int = 7) -> tuple[list[np.ndarray[Any, Any]], list[list[int]]]:
    """Images with a square of every colour, of two, of one or of none, each in a place of its own, and the codes of the colours."""
    rng = np.random.default_rng(seed)
    images, codes = [], []
    for row in range(n_rows):
        there = [code for code in range(len(CLASSES)) if row >> code & 1]
        pixels = rng.integers(60, 140, (24, 32, 3))
        for code, left in zip(there, rng.permutation([0, 11, 22]), strict=False):
            top = rng.integers(0, 14)
            pixels[top : top + 10, left : left + 10] //= 3
            pixels[top : top + 10, left : left + 10, code] += 160
        images.append(pixels.astype(np.uint8))
        codes.append(there)
    return images, codes


def encode_image(pixels: np.ndarray[Any, Any], kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    from PIL import Image

    content = BytesIO()
    Image.fromarray(pixels).save(content, format=kind, **options)
    return content.getvalue()


def build_processor(**settings: Any) -> Any:
    """What the model is fed through; `settings` replace those that it was trained with."""
    from transformers import ViTImageProcessorPil

    trained: dict[str, Any] = {
        "do_convert_rgb": True,
        "size": {"height": SIZE, "width": SIZE},
        "resample": 2,
        "image_mean": list(MEAN),
        "image_std": list(DEVIATION),
    }
    return ViTImageProcessorPil(**(trained | settings))


def write_model(folder: Path) -> Path:
    """Train the network of one class an image and write it and its processor into a folder."""
    import torch

    images, codes = draw_squares(STEPS * BATCH // 4, seed=1)
    return _train(folder, images, torch.tensor(codes), torch.nn.functional.cross_entropy)


def write_multi_label_model(folder: Path) -> Path:
    """Train the network of any number of colours an image and write it and its processor into a folder."""
    import torch

    images, codes = draw_mixtures(STEPS * BATCH // 4, seed=1)
    labels = torch.tensor([[float(code in there) for code in range(len(CLASSES))] for there in codes])
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    return _train(folder, images, labels, loss, problem_type="multi_label_classification")


def _train(folder: Path, images: list[np.ndarray[Any, Any]], labels: Any, loss: Any, **configuration: Any) -> Path:
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    names = dict(enumerate(CLASSES))
    torch.manual_seed(7)
    model = ResNetForImageClassification(
        ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 16],
            depths=[1, 1],
            layer_type="basic",
            id2label=names,
            label2id={name: code for code, name in names.items()},
            **configuration,
        )
    )
    pixels = torch.from_numpy(build_processor()(images, return_tensors="np")["pixel_values"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(STEPS):
        rows = torch.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
        loss(model(pixel_values=pixels[rows]).logits, labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder
