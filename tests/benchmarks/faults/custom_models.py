"""Models of one's own code, as teams have beside those of a library: a detector, a recurrent tagger and a small CNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

SEED = 11
CLASSES = 6
SIDE = 32


class Block(nn.Module):
    """A convolution, its normalization and what follows, with a way around them where the sizes allow one."""

    def __init__(self, width: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.act = nn.ReLU()
        self.around = width == out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.norm(self.conv(x)))
        return y + x if self.around else y


class Detector(nn.Module):
    """Boxes in pixels and scores of classes of every cell, in one tensor, and the best class as a number."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(3, 16, 2)
        self.body = nn.Sequential(Block(16, 16), Block(16, 32, 2), Block(32, 32))
        self.boxes = nn.Conv2d(32, 4, 1)
        self.scores = nn.Conv2d(32, CLASSES, 1)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        found = self.body(self.stem(pixel_values))
        boxes = self.boxes(found).sigmoid().flatten(2).transpose(1, 2) * 640.0
        scores = self.scores(found).softmax(1).flatten(2).transpose(1, 2)
        return torch.cat([boxes, scores], -1), scores.argmax(-1)


class Tagger(nn.Module):
    """A class for every token, by an LSTM that reads both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 32)
        self.lstm = nn.LSTM(32, 24, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(48)
        self.head = nn.Linear(48, CLASSES)

    def forward(self, input_ids: Tensor) -> Tensor:
        found, _ = self.lstm(self.embedding(input_ids))
        tags: Tensor = self.head(self.norm(found))
        return tags


class Plain(nn.Module):
    """A CNN with average pooling, a wide middle and a head of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(Block(3, 16), nn.AvgPool2d(2), Block(16, 32, 2), Block(32, 32))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(32, 64)
        self.act = nn.GELU()
        self.head = nn.Linear(64, CLASSES)

    def forward(self, pixel_values: Tensor) -> Tensor:
        found = self.pool(self.features(pixel_values)).flatten(1)
        logits: Tensor = self.head(self.act(self.hidden(found)))
        return logits


def detector() -> nn.Module:
    return _build_seeded(Detector)


def tagger() -> nn.Module:
    return _build_seeded(Tagger)


def plain() -> nn.Module:
    return _build_seeded(Plain)


def _build_seeded(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(SEED)
    module = kind().eval()
    jitter(module, SEED)
    return module


def jitter(module: nn.Module, seed: int) -> None:
    """Move every vector of numbers and every statistic of a normalization by a little, in place."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.add_(0.2 * torch.randn(buffer.shape, generator=draw))
            if name.endswith("running_var"):
                buffer.mul_(0.5 + torch.rand(buffer.shape, generator=draw))
