"""Targets of masks that are files: index images as PNG, of which each value is the position of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.errors import BlobError, DataError
from mqa_registry.extras import optional_import
from mqa_registry.types.blob_columns import read_blobs
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.masks import MAX_PIXELS, encode_mask
from mqa_registry.types.schemas import masks_column
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from PIL.Image import Image

    from mqa_registry.types.blobs import Blob, BlobFolder
    from mqa_registry.types.targets import TargetColumn

FILES_AT_ONCE = 256
INDEX_MODES = ("1", "L", "P", "I;16")  # of Pillow: one number a pixel
IGNORED_VALUE = 255  # of 8 bits: a pixel that does not count, as Pascal VOC and Cityscapes have it
INDEX_HINT = "a PNG with one channel is needed, whose values are the positions of classes, and 255 where none counts"


def read_mask_files(targets: TargetColumn, folder: BlobFolder, scratch: Callable[[], Path] | None) -> pa.ChunkedArray:
    """The masks in a column of paths or bytes, the label of each a position as text; a null or empty value is a null.

    A DataError names the row of a file that cannot be read, or is no index image.
    """
    row = 0
    with TableSpool(scratch) as spool:
        for block in iter_blocks(targets.values, FILES_AT_ONCE):
            rows = []
            for blob in read_blobs(block, folder):
                rows.append(None if blob.is_empty else _read_masks(blob, targets.position(row)))
                row += 1
            spool.append(pa.table({"masks": masks_column(rows)}))
        return spool.finish().column(0)


def _read_masks(blob: Blob, position: str) -> list[dict[str, Any]]:
    try:
        values = _read_index_image(blob)
    except BlobError as error:
        raise DataError(f"{position} has a target that {error.reason}: `{error.name}`", hint=error.hint) from error
    ignored = IGNORED_VALUE if values.dtype.itemsize == 1 else -1
    there = [value for value in np.unique(values).tolist() if value != ignored]
    return [{"label": str(value), **encode_mask(values == value)} for value in there]


def _read_index_image(blob: Blob) -> npt.NDArray[Any]:
    """The values of a PNG, shape (height, width), of 8 bits, or of 16 where it has them; a palette's colours do not matter."""
    with optional_import("pillow"):
        from PIL import Image as PillowImage
        from PIL import UnidentifiedImageError

    if blob.size == 0:
        raise BlobError(blob.name, "is empty: it has no bytes", hint="was it copied whole?")
    with blob.open() as file:
        try:
            with PillowImage.open(file, formats=("PNG",)) as image:
                _check_image(blob, image)
                values = np.asarray(image)
        except (BlobError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise BlobError(blob.name, "is no PNG", hint=INDEX_HINT) from None
        except Exception as error:  # Pillow raises whatever the format's decoder met
            raise BlobError(blob.name, "is a damaged PNG", hint="was it copied whole?") from error
    return values.astype(np.uint8) if values.dtype == bool else values


def _check_image(blob: Blob, image: Image) -> None:
    """Refuse an image with colours or too many pixels, of which none has been decoded yet."""
    if image.mode not in INDEX_MODES:
        raise BlobError(blob.name, "has colours, and no positions of classes", hint=INDEX_HINT)
    if image.width * image.height > MAX_PIXELS:
        raise BlobError(blob.name, f"has more than {MAX_PIXELS:,} pixels")
