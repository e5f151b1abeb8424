"""Media: the format of bytes that are an image or a sound, and how large or long it is, by the first bytes alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = 1 << 16  # bytes that are read: what a JPEG has before its size may be a preview
JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a segment with the size


def describe_media(content: bytes | memoryview) -> str:
    """The format with the size in pixels or the length in seconds, as far as they are known; empty of any other bytes.

    Nothing is decoded, and what is damaged behind its first bytes is described too.
    """
    head = bytes(content[:HEAD])
    for magic, (name, measure) in FORMATS.items():
        if head.startswith(magic[:4]) and (len(magic) == 4 or head[8:12] == magic[4:]):
            try:
                size = measure(head)
            except (struct.error, LookupError, ZeroDivisionError):  # it ends, or is damaged, before its size
                size = ""
            return f"{name} {size}".strip()
    return ""


def _pixels(width: int, height: int) -> str:
    return f"{width:,} x {height:,}"


def _sound(seconds: float, rate: int, channels: int) -> str:
    return f"{seconds:.2f} s, {rate:,} Hz, {counted(channels, 'channel')}"


def _measure_png(head: bytes) -> str:
    return _pixels(*struct.unpack(">II", head[16:24]))


def _measure_gif(head: bytes) -> str:
    return _pixels(*struct.unpack("<HH", head[6:10]))


def _measure_jpeg(head: bytes) -> str:
    start = 2
    while True:
        marker, length = struct.unpack(">xBH", head[start : start + 4])
        if marker in JPEG_SIZES:
            height, width = struct.unpack(">HH", head[start + 5 : start + 9])
            return _pixels(width, height)
        start += 2 + length


def _measure_webp(head: bytes) -> str:
    kind = head[12:16]
    if kind == b"VP8X":
        return _pixels(*(int.from_bytes(head[start : start + 3], "little") + 1 for start in (24, 27)))
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return _pixels((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack("<HH", head[26:30])
    return _pixels(width & 0x3FFF, height & 0x3FFF)


def _measure_wav(head: bytes) -> str:
    chunks = {name: (start, size) for name, start, size in _iter_chunks(head)}
    start, _ = chunks[b"fmt "]
    channels, rate, bytes_a_second = struct.unpack("<2xHII", head[start : start + 12])
    return _sound(chunks[b"data"][1] / bytes_a_second, rate, channels)


def _iter_chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name, start and size of each chunk of a WAV that begins in its first bytes."""
    start = 12
    while start + 8 <= len(head):
        name, size = struct.unpack("<4sI", head[start : start + 8])
        yield name, start + 8, size
        start += 8 + size + size % 2


def _measure_flac(head: bytes) -> str:
    bits = int.from_bytes(head[18:26], "big")
    rate, channels, samples = bits >> 44, (bits >> 41 & 0b111) + 1, bits & 0xFFFFFFFFF
    return _sound(samples / rate, rate, channels)


def _measure_nothing(head: bytes) -> str:
    return ""


# By the first four bytes of a file, and of a RIFF file the four that name what it is.
FORMATS: dict[bytes, tuple[str, Callable[[bytes], str]]] = {
    b"\x89PNG": ("PNG", _measure_png),
    b"\xff\xd8\xff\xe0": ("JPEG", _measure_jpeg),
    b"\xff\xd8\xff\xe1": ("JPEG", _measure_jpeg),
    b"\xff\xd8\xff\xdb": ("JPEG", _measure_jpeg),
    b"\xff\xd8\xff\xee": ("JPEG", _measure_jpeg),
    b"GIF8": ("GIF", _measure_gif),
    b"RIFFWEBP": ("WebP", _measure_webp),
    b"RIFFWAVE": ("WAV", _measure_wav),
    b"fLaC": ("FLAC", _measure_flac),
    b"OggS": ("OGG", _measure_nothing),
    b"ID3\x03": ("MP3", _measure_nothing),
    b"ID3\x04": ("MP3", _measure_nothing),
    b"II*\0": ("TIFF", _measure_nothing),
    b"MM\0*": ("TIFF", _measure_nothing),
}
