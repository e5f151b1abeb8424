"""Images of rows: files, bytes and arrays, opened upright and in the colours that a model takes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Blob, BlobError, DataError, summarize_error

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 89_478_485  # above which Pillow warns of a decompression bomb: a quarter of a gigabyte as RGB
COLOUR_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # of Pillow, by the channels that a model takes
FULL_SCALE = 257  # 65,535 of 16 bits is 255 of 8
WIDE_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # 16 bits of grey, which Pillow would clip
FORMATS_HINT = "Pillow reads PNG, JPEG, WebP, TIFF, BMP, GIF and others"


def read_image(value: Any, channels: int = 3) -> Image:
    """The image of a row in 8 bits a channel, with 1 (grey), 3 (RGB) or 4 (RGBA) channels.

    `value` is a `Blob`, or an array of 8 bits with the shape (height, width) or (height, width, channels). An image is
    turned as its EXIF orientation says; of an animated one the first frame counts. Colours are converted as the pipelines
    of transformers do it, by Pillow: a palette to its colours, grey to three equal channels, CMYK by its complement, and
    an alpha channel is dropped, so that the colours under transparent pixels show. 16 bits are scaled to 8, which Pillow
    would clip. Raises a BlobError, or a DataError for an array, where there is no such image.
    """
    if channels not in COLOUR_MODES:
        raise DataError(f"the model takes images of {channels} channels, and images have 1, 3 or 4")
    if isinstance(value, Blob):
        return _open(value, COLOUR_MODES[channels])
    return _from_array(np.asarray(value)).convert(COLOUR_MODES[channels])


def _open(blob: Blob, mode: str) -> Image:
    from PIL import Image, ImageOps, UnidentifiedImageError

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # such images are refused, by name
    if blob.size == 0:
        raise BlobError(blob.name, "is empty: it has no bytes", hint="was it copied whole?")
    with blob.open() as file:
        try:
            with Image.open(file) as image:
                _check_size(blob, image)
                return _to_mode(blob, ImageOps.exif_transpose(image), mode)
        except (BlobError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise BlobError(blob.name, "is no image that Pillow can read", hint=FORMATS_HINT) from None
        except Image.DecompressionBombError:
            raise _too_large(blob) from None
        except Exception as error:  # each format has errors of its own
            raise BlobError(
                blob.name, f"is a damaged image: {summarize_error(error)}", hint="was it copied whole?"
            ) from error


def _check_size(blob: Blob, image: Image) -> None:
    """Refuse an image of too many pixels, of which none has been decoded yet."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(blob, f" ({image.width:,} x {image.height:,})")


def _too_large(blob: Blob, size: str = "") -> BlobError:
    return BlobError(
        blob.name,
        f"has more than {MAX_PIXELS:,} pixels{size}, and larger images are not decoded",
        hint="make it smaller: a model is fed with some hundred pixels of a side",
    )


def _to_mode(blob: Blob, image: Image, mode: str) -> Image:
    if image.mode == mode:
        return image.copy()  # decoded, and apart from its file
    if image.mode in WIDE_MODES:
        return _from_wide(blob, image).convert(mode)
    if image.mode == "F":
        raise BlobError(
            blob.name, "has pixels in floating point, of a scale that is not known", hint="save it in 8 bits"
        )
    if image.mode in {"P", "PA"} and "transparency" in image.info:
        image = image.convert("RGBA")  # as Pillow asks for
    return image.convert(mode)


def _from_wide(blob: Blob, image: Image) -> Image:
    """Grey of 16 bits as grey of 8."""
    from PIL import Image

    levels = np.asarray(image).astype(np.int64)
    if levels.min(initial=0) < 0 or levels.max(initial=0) > 255 * FULL_SCALE:
        raise BlobError(blob.name, "has pixels of 32 bits, of a scale that is not known", hint="save it in 8 bits")
    return Image.fromarray(np.round(levels / FULL_SCALE).astype(np.uint8))


def _from_array(pixels: Any) -> Image:
    """The image in an array that a perturbation or a data set gave."""
    from PIL import Image

    if pixels.dtype != np.uint8 or pixels.ndim not in {2, 3} or 0 in pixels.shape:
        raise DataError(
            f"an image is an array of {pixels.dtype} with the shape {pixels.shape}",
            hint="the shape (height, width) or (height, width, channels) of `uint8` is needed",
        )
    if pixels.ndim == 3 and pixels.shape[2] not in COLOUR_MODES:
        raise DataError(
            f"an image is an array with the shape {pixels.shape}",
            hint="its last axis has 1, 3 or 4 channels: grey, RGB or RGBA",
        )
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
