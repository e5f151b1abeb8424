"""Draw images of shapes with a box around each and the label of every pixel: vivid discs, squares and triangles over made-up grey textures."""

from __future__ import annotations

import argparse
import colorsys
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    import numpy.typing as npt

SEED = 7
ROWS = 300
CLASSES = ("disc", "square", "triangle")
GROUND = "ground"  # the label of a pixel of no shape
CELLS = 3  # an image has as many rows and columns of cells, and the middle of one shape in each at most
MARGIN = 0.15  # of a cell, on each of its sides, where no shape has its middle
WIDTHS, HEIGHTS = (96, 129), (80, 113)
RADII = (12, 26)  # of the circle around a shape, in pixels
MAX_TILT = math.radians(20)
MAX_SHAPES = 4
MAX_OVERLAP = 0.1  # of the smaller of two boxes
GREYS, MAX_TINT = (30, 200), 10  # of a texture
HUES, MAX_TURN = {"disc": 0.0, "square": 1 / 3, "triangle": 2 / 3}, 0.12  # of a shape's colour, in turns of the wheel
SATURATIONS, VALUES = (0.7, 1.0), (0.6, 1.0)
GRAIN = 3  # deviation of the noise of a pixel
QUALITY = 85  # of JPEG
SCALE = 4  # a shape is drawn as many times as large, and made smaller, so that its edges are smooth
TARGET = Path(__file__).parents[1] / "data" / "shapes.parquet"
BOX = pa.struct([("label", pa.string()), *((side, pa.float64()) for side in ("x0", "y0", "x1", "y1"))])


