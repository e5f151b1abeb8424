"""What bytes are, as reports name them: written by Pillow and libsndfile, and read by the first bytes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mqa_registry import Blob
from mqa_registry.types.media import FORMATS, describe_media


def image(form, size=(300, 20), mode="RGB", **options):
    file = BytesIO()
    Image.new(mode, size).save(file, form, **options)
    return file.getvalue()


def sound(form, subtype, *, channels=1, rate=16_000):
    file = BytesIO()
    soundfile.write(file, np.zeros((rate // 2, channels)), rate, format=form, subtype=subtype)
    return file.getvalue()


EXIF = Image.Exif()
EXIF[0x010E] = "a description " * 100


@pytest.mark.parametrize(
    ("content", "described"),
    [
        (image("PNG"), "PNG 300 x 20"),
        (image("GIF", mode="P"), "GIF 300 x 20"),
        (image("JPEG"), "JPEG 300 x 20"),
        (image("JPEG", exif=EXIF, progressive=True), "JPEG 300 x 20"),
        (image("WEBP"), "WebP 300 x 20"),
        (image("WEBP", lossless=True), "WebP 300 x 20"),
        (image("WEBP", exif=EXIF), "WebP 300 x 20"),
        (image("TIFF"), "TIFF"),
        (image("PNG", (11_000, 9)), "PNG 11,000 x 9"),
        (sound("WAV", "PCM_16"), "WAV 0.50 s, 16,000 Hz, 1 channel"),
        (sound("WAV", "FLOAT", channels=2, rate=8_000), "WAV 0.50 s, 8,000 Hz, 2 channels"),
        (sound("FLAC", "PCM_16", channels=2), "FLAC 0.50 s, 16,000 Hz, 2 channels"),
        (sound("OGG", "VORBIS"), "OGG"),
        (image("PNG")[:18], "PNG"),
        (sound("WAV", "PCM_16")[:20], "WAV"),
        (b"no image", ""),
        (b"", ""),
    ],
)
def test_bytes_are_described_by_format_and_size(content, described):
    assert describe_media(content) == described
    assert describe_media(memoryview(content)) == described


def test_bytes_without_a_path_are_named_by_what_they_are():
    content = image("PNG")
    assert Blob("", content).name == f"PNG 300 x 20 ({len(content):,} bytes, {Blob('', content).digest[:12]})"
    assert Blob("", b"no image").name == f"{Blob('', b'no image').digest[:12]} (8 bytes)"
    assert Blob("cat.png", content).name == "cat.png"


@given(st.sampled_from([*FORMATS]), st.binary(max_size=80))
def test_no_damage_is_an_error(magic, rest):
    begun = magic[:4] + (rest[:4].ljust(4) + magic[4:] if len(magic) > 4 else b"") + rest
    assert describe_media(begun)
