"""Make shapes-yolos: a tiny detector that finds discs, squares and triangles."""

# ruff: noqa: TID253
# A script that makes a model always pays for torch.

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import one_cycle
import torch
from PIL import Image
from shapes import CELLS, CLASSES, ROWS, SEED, Shape, draw_rows
from torch import Tensor
from torch.nn import functional
from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessorPil

TRAINING_SEED = 11
IMAGES = 3000
PLAN = one_cycle.Plan(steps=1200, batch=32, rate=3e-3)
WIDTH = 64
PATCH = 8
SIZE = 48  # pixels of a side of what the model is fed
NO_OBJECT = len(CLASSES)
NO_OBJECT_WEIGHT = 0.4  # most cells have no shape
THRESHOLD = 0.5  # of the scores of detections that are counted
TARGET = Path(__file__).parents[1] / "models" / "shapes-yolos"


@dataclass(frozen=True)
class Batch:
    """Images as the model is fed with them; of every cell the class, and the middle, width and height of the box."""

    pixels: Tensor
    labels: Tensor
    boxes: Tensor


def build_processor() -> YolosImageProcessorPil:
    """What an image goes through before the model: RGB, 48 x 48 pixels whatever its sides, normalized."""
    return YolosImageProcessorPil(
        size={"height": SIZE, "width": SIZE},
        do_pad=False,
        resample=Image.Resampling.BILINEAR,
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
    )


def embed_positions(rows: int) -> Tensor:
    """Sines and cosines of the middles of as many rows and columns of cells, shape (cells, WIDTH)."""
    middles = (torch.arange(rows) + 0.5) / rows
    phases = middles[:, None] * torch.pi * 2.0 ** torch.linspace(0, 3, WIDTH // 4)
    axis = torch.cat([phases.sin(), phases.cos()], dim=1)
    across, down = axis[None].expand(rows, -1, -1), axis[:, None].expand(-1, rows, -1)
    return torch.cat([across, down], dim=2).flatten(0, 1)


def build_model() -> YolosForObjectDetection:
    """The untrained network: 36 patches and a detection token for each of 9 cells, which know where they are."""
    names = dict(enumerate(CLASSES))
    model = YolosForObjectDetection(
        YolosConfig(
            hidden_size=WIDTH,
            initializer_range=WIDTH**-0.5,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=192,
            image_size=[SIZE, SIZE],
            patch_size=PATCH,
            num_detection_tokens=CELLS * CELLS,
            use_mid_position_embeddings=False,
            id2label=names,
            label2id={name: code for code, name in names.items()},
        )
    )
    positions = [torch.zeros(1, WIDTH), embed_positions(SIZE // PATCH), embed_positions(CELLS)]
    model.vit.embeddings.position_embeddings.data = torch.cat(positions)[None]
    return model


def encode(rows: list[tuple[bytes, list[Shape]]]) -> Batch:
    """All rows as one batch. The shape whose middle is in a cell is what that cell's detection token has to find."""
    processor = build_processor()
    labels = torch.full((len(rows), CELLS, CELLS), NO_OBJECT)
    boxes = torch.zeros(len(rows), CELLS, CELLS, 4)
    pixels = []
    for row, (content, shapes) in enumerate(rows):
        image = Image.open(io.BytesIO(content)).convert("RGB")
        pixels.append(processor(image, return_tensors="np")["pixel_values"][0])
        for shape in shapes:
            cell = (row, *shape.cell(image.width, image.height))
            middle = ((shape.x0 + shape.x1) / 2 / image.width, (shape.y0 + shape.y1) / 2 / image.height)
            size = ((shape.x1 - shape.x0) / image.width, (shape.y1 - shape.y0) / image.height)
            labels[cell] = CLASSES.index(shape.label)
            boxes[cell] = torch.tensor([*middle, *size])
    return Batch(torch.from_numpy(np.stack(pixels)), labels, boxes)


def augment(batch: Batch) -> Batch:
    """All images of a batch mirrored or not."""
    pixels, labels, boxes = batch.pixels, batch.labels, batch.boxes
    if torch.rand(()) < 0.5:
        pixels, labels, boxes = pixels.flip(3), labels.flip(2), boxes.flip(2)
        boxes = torch.cat([1 - boxes[..., :1], boxes[..., 1:]], dim=-1)
    return Batch(pixels, labels, boxes)


def to_corners(boxes: Tensor) -> Tensor:
    """Boxes by two corners, of those by their middle, width and height."""
    middle, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([middle - size / 2, middle + size / 2], dim=-1)


def generalized_iou(one: Tensor, other: Tensor) -> Tensor:
    """The generalized intersection over union of boxes by corners (Rezatofighi et al. 2019), one by one."""
    overlap = (torch.minimum(one[:, 2:], other[:, 2:]) - torch.maximum(one[:, :2], other[:, :2])).clamp(min=0)
    hull = torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])
    areas = [(box[:, 2:] - box[:, :2]).prod(dim=1) for box in (one, other)]
    shared, around = overlap.prod(dim=1), hull.prod(dim=1)
    union = areas[0] + areas[1] - shared
    return shared / union - (around - union) / around


def compute_loss(model: YolosForObjectDetection, batch: Batch) -> Tensor:
    """Cross-entropy of the class of every cell; distance and generalized IoU of boxes, weighted as in DETR."""
    outputs = model(pixel_values=batch.pixels)
    labels = batch.labels.flatten(1)
    weights = torch.tensor([1.0] * len(CLASSES) + [NO_OBJECT_WEIGHT])
    classes = functional.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), weights)
    found = labels != NO_OBJECT
    predicted, actual = outputs.pred_boxes[found], batch.boxes.flatten(1, 2)[found]
    distance = functional.l1_loss(predicted, actual)
    iou = generalized_iou(to_corners(predicted), to_corners(actual)).mean()
    return classes + 5 * 4 * distance + 2 * (1 - iou)


