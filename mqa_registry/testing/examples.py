"""Small examples of every modality: a text, a photo, a sound and a table, ordinary ones and those that code forgets.

All are made when they are asked for, and are the same every time.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.sounds import Sound
from mqa_registry.types import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.types import Example

    Values = Mapping[str, Sequence[Any]]

TEXTS = (
    "The film wasn't good, but she said it's worth 3 stars.",
    "He bought two red cars in Paris on Monday; they don't work!",
    "I love this colour, and my neighbour Emily does not.",
    "A young American woman waited 25 minutes for the doctor, who was kind.",
    "Great value 😀 and quick delivery, thank you.",
    "ok",
)
EMPTY_TEXTS = ("", " ", "\n\t", ".")
FOREIGN_TEXTS = (
    "هذا الفيلم جيد جدا، شكرا!",  # written from right to left
    "这部电影很好看。我喜欢。",  # no spaces between words
    "ภาพยนตร์เรื่องนี้ดีมาก",
    "नमस्ते, यह फ़िल्म अच्छी है।",  # letters made of several characters
    "e\u0301te\u0301 İstanbul Straße ﬁn",  # letters whose case has another length
    "👩‍👩‍👧‍👦 🇩🇪 1️⃣",  # several characters that are one sign
    "\u200bzero\u200dwidth\u202eright\x00null",
)
HUGE_WORDS = 10_000  # in a text
RATE = 16_000  # samples of a sound in a second
HUGE_SECONDS = 30  # of a sound
HUGE_SIDE = 700  # pixels of an image


@dataclass(frozen=True)
class Inputs:
    """Values of one modality: ordinary ones, and those of every kind that code forgets, by the name of the kind.

    The kinds are `empty`, `foreign`, `huge` and `missing`, as far as the modality has them.
    """

    ordinary: Sequence[Any]
    unusual: Values = field(default_factory=dict)

    def examples(self, name: str, kind: str = "") -> list[Example]:
        """The values of a kind, ordinary ones if left out, each as an example with one field of this name."""
        return [{name: value} for value in (self.unusual.get(kind, ()) if kind else self.ordinary)]


@cache
def make_inputs(modality: str) -> Inputs | None:
    """Values of a modality, which nobody changes; None of one that the kit has none of."""
    make = MAKERS.get(modality)
    return make() if make else None


def make_photo(height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    """A scene of smooth colours with a bright disc in it, shape (height, width, 3)."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    sky = np.stack([120 + 80 * across / width, 60 + 150 * down / height, 200 - 90 * down / height], axis=-1)
    disc = np.hypot(down - height / 3, across - width / 2) < min(height, width) / 5
    return np.where(disc[..., None], 245, sky).astype(np.uint8)


def make_sound(seconds: float = 0.5, channels: int = 1) -> Sound:
    """A tone of 440 Hz that rises and falls."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = 0.5 * np.sin(math.tau * 440 * time) * np.sin(math.pi * time / max(seconds, 1e-9))
    return Sound(np.repeat(tone[:, None], channels, axis=1).astype(np.float32), RATE)


def to_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file of grey pixels, shape (height, width), or of colours, shape (height, width, 3) or (height, width, 4)."""
    height, width = pixels.shape[:2]
    colour = {1: 0, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]  # types of colour of the PNG standard
    lines = b"".join(b"\0" + np.ascontiguousarray(line).tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _texts() -> Inputs:
    huge = " ".join(TEXTS[n % len(TEXTS)] for n in range(HUGE_WORDS // 10))
    return Inputs(TEXTS, {"empty": EMPTY_TEXTS, "foreign": FOREIGN_TEXTS, "huge": (huge,)})


def _images() -> Inputs:
    photo = make_photo()
    blank = np.zeros((1, 1, 3), np.uint8)
    alpha = np.concatenate([photo, photo[..., :1]], axis=-1)
    unusual = {
        "empty": [_image(blank, "dot.png")],
        "foreign": [_image(photo[..., 0], "grey.png"), _image(alpha, "alpha.png"), _image(photo[:1], "line.png")],
        "huge": [_image(make_photo(HUGE_SIDE, HUGE_SIDE), "large.png")],
    }
    return Inputs([_image(photo, "photo.png"), _image(photo[:, ::-1], "mirrored.png")], unusual)


def _image(pixels: npt.NDArray[np.uint8], name: str) -> Blob:
    return Blob(name, to_png(pixels))


def _sounds() -> Inputs:
    silence = Sound(np.zeros((RATE // 4, 1), np.float32), RATE)
    unusual = {
        "empty": [_sound(Sound(np.full((1, 1), 0.5, np.float32), RATE), "click.wav"), _sound(silence, "silence.wav")],
        "foreign": [_sound(make_sound(channels=2), "stereo.wav")],
        "huge": [_sound(make_sound(HUGE_SECONDS), "long.wav")],
    }
    return Inputs([_sound(make_sound(), "tone.wav"), _sound(make_sound(0.3), "short.wav")], unusual)


def _sound(sound: Sound, name: str) -> Blob:
    return Blob(name, sound.to_wav())


def _tables() -> Inputs:
    rows: list[dict[str, Any]] = [
        {"age": 25, "income": 41_000.5, "city": "Paris", "member": True},
        {"age": 67, "income": 12_300.0, "city": "Lagos", "member": False},
        {"age": 41, "income": 88_000.0, "city": "Lima", "member": True},
    ]
    unusual: dict[str, list[dict[str, Any]]] = {
        "empty": [{"age": 0, "income": 0.0, "city": "", "member": False}],
        "foreign": [{"age": -3, "income": 1e300, "city": "القاهرة", "member": True}],
        "huge": [rows[0] | {f"column {n}": float(n) for n in range(500)}],
        "missing": [
            {"age": None, "income": math.nan, "city": None, "member": None},
            {"age": 30, "income": None, "city": "Paris", "member": None},
        ],
    }
    return Inputs(rows, unusual)


MAKERS: Mapping[str, Callable[[], Inputs]] = {
    "text": _texts,
    "image": _images,
    "audio": _sounds,
    "columns": _tables,
}
