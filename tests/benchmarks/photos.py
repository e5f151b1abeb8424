"""A plugin for the benchmark `images`: photos, three corruptions of them, and a small CNN that classifies them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from PIL import Image, ImageFilter

from mqa_registry import Codec, Model, ModelSource, NoOptions, Perturbation, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

SIDE = "MQA_BENCHMARK_SIDE"  # names how many pixels a side of what the CNN sees has
SIZE = int(os.environ.get(SIDE, "96"))
CLASSES = 10
COST = 16  # of an image, in the tokens of a backend's budget: 64 images in a batch of 1,024
MEAN, DEVIATION = 127.5, 64.0
NOISE = (8.0, 16.0, 24.0, 36.0, 48.0)  # by severity: the standard deviation, of 255
RADIUS = (0.5, 1.0, 1.5, 2.0, 3.0)  # in pixels
CONTRAST = (0.8, 0.65, 0.5, 0.35, 0.2)  # the share that is left
PASSES = "MQA_BENCHMARK_PASSES"  # names the file that gets the start and the end of every forward pass, in seconds


def read_pixels(value: Any) -> Pixels:
    """The pixels of an image in a file, or of one that a perturbation gave: height, width, 3 colours."""
    if isinstance(value, np.ndarray):
        return value
    with value.open() as file, Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def add_noise(pixels: Pixels, rng: np.random.Generator, severity: int) -> Pixels:
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    noise *= NOISE[severity - 1]
    noise += pixels
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)


def blur_pixels(pixels: Pixels, severity: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(RADIUS[severity - 1])))


def lower_contrast(pixels: Pixels, severity: int) -> Pixels:
    share = CONTRAST[severity - 1]
    levels = np.arange(256) * share + pixels.mean() * (1 - share)
    lowered: Pixels = levels.astype(np.uint8)[pixels]
    return lowered


def noise(example: Mapping[str, Any], rng: np.random.Generator, *, severity: int = 3) -> dict[str, Any]:
    """Gaussian noise."""
    return {name: add_noise(read_pixels(value), rng, severity) for name, value in example.items()}


def blur(example: Mapping[str, Any], rng: np.random.Generator, *, severity: int = 3) -> dict[str, Any]:
    """Gaussian blur."""
    return {name: blur_pixels(read_pixels(value), severity) for name, value in example.items()}


def contrast(example: Mapping[str, Any], rng: np.random.Generator, *, severity: int = 3) -> dict[str, Any]:
    """Less contrast."""
    return {name: lower_contrast(read_pixels(value), severity) for name, value in example.items()}


def to_input(pixels: Pixels) -> npt.NDArray[np.float32]:
    """What the CNN sees of an image: 3 colours, height and width, normalised."""
    small = np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)
    return np.ascontiguousarray(((small - MEAN) / DEVIATION).transpose(2, 0, 1))


def build_cnn() -> Any:
    """Four blocks of convolutions, with seeded weights. It notes when each forward pass began and ended."""
    import torch
    from torch import nn

    torch.manual_seed(7)
    layers: list[nn.Module] = []
    for width, wider in ((3, 32), (32, 64), (64, 128), (128, 128)):
        layers += [nn.Conv2d(width, wider, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

    class Cnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES))

        def forward(self, image: Any) -> Any:
            start = time.perf_counter()
            scores = self.layers(image)
            if path := os.environ.get(PASSES):
                with Path(path).open("a") as file:
                    file.write(f"{start} {time.perf_counter()} {len(image)}\n")
            return scores

    return Cnn().eval()


class CnnSource(ModelSource[NoOptions]):
    """The CNN."""

    name = "cnn"
    takes = "nothing"
    loads = None

    def load(self, task: Task[Any], run_context: Any, options: NoOptions) -> Model:
        labels = [f"class {number}" for number in range(CLASSES)]
        return Model(digest="cnn 1", module=build_cnn, processor=lambda: None, labels=labels)


@dataclass
class PhotoCodec(Codec):
    """Photos as normalised pixels, scores as labels with probabilities."""

    labels: Sequence[str]
    encodes_in_threads = True

    def encode(self, examples: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, npt.NDArray[Any]]]:
        return [{"image": to_input(read_pixels(example["image"]))} for example in examples]

    def collate(self, rows: Sequence[Mapping[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
        return {"image": np.stack([row["image"] for row in rows])}

    def decode(self, outputs: Mapping[str, npt.NDArray[Any]], rows: Sequence[Any]) -> pa.Table:
        scores = next(iter(outputs.values())).astype(np.float64)
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        labels = [self.labels[index] for index in scores.argmax(axis=1)]
        return pa.table({"label": labels, "probability": pa.array(list(probabilities), pa.list_(pa.float64()))})

    def cost(self, row: Mapping[str, npt.NDArray[Any]]) -> int:
        return COST


class ClassifyPhotos(Task[NoOptions]):
    """The class of a photo."""

    name = "classify"
    schema = "label"
    fields = {"image": "image"}  # noqa: RUF012  # a constant of the class
    metric = "metrics/accuracy"
    sample = [{"image": np.full((240, 320, 3), level, np.uint8)} for level in (30, 200)]  # noqa: RUF012  # likewise

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return PhotoCodec(model.labels)


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    yield CnnSource()


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    yield ClassifyPhotos()


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    for function in (noise, blur, contrast):
        yield Perturbation(function.__name__, function, modality="image")