@dataclass(frozen=True)
class Shape:
    """A shape and its box: two corners in pixels, from the top left corner of the image."""

    label: str
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    def overlap(self, other: Shape) -> float:
        """The share of the smaller of two boxes that is in both."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height) / min(self.area, other.area)

    def cell(self, width: int, height: int) -> tuple[int, int]:
        """The row and column of the cell that has the middle of the box, in an image of this size."""
        return int((self.y0 + self.y1) / 2 / height * CELLS), int((self.x0 + self.x1) / 2 / width * CELLS)


@dataclass(frozen=True)
class Scene:
    """An image and its shapes. `codes` has 0 for a pixel of the ground, and else the number of its class from 1 on."""

    image: Image.Image
    shapes: list[Shape]
    codes: npt.NDArray[np.uint8]


def draw_texture(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.float64]:
    """Two greys, mixed by smooth noise of two scales, with fine grain: shape (height, width, 3)."""
    mixed = np.zeros((height, width))
    for cells, weight in ((3, 0.7), (12, 0.3)):
        coarse = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
        mixed += weight * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 255
    colours = rng.uniform(*GREYS, (2, 1)) + rng.uniform(-MAX_TINT, MAX_TINT, (2, 3))
    blended = mixed[..., None] * colours[0] + (1 - mixed[..., None]) * colours[1]
    return np.asarray(blended + rng.normal(0, GRAIN, (height, width, 1)))


def place_shape(rng: np.random.Generator, width: int, height: int) -> tuple[list[tuple[float, float]], Shape]:
    """The corners of a shape, which lie on a circle around the middle of its box, and the box. A disc has many."""
    label = CLASSES[rng.integers(len(CLASSES))]
    n_corners = {"disc": 48, "square": 4, "triangle": 3}[label]
    radius = rng.uniform(*RADII)
    tilt = rng.uniform(-MAX_TILT, MAX_TILT) + math.pi * (0.25 if label == "square" else -0.5)
    angles = [tilt + 2 * math.pi * corner / n_corners for corner in range(n_corners)]
    across, down = ([radius * turn(angle) for angle in angles] for turn in (math.cos, math.sin))
    left, top = (
        (cell + rng.uniform(MARGIN, 1 - MARGIN)) * side / CELLS - (max(offsets) + min(offsets)) / 2
        for cell, side, offsets in zip(rng.integers(CELLS, size=2), (width, height), (across, down), strict=True)
    )
    corners = [(left + x, top + y) for x, y in zip(across, down, strict=True)]
    sides = (left + min(across), top + min(down), left + max(across), top + max(down))
    return corners, Shape(label, *(round(side, 1) for side in sides))


def paint(
    rng: np.random.Generator, pixels: npt.NDArray[np.float64], label: str, corners: list[tuple[float, float]]
) -> npt.NDArray[np.bool_]:
    """Fill the polygon of a shape, in place, with a vivid colour of its kind: reddish, greenish or bluish.

    The result has the pixels of which it covers half or more, shape (height, width).
    """
    height, width = pixels.shape[:2]
    large = Image.new("L", (width * SCALE, height * SCALE))
    ImageDraw.Draw(large).polygon([(x * SCALE, y * SCALE) for x, y in corners], fill=255)
    cover = np.asarray(large.reduce(SCALE))[..., None] / 255
    hue = (HUES[label] + rng.uniform(-MAX_TURN, MAX_TURN)) % 1.0
    colour = np.array(colorsys.hsv_to_rgb(hue, rng.uniform(*SATURATIONS), rng.uniform(*VALUES))) * 255
    pixels += cover * (colour + rng.normal(0, GRAIN, (height, width, 1)) - pixels)
    return np.asarray(cover[..., 0] >= 0.5)


def draw_image(rng: np.random.Generator) -> Scene:
    """An image with one to four shapes, and those. Where there is no room for all, it has fewer."""
    width, height = int(rng.integers(*WIDTHS)), int(rng.integers(*HEIGHTS))
    pixels = draw_texture(rng, width, height)
    codes = np.zeros((height, width), np.uint8)
    shapes: list[Shape] = []
    n_shapes = int(rng.integers(1, MAX_SHAPES + 1))
    for _ in range(20 * n_shapes):
        corners, shape = place_shape(rng, width, height)
        is_inside = min(shape.x0, shape.y0) >= 0 and shape.x1 <= width and shape.y1 <= height
        is_taken = shape.cell(width, height) in {one.cell(width, height) for one in shapes}
        if not is_inside or is_taken or any(shape.overlap(one) > MAX_OVERLAP for one in shapes):
            continue
        codes[paint(rng, pixels, shape.label, corners)] = 1 + CLASSES.index(shape.label)
        shapes.append(shape)
        if len(shapes) == n_shapes:
            break
    return Scene(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), shapes, codes)


def encode_jpeg(image: Image.Image) -> bytes:
    """An image as the bytes of a JPEG file."""
    content = io.BytesIO()
    image.save(content, format="JPEG", quality=QUALITY)
    return content.getvalue()


def encode_png(codes: npt.NDArray[np.uint8]) -> bytes:
    """The labels of pixels as the bytes of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(codes).save(content, format="PNG", optimize=True)
    return content.getvalue()


def draw_scenes(seed: int, rows: int) -> list[Scene]:
    """So many scenes."""
    rng = np.random.default_rng(seed)
    return [draw_image(rng) for _ in range(rows)]


def draw_rows(seed: int, rows: int) -> list[tuple[bytes, list[Shape]]]:
    """Images as JPEG files, and the shapes in each."""
    return [(encode_jpeg(scene.image), scene.shapes) for scene in draw_scenes(seed, rows)]


def write(path: Path) -> None:
    """Write the images as Parquet: an id, the JPEG, the boxes, how many they are, and the labels of pixels as PNG."""
    scenes = draw_scenes(SEED, ROWS)
    columns = {
        "id": pa.array([f"shapes-{row:03}" for row in range(ROWS)]),
        "image": pa.array([encode_jpeg(scene.image) for scene in scenes], pa.binary()),
        "boxes": pa.array([[vars(shape) for shape in scene.shapes] for scene in scenes], pa.list_(BOX)),
        "shapes": pa.array([len(scene.shapes) for scene in scenes], pa.int32()),
        "mask": pa.array([encode_png(scene.codes) for scene in scenes], pa.binary()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def main() -> None:
    """Make the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="the file to write")
    arguments = parser.parse_args()
    write(arguments.out)
    print(f"{arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
