"""Images as arrays: read from files, split into colours and opacity, and put together again.

An array is uint8 of shape (height, width), grey, or (height, width, channels): 1 grey, 3 red, green and blue, 4 with opacity.
Files are read as `transformers/image-classification` reads them, but that opacity is kept:

- The orientation in the EXIF data is applied, since an array has none.
- Of an animated image, the first frame is taken.
- Grey stays grey, and 16 bits of it are scaled to 8. Palettes, CMYK and all else become red, green and blue.
- Opacity is kept, and grey with opacity becomes red, green and blue with it.
- An image of more pixels than Pillow takes for harmless (`PIL.Image.MAX_IMAGE_PIXELS`, 89,478,485) is refused.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mqa_registry import Blob, BlobError, DataError, optional_import

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from PIL.Image import Image

    from mqa_registry import Example

Pixels: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]

WIDE_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # grey of 16 bits
FULL_SCALE = 257  # 65,535 of 16 bits is 255 of 8
MODES = ("L", "RGB", "RGBA")  # that are kept as they are
CHANNELS = (1, 3, 4)


def change_images(example: Example, change: Callable[[Pixels], Pixels]) -> dict[str, Pixels]:
    """Every image of an example after a change, which is given all of its channels."""
    return {name: change(read_pixels(value)) for name, value in example.items()}


def change_colours(example: Example, change: Callable[[Pixels], Pixels]) -> dict[str, Pixels]:
    """Every image of an example after a change of its colours, of the same size; its opacity stays.

    `change` is given shape (height, width) of a grey image, and (height, width, 3) of any other.
    """
    return change_images(example, lambda pixels: _change_colours(pixels, change))


def read_pixels(value: Any) -> Pixels:
    """The pixels of a file, or of an array that a perturbation made. A BlobError where a file is no image that can be read."""
    if isinstance(value, Blob):
        return _read_file(value)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.size:
        if value.ndim == 2 or (value.ndim == 3 and value.shape[2] in CHANNELS):
            return value
        raise DataError(
            f"an array of shape {value.shape} is no image", hint="give (height, width) or (height, width, 3)"
        )
    raise DataError(f"{_describe(value)} is no image", hint="give a file, or an array of uint8")


def is_grey(pixels: Pixels) -> bool:
    """Whether an image has one channel of brightness, and no colours."""
    return pixels.ndim == 2 or pixels.shape[2] < 3


def to_unit(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Values from 0 to 1."""
    scaled: npt.NDArray[np.float64] = pixels / 255.0
    return scaled


def to_pixels(unit: Floats) -> Pixels:
    """Values from 0 to 1 as uint8: cut off at both ends, and rounded down, as the published code does."""
    return (np.clip(unit, 0, 1) * 255).astype(np.uint8)


def over_channels(pixels: npt.NDArray[Any], change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """An array after a change of each of its channels alone."""
    if pixels.ndim == 2:
        return change(pixels)
    return np.stack([change(pixels[:, :, channel]) for channel in range(pixels.shape[2])], axis=2)


def to_image(pixels: Pixels) -> Image:
    """An image of Pillow with the same pixels."""
    with optional_import("pillow"):
        from PIL import Image
    return Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _change_colours(pixels: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    if pixels.ndim == 2:
        return change(pixels)
    n_colours = 1 if is_grey(pixels) else 3
    colours = change(pixels[:, :, 0] if n_colours == 1 else pixels[:, :, :3])
    return np.concatenate([colours.reshape(*pixels.shape[:2], n_colours), pixels[:, :, n_colours:]], axis=2)


def _read_file(blob: Blob) -> Pixels:
    with blob.open() as file:
        try:
            return _decode(file)
        except BlobError:
            raise
        except Exception as error:  # Pillow raises whatever the format's decoder met
            reason = str(error).partition("\n")[0][:150] or type(error).__name__
            if not blob.size:
                reason = "the file is empty"
            raise BlobError(blob.name, f"is no image that can be read: {reason}") from None


def _decode(file: BinaryIO) -> Pixels:
    with optional_import("pillow"):
        from PIL import Image, ImageOps
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # such images are refused, by name
    with Image.open(file) as image:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and image.width * image.height > limit:
            raise ValueError(f"it has {image.width:,} x {image.height:,} pixels, and the limit is {limit:,} in all")
        upright = ImageOps.exif_transpose(image)
        return _narrow(np.asarray(upright)) if upright.mode in WIDE_MODES else np.asarray(_convert(upright))


def _convert(image: Image) -> Image:
    """The image in one of the modes that are kept."""
    if image.mode in MODES:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, whose range is unknown")
    has_opacity = "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa")
    return image.convert("RGBA" if has_opacity else "RGB")


def _narrow(levels: npt.NDArray[Any]) -> Pixels:
    """Grey of 16 bits as grey of 8."""
    if levels.min() < 0 or levels.max() > 255 * FULL_SCALE:
        raise ValueError("its pixels are numbers of 32 bits, whose range is unknown")
    return np.round(levels / FULL_SCALE).astype(np.uint8)


def _describe(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a `{type(value).__name__}`"
