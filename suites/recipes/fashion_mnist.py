"""Fashion-MNIST, as the Debian package `dataset-fashion-mnist` has it, and 2,000 of its test images as a data set."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

SEED = 7
ROWS_PER_CLASS = 200
PACKAGE = "dataset-fashion-mnist"
SHA256 = "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"
FOLDER = "./usr/share/datasets/fashion-mnist"
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
TARGET = Path(__file__).parents[1] / "data" / "fashion.parquet"


@dataclass(frozen=True)
class Images:
    """Grey images, shape (images, 28, 28), and the number of the class of each, shape (images,)."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def read_package(file: Path | None) -> tuple[Images, Images]:
    """The training and the test images; the package is downloaded with apt where no file of it is given."""
    with tempfile.TemporaryDirectory() as folder:
        archive = file or download(Path(folder))
        if (digest := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
            raise SystemExit(f"{archive} has the SHA-256 {digest}, and {SHA256} is expected")
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        content = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        train, test = (
            Images(
                read_idx(files, f"{part}-images-idx3-ubyte.gz", (28, 28)),
                read_idx(files, f"{part}-labels-idx1-ubyte.gz", ()),
            )
            for part in ("train", "t10k")
        )
    return train, test


def download(folder: Path) -> Path:
    """The package, downloaded into a folder by apt."""
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    return next(folder.glob("*.deb"))


def read_idx(files: tarfile.TarFile, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The array in a gzipped IDX file, whose header has a magic number and the size of each axis, 4 bytes each."""
    member = files.extractfile(f"{FOLDER}/{name}")
    assert member is not None
    return np.frombuffer(gzip.decompress(member.read()), np.uint8, offset=4 * (2 + len(shape))).reshape(-1, *shape)


def choose_rows(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The numbers of as many images of every class, drawn by the seed, in their order."""
    rng = np.random.default_rng(SEED)
    drawn = [rng.choice(np.flatnonzero(labels == code), ROWS_PER_CLASS, replace=False) for code in range(len(CLASSES))]
    return np.sort(np.concatenate(drawn))


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An image as the bytes of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG", optimize=True)
    return content.getvalue()


def write(images: Images, path: Path) -> None:
    """Write some of the images as Parquet: an id, the PNG, the name of the class, and the mean grey value from 0 to 1."""
    rows = choose_rows(images.labels)
    brightness = images.pixels[rows].mean(axis=(1, 2)) / 255
    columns = {
        "id": pa.array([f"t10k-{row:04}" for row in rows]),
        "image": pa.array([encode_png(images.pixels[row]) for row in rows], pa.binary()),
        "label": pa.array([CLASSES[code] for code in images.labels[rows]]),
        "brightness": pa.array(brightness.round(4), pa.float32()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=["label"])


def main() -> None:
    """Make the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, help=f"the file of the package {PACKAGE}, already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the file to write")
    arguments = parser.parse_args()
    write(read_package(arguments.package)[1], arguments.out)
    print(f"{arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
