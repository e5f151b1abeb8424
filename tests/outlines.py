"""A tiny MaskFormer that outlines coloured squares, trained within seconds, and scenes of such squares with the mask of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.colours import CLASSES, encode_image
from tests.one_cycle import train
from tests.scenes import CELLS, draw_scenes, encode_targets

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

SIZE, GRID = 64, 16  # pixels of a side of what the model is fed, and points of a side of its masks
CONTRAST = 6.0  # of the queries, which attend to points by their products
WIDTH = 32  # numbers of a point and of a query
STEPS, BATCH, RATE = 300, 16, 6e-3


def draw_outlines(n_rows: int, seed: int = 7) -> tuple[list[np.ndarray[Any, Any]], list[list[dict[str, Any]]]]:
    """Scenes, and the squares of each: a label, and which pixels are of it."""
    images, boxes = draw_scenes(n_rows, seed)
    squares = []
    for pixels, some in zip(images, boxes, strict=True):
        squares.append([])
        for box in some:
            inside = np.zeros(pixels.shape[:2], bool)
            inside[int(box["y0"]) : int(box["y1"]), int(box["x0"]) : int(box["x1"])] = True
            squares[-1].append({"label": box["label"], "pixels": inside})
    return images, squares


def outline_table(n_rows: int, seed: int = 7) -> pa.Table:
    """Scenes as rows of a data set: an id, the image as PNG, and the squares as run lengths of COCO."""
    import pyarrow as pa

    from mqa_registry import encode_mask

    images, squares = draw_outlines(n_rows, seed)
    ids = [f"scene-{row}" for row in range(n_rows)]
    objects = [[{"label": one["label"], **encode_mask(one["pixels"])} for one in row] for row in squares]
    return pa.table({"id": ids, "image": [encode_image(one) for one in images], "squares": objects})


def build_processor(**settings: Any) -> Any:
    """What the model is fed through; `settings` replace those that it was trained with."""
    from transformers import MaskFormerImageProcessorPil

    trained: dict[str, Any] = {
        "size": {"height": SIZE, "width": SIZE},
        "image_mean": [0.45, 0.40, 0.35],
        "image_std": [0.30, 0.25, 0.20],
    }
    return MaskFormerImageProcessorPil(**(trained | settings))


def build_model() -> Any:
    """The untrained network; it gives masks of every fourth pixel.

    Each of its queries looks at one cell of a scene, of which the backbone makes one point: that it would else have to learn.
    """
    import torch
    from transformers import DetrConfig, MaskFormerConfig, MaskFormerForInstanceSegmentation, ResNetConfig

    names = dict(enumerate(CLASSES))
    backbone = ResNetConfig(
        embedding_size=WIDTH, hidden_sizes=[WIDTH, WIDTH, WIDTH, WIDTH], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    decoder = DetrConfig(
        d_model=WIDTH, encoder_layers=1, decoder_layers=1, encoder_attention_heads=1, decoder_attention_heads=1,
        encoder_ffn_dim=32, decoder_ffn_dim=64, num_queries=CELLS**2, dropout=0.0,
    )  # fmt: skip
    model = MaskFormerForInstanceSegmentation(
        MaskFormerConfig(
            fpn_feature_size=WIDTH, mask_feature_size=WIDTH, backbone_config=backbone, decoder_config=decoder,
            id2label=names, label2id={name: code for code, name in names.items()},
        )
    )  # fmt: skip
    transformer = model.model.transformer_module
    places = transformer.position_embedder(torch.Size([1, WIDTH, CELLS, CELLS]), "cpu", torch.float32).view(WIDTH, -1).T
    transformer.queries_embedder.weight.data = CONTRAST * (places - places.mean(dim=0))
    attention = transformer.decoder.layers[0].encoder_attn
    for projection in (attention.q_proj, attention.k_proj):
        torch.nn.init.eye_(projection.weight)
    return model


def write_model(folder: Path) -> Path:
    """Train the network, each query on the square of its cell, and write it and its processor into a folder."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    torch.manual_seed(7)
    model = build_model()
    images, boxes = draw_scenes(STEPS * BATCH // 8, seed=1)
    pixels = torch.from_numpy(build_processor()(images, return_tensors="np")["pixel_values"])
    labels, sides = encode_targets(images, boxes)
    points = (torch.arange(GRID) + 0.5) / GRID
    across, down = (
        (points - sides[..., axis, None]).abs() < sides[..., axis + 2, None] / 2 for axis in (0, 1)
    )  # of every cell, which columns and rows of points its square has
    masks = (down[..., :, None] & across[..., None, :]).float()

    def compute_loss(rows: Any) -> Any:
        outputs = model(pixel_values=pixels[rows])
        found = labels[rows] < len(CLASSES)
        outline = binary_cross_entropy_with_logits(outputs.masks_queries_logits[found], masks[rows][found])
        return cross_entropy(outputs.class_queries_logits.flatten(0, 1), labels[rows].flatten()) + 5 * outline

    train(model, len(images), compute_loss, steps=STEPS, batch=BATCH, rate=RATE)
    model.save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder
