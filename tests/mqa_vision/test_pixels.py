"""Images are read as they are meant to be seen, and what cannot be read is named."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mqa_registry import Blob, BlobError, DataError
from mqa_vision.pixels import read_pixels

PHOTO = np.random.default_rng(7).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def blob(image, form="PNG", **options):
    file = BytesIO()
    image.save(file, form, **options)
    return Blob("cat.png", file.getvalue())


def test_colours_and_grey_and_opacity_are_kept():
    for pixels in (PHOTO, PHOTO[:, :, 0].copy(), np.dstack([PHOTO, PHOTO[:, :, :1]])):
        assert np.array_equal(read_pixels(blob(Image.fromarray(pixels))), pixels)


def test_grey_with_opacity_is_colours_with_opacity():
    made = read_pixels(blob(Image.fromarray(PHOTO[:, :, :2].copy())))
    assert np.array_equal(made, PHOTO[:, :, [0, 0, 0, 1]])


def test_a_palette_and_black_and_white_are_colours_and_grey():
    palette = Image.fromarray(PHOTO).quantize(8)
    assert np.array_equal(read_pixels(blob(palette)), np.asarray(palette.convert("RGB")))
    assert np.array_equal(read_pixels(blob(Image.fromarray(PHOTO).convert("1"))) % 255, np.zeros((6, 9)))


def test_cmyk_is_colours():
    file = blob(Image.new("CMYK", (9, 6), (0, 255, 255, 0)), "TIFF")
    assert read_pixels(file)[0, 0].tolist() == [255, 0, 0]


def test_16_bits_are_scaled_to_8():
    values = np.array([[0, 128, 129, 65535]], np.uint16)
    assert read_pixels(blob(Image.fromarray(values))).tolist() == [[0, 0, 1, 255]]


def test_numbers_without_a_known_range_are_refused():
    for values in (np.array([[0, 70000]], np.int32), np.array([[0.5, 1]], np.float32)):
        with pytest.raises(BlobError, match="range is unknown"):
            read_pixels(blob(Image.fromarray(values), "TIFF"))


def test_the_orientation_of_a_camera_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the left
    assert np.array_equal(read_pixels(blob(Image.fromarray(PHOTO), exif=exif)), np.rot90(PHOTO, -1))


def test_of_an_animated_image_the_first_frame_is_read():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert read_pixels(blob(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"no image", "cannot identify image file"),
        (blob(Image.fromarray(PHOTO)).read()[:60], "truncated|Truncated"),
    ],
)
def test_a_file_that_is_no_image_is_named_with_the_reason(content, reason):
    with pytest.raises(BlobError, match=reason) as caught:
        read_pixels(Blob("cat.png", content))
    assert "cat.png" in caught.value.message


@pytest.mark.filterwarnings("error")  # nothing but the refusal says so
def test_an_image_of_very_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(BlobError, match=r"the limit is 40|exceeds limit"):
        read_pixels(blob(Image.fromarray(PHOTO)))


@pytest.mark.parametrize("value", [np.zeros((2, 2)), np.zeros((2, 2, 2), np.uint8), np.zeros(3, np.uint8), "cat.png"])
def test_what_is_no_image_is_refused(value):
    with pytest.raises(DataError, match="is no image"):
        read_pixels(value)