def train(model: YolosForObjectDetection, data: Batch) -> None:
    """Train the network in place, images mirrored or not."""
    one_cycle.train(
        model,
        len(data.pixels),
        PLAN,
        lambda rows: compute_loss(model, augment(Batch(data.pixels[rows], data.labels[rows], data.boxes[rows]))),
    )


def measure(model: YolosForObjectDetection, data: Batch) -> tuple[int, int, int]:
    """How many shapes there are, how many boxes are given, and how many of these are right.

    A box is right where the detection token of its cell has the class, and a generalized IoU of 0.5 or more.
    """
    model.eval()
    with torch.inference_mode():
        outputs = model(pixel_values=data.pixels)
    scores, labels = outputs.logits.softmax(-1)[..., :-1].max(-1)
    is_given = scores > THRESHOLD
    actual = data.boxes.flatten(1, 2)
    iou = generalized_iou(to_corners(outputs.pred_boxes.flatten(0, 1)), to_corners(actual.flatten(0, 1)))
    is_right = is_given & (labels == data.labels.flatten(1)) & (iou.reshape(labels.shape) >= 0.5)
    return int((data.labels != NO_OBJECT).sum()), int(is_given.sum()), int(is_right.sum())


def main() -> None:
    """Make the model, and print what it finds on the rows of the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(TRAINING_SEED)
    data = encode(draw_rows(TRAINING_SEED, IMAGES))
    print(f"{len(data.pixels)} images drawn", flush=True)
    model = build_model()
    train(model, data)
    model.eval().save_pretrained(arguments.out)
    build_processor().save_pretrained(arguments.out)
    shapes, given, right = measure(model, encode(draw_rows(SEED, ROWS)))
    print(f"{shapes} shapes, {given} boxes given, {right} of them right")


if __name__ == "__main__":
    main()
