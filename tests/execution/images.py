"""A plugin with a small network that tells bright images from dark ones, and perturbations of images."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from PIL import Image

from mqa_registry import Blob, Codec, Model, ModelSource, NoOptions, Perturbation, Probe, ProbeContext, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import RunContext


def build_network() -> Any:
    import torch

    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    with torch.no_grad():
        network[0].weight[0], network[0].weight[1] = -1.0, 1.0
        network[0].bias[:] = torch.tensor([4.5, -4.5])
    return network.eval()


class Network(ModelSource[NoOptions]):
    """A network with two classes."""

    name = "network"

    def load(self, task: Task[Any], run_context: RunContext, options: NoOptions) -> Model:
        return Model(digest="network", module=build_network, processor=lambda: None, labels=("dark", "bright"))


class Brightness(Task[NoOptions]):
    """Whether an image is bright."""

    name = "brightness"
    schema = "label"
    fields: Mapping[str, str] = {"image": "image"}
    metric = "metrics/accuracy"

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return ImageCodec(model.labels)


class ImageCodec(Codec):
    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = classes

    def encode(self, examples: Any) -> list[dict[str, Any]]:
        if touched := os.environ.get("IMAGES_TOUCHED"):  # another program that writes to the data meanwhile
            os.utime(touched)
        pixels = [to_pixels(example["image"]) for example in examples]
        return [{"input": (one[np.newaxis] / 255).astype(np.float32)} for one in pixels]

    def collate(self, rows: Any) -> dict[str, Any]:
        return {"input": np.stack([row["input"] for row in rows])}

    def decode(self, outputs: Any, rows: Any) -> pa.Table:
        scores = next(iter(outputs.values()))
        exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float64)
        labels = [self._classes[number] for number in shares.argmax(axis=1)]
        return pa.table({"label": labels, "probability": shares.tolist()})

    def cost(self, row: Any) -> int:
        return int(row["input"].size)


def to_pixels(value: Any) -> Any:
    """The gray values of an image: a file, or an array that a perturbation gave."""
    if not isinstance(value, Blob):
        return value
    with value.open() as file:
        return np.asarray(Image.open(file).convert("L"))


def invert(example: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Every image as its negative, as an array."""
    return {"image": 255 - to_pixels(example["image"])}


def noise(example: Mapping[str, Any], rng: np.random.Generator, *, severity: float = 10) -> dict[str, Any]:
    """Every image with noise, as the bytes of a file."""
    pixels = to_pixels(example["image"])
    noisy = np.clip(pixels + severity * rng.standard_normal(pixels.shape), 0, 255).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(noisy).save(content, format="PNG")
    return {"image": content.getvalue()}


def same(example: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Every second image as it is, as another copy of its bytes; others are declined."""
    image = example["image"]
    return {"image": image.read()} if int(image.digest, 16) % 2 else None  # type: ignore[return-value]


class Gray(Probe[NoOptions]):
    """The mean of all gray values."""

    name = "gray"
    inputs = "rows"
    outputs = ("value",)

    def observe(self, context: ProbeContext, options: NoOptions) -> pa.Table:
        return pa.table({"gray": [float(to_pixels(row["image"]).mean()) for row in context.view.rows.examples()]})

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        return {"value": float(np.mean(table.column("gray").to_numpy()))}


class Encoded(Probe[NoOptions]):
    """The mean of what the network is fed with, which the codec makes of the images shard by shard."""

    name = "encoded"
    inputs = "runner"
    outputs = ("value",)

    def observe(self, context: ProbeContext, options: NoOptions) -> pa.Table:
        rows = [row for part in context.view.shards() for row in context.encode(part)]
        again = list(context.encode(context.view.take(range(len(context.view.rows))[::-1])))[::-1]
        assert [row.id for row in again] == [row.id for row in rows]
        pairs = zip(rows, again, strict=True)
        assert all(np.array_equal(one.arrays["input"], two.arrays["input"]) for one, two in pairs)
        return pa.table({"id": [row.id for row in rows], "gray": [float(row.arrays["input"].mean()) for row in rows]})

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        return {"value": float(np.mean(table.column("gray").to_numpy()))}


@hookimpl
def mqa_probes() -> Iterator[Probe[Any]]:
    yield from (Gray(), Encoded())


@hookimpl
def mqa_models() -> Iterator[ModelSource[Any]]:
    yield Network()


@hookimpl
def mqa_tasks() -> Iterator[Task[Any]]:
    yield Brightness()


@hookimpl
def mqa_perturbations() -> Iterator[Perturbation]:
    for function in (invert, noise, same):
        yield Perturbation(function.__name__, function, modality="image")
