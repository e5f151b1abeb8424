"""Images of rows, by whatever file or array they come, in the colours that a model takes."""

from __future__ import annotations

import pickle
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from mqa_registry import Blob, BlobError, DataError
from mqa_transformers.tasks.images import MAX_PIXELS, read_image

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]], np.uint8)


def blob(image: Image.Image, kind: str = "PNG", **options) -> Blob:
    content = BytesIO()
    image.save(content, format=kind, **options)
    return Blob("photo", content.getvalue())


def read(value, channels=3):
    return np.asarray(read_image(value, channels))


def test_a_png_is_read_as_its_pixels():
    assert (read(blob(Image.fromarray(COLOURS))) == COLOURS).all()


def test_grey_is_three_equal_channels_and_one_where_the_model_takes_one():
    grey = Image.fromarray(COLOURS[..., 0])
    assert (read(blob(grey)) == COLOURS[..., :1].repeat(3, axis=2)).all()
    assert read(blob(grey), channels=1).shape == (2, 2)
    assert read(blob(Image.fromarray(COLOURS)), channels=4).shape == (2, 2, 4)


def test_an_image_is_turned_as_its_orientation_says():
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = read(blob(Image.fromarray(pixels), exif=exif))
    assert turned.shape == (6, 4, 3)
    assert (turned[:, -1] == 200).all()
    assert turned.sum() == pixels.sum()


def test_an_alpha_channel_is_dropped_and_the_colours_under_it_show():
    alpha = np.full((2, 2, 1), 0, np.uint8)
    assert (read(blob(Image.fromarray(np.concatenate([COLOURS, alpha], axis=2)))) == COLOURS).all()


def test_a_palette_is_read_as_its_colours_with_transparency_too():
    palette = Image.fromarray(COLOURS).quantize(4)
    assert (read(blob(palette)) == COLOURS).all()
    assert (read(blob(palette, transparency=bytes([0, 10, 20, 30]))) == COLOURS).all()


def test_cmyk_is_read_by_its_complement():
    inks = np.array([[[255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert read(blob(Image.fromarray(inks, "CMYK"), "TIFF")).tolist() == [[[0, 255, 255], [0, 0, 0]]]


def test_16_bits_are_scaled_to_8():
    levels = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    assert read(blob(Image.fromarray(levels)), channels=1).tolist() == [[0, 1, 128, 255]]


def test_the_first_frame_of_an_animated_image_counts():
    first, second = (Image.new("RGB", (3, 3), colour) for colour in ("red", "blue"))
    assert (read(blob(first, "GIF", save_all=True, append_images=[second])) == [255, 0, 0]).all()


def test_an_array_is_read_as_it_is():
    assert (read(COLOURS) == COLOURS).all()
    assert (read(COLOURS[..., :1]) == read(COLOURS[..., 0])).all()


@pytest.mark.parametrize(
    "array", [COLOURS / 255, COLOURS[None], COLOURS[..., :2], COLOURS[:0]], ids=["floats", "axes", "channels", "empty"]
)
def test_an_array_that_is_no_image_is_refused_with_its_shape(array):
    with pytest.raises(DataError, match=r"an image is an array") as refused:
        read_image(array)
    assert refused.value.hint


WHOLE = blob(Image.fromarray(np.arange(3072, dtype=np.uint32).astype(np.uint8).reshape(32, 32, 3)), "JPEG").read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"no image", "is no image that Pillow can read"), (WHOLE[:300], "is a damaged image")],
)
def test_an_image_that_cannot_be_read_is_named_with_the_reason(content, reason):
    with pytest.raises(BlobError, match=f"`photo` {reason}") as refused:
        read_image(Blob("photo", content))
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_floating_point_and_32_bits_are_refused_since_their_scale_is_not_known():
    for image in (Image.new("F", (2, 2), 0.5), Image.new("I", (2, 2), 1_000_000)):
        with pytest.raises(BlobError, match="of a scale that is not known"):
            read_image(blob(image, "TIFF"))


@pytest.mark.filterwarnings("error")  # nothing but the refusal says so
@pytest.mark.parametrize("height", [9_000, 20_000])  # Pillow warns above a number of pixels, and refuses above twice it
def test_an_image_of_a_hundred_million_pixels_is_refused_before_it_is_decoded(height):
    with pytest.raises(BlobError, match=f"more than {MAX_PIXELS:,} pixels") as refused:
        read_image(blob(Image.new("1", (10_000, height))))
    assert pickle.loads(pickle.dumps(refused.value)).message == refused.value.message


def test_a_model_of_two_channels_is_refused():
    with pytest.raises(DataError, match="takes images of 2 channels"):
        read_image(COLOURS, 2)


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]))),
    st.sampled_from([1, 3, 4]),
)
def test_a_file_and_the_array_of_its_pixels_are_the_same_image(pixels, channels):
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    from_file = read(blob(image), channels)
    assert (from_file == read(pixels, channels)).all()
    assert from_file.shape[:2] == pixels.shape[:2]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_an_image_or_refused_in_one_line(data):
    content = bytearray(WHOLE)
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert describe(Blob("photo", content)).count("\n") == 0


def describe(value: Blob) -> str:
    """The colours of an image, or why it is none."""
    try:
        return read_image(value).mode
    except BlobError as error:
        return error.message
