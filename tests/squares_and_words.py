"""A tiny CLIP, trained within seconds: photos of squares, and what their colours are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.colours import CLASSES, SIZE, build_processor, draw_squares
from tests.mqa_transformers.tasks.tiny_models import PIECES, write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = "the {} car"
TEMPLATES = tuple(f"{first} {{}} {last}" for first in ("the", "a", "new") for last in ("car", "house", "bird"))
STEPS, BATCH = 54, 48


def list_captions() -> list[str]:
    """Every template with every colour, those of one colour together."""
    return [template.replace("{}", name) for name in CLASSES for template in TEMPLATES]


def write_model(folder: Path) -> Path:
    """Train the model on images of every colour, each held against the texts of all, and write it, its processor and its tokenizer."""
    import torch
    from transformers import AutoTokenizer, CLIPConfig, CLIPModel

    folder.mkdir(parents=True)
    write_tokenizer(folder)
    sizes: dict[str, Any] = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 16,
    }  # fmt: skip
    tokens = {
        f"{name}_token_id": PIECES.index(piece)
        for name, piece in {"bos": "[CLS]", "eos": "[SEP]", "pad": "[PAD]"}.items()
    }
    text = {**sizes, **tokens, "vocab_size": len(PIECES), "max_position_embeddings": 32}
    vision = {**sizes, "image_size": SIZE, "patch_size": 8}
    torch.manual_seed(7)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))
    images, codes = draw_squares(STEPS * BATCH // 4, seed=1)
    pixels = torch.from_numpy(build_processor()(images, return_tensors="np")["pixel_values"])
    texts = list_captions()
    encoded = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    encoded.pop("token_type_ids", None)
    labels = torch.tensor(codes)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(STEPS):
        rows = torch.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
        captions = {name: array[step % len(TEMPLATES) :: len(TEMPLATES)] for name, array in encoded.items()}
        similarities = model(pixel_values=pixels[rows], **captions).logits_per_image
        torch.nn.functional.cross_entropy(similarities, labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder
