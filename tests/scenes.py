"""A tiny YOLOS that finds coloured squares, trained within seconds, and scenes of such squares with their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.colours import CLASSES, encode_image
from tests.one_cycle import train

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

SIZE, PATCH, WIDTH = 32, 8, 48  # pixels of a side of what the model is fed, and of a patch; numbers of a token
CELLS = 2  # a scene has as many rows and columns of cells, with one square each at most, and a detection token for each
HEIGHTS, WIDTHS = (44, 61), (60, 81)
STEPS, BATCH, RATE = 280, 32, 3e-3


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], list[dict[str, Any]]]:
    """Grey noise with squares in one to three of four cells, shape (height, width, 3), and the box of each."""
    height, width = int(rng.integers(*HEIGHTS)), int(rng.integers(*WIDTHS))
    pixels = rng.integers(60, 140, (height, width, 3))
    boxes = []
    for cell in rng.permutation(CELLS * CELLS)[: rng.integers(1, 4)].tolist():
        side = int(rng.integers(14, 21))
        row, column = divmod(cell, CELLS)
        top = row * (height // 2) + int(rng.integers(0, height // 2 - side + 1))
        left = column * (width // 2) + int(rng.integers(0, width // 2 - side + 1))
        code = int(rng.integers(len(CLASSES)))
        pixels[top : top + side, left : left + side] //= 3
        pixels[top : top + side, left : left + side, code] += 160
        sides = {"x0": left, "y0": top, "x1": left + side, "y1": top + side}
        boxes.append({**{name: float(one) for name, one in sides.items()}, "label": CLASSES[code]})
    return pixels.astype(np.uint8), boxes


def draw_scenes(n_rows: int, seed: int = 7) -> tuple[list[np.ndarray[Any, Any]], list[list[dict[str, Any]]]]:
    """Scenes, and the boxes of each."""
    rng = np.random.default_rng(seed)
    drawn = [draw_scene(rng) for _ in range(n_rows)]
    return [pixels for pixels, _ in drawn], [boxes for _, boxes in drawn]


def scene_table(n_rows: int, seed: int = 7) -> pa.Table:
    """Scenes as rows of a data set: an id, the image as PNG, and the boxes."""
    import pyarrow as pa

    images, boxes = draw_scenes(n_rows, seed)
    ids = [f"scene-{row}" for row in range(n_rows)]
    return pa.table({"id": ids, "image": [encode_image(one) for one in images], "boxes": boxes})


def build_processor(**settings: Any) -> Any:
    """What the model is fed through; `settings` replace those that it was trained with."""
    from transformers import YolosImageProcessorPil

    trained: dict[str, Any] = {
        "size": {"height": SIZE, "width": SIZE},
        "image_mean": [0.45, 0.40, 0.35],
        "image_std": [0.30, 0.25, 0.20],
    }
    return YolosImageProcessorPil(**(trained | settings))


def build_model() -> Any:
    """The untrained network; its tokens know where they are, which it would else have to learn."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    names = dict(enumerate(CLASSES))
    model = YolosForObjectDetection(
        YolosConfig(
            hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            initializer_range=WIDTH**-0.5, image_size=[SIZE, SIZE], patch_size=PATCH, num_detection_tokens=CELLS**2,
            use_mid_position_embeddings=False, id2label=names, label2id={name: code for code, name in names.items()},
        )
    )  # fmt: skip

    def embed(rows: int) -> Any:
        phases = ((torch.arange(rows) + 0.5) / rows)[:, None] * torch.pi * 2.0 ** torch.linspace(0, 3, WIDTH // 4)
        axis = torch.cat([phases.sin(), phases.cos()], dim=1)
        return torch.cat([axis[None].expand(rows, -1, -1), axis[:, None].expand(-1, rows, -1)], dim=2).flatten(0, 1)

    positions = torch.cat([torch.zeros(1, WIDTH), embed(SIZE // PATCH), embed(CELLS)])
    model.vit.embeddings.position_embeddings.data = positions[None]
    return model


def encode_targets(images: list[Any], boxes: list[list[dict[str, Any]]]) -> tuple[Any, Any]:
    """Of every cell the class, or one more for none; and the middle, width and height of its box."""
    import torch

    labels = torch.full((len(images), CELLS**2), len(CLASSES))
    sides = torch.zeros(len(images), CELLS**2, 4)
    for row, (pixels, some) in enumerate(zip(images, boxes, strict=True)):
        height, width = pixels.shape[:2]
        for box in some:
            x, y = (box["x0"] + box["x1"]) / 2 / width, (box["y0"] + box["y1"]) / 2 / height
            cell = min(int(y * CELLS), CELLS - 1) * CELLS + min(int(x * CELLS), CELLS - 1)
            labels[row, cell] = CLASSES.index(box["label"])
            sides[row, cell] = torch.tensor([x, y, (box["x1"] - box["x0"]) / width, (box["y1"] - box["y0"]) / height])
    return labels, sides


def write_model(folder: Path) -> Path:
    """Train the network, each detection token on the square of its cell, and write it and its processor into a folder."""
    import torch
    from torch.nn.functional import cross_entropy, l1_loss

    torch.manual_seed(7)
    model = build_model()
    images, boxes = draw_scenes(STEPS * BATCH // 10, seed=1)
    pixels = torch.from_numpy(build_processor()(images, return_tensors="np")["pixel_values"])
    labels, sides = encode_targets(images, boxes)

    def compute_loss(rows: Any) -> Any:
        outputs = model(pixel_values=pixels[rows])
        found = labels[rows] < len(CLASSES)
        distance = l1_loss(outputs.pred_boxes[found], sides[rows][found])
        return cross_entropy(outputs.logits.flatten(0, 1), labels[rows].flatten()) + 10 * distance

    train(model, len(images), compute_loss, steps=STEPS, batch=BATCH, rate=RATE)
    model.save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder
