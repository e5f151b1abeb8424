"""The script that one would write for the benchmark `images`: a pass over all photos for each corruption and severity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.photos import add_noise, blur_pixels, build_cnn, lower_contrast, to_input

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

WORKERS = 2
BATCH = 64


class Photos(Dataset[Any]):
    """The photos of a table under one corruption."""

    def __init__(self, folder: Path, names: list[str], corrupt: Callable[[Any, Any], Any]) -> None:
        self.folder = folder
        self.names = names
        self.corrupt = corrupt

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        pixels = np.asarray(Image.open(self.folder / self.names[index]).convert("RGB"))
        return to_input(self.corrupt(pixels, np.random.default_rng([7, index])))


def main() -> None:
    path = Path(sys.argv[1])
    table = pq.read_table(path)
    names = table.column("image").to_pylist()
    targets = np.array([int(label.split()[1]) for label in table.column("label").to_pylist()])
    model = build_cnn()
    corruptions: list[Callable[[Any, Any], Any]] = [lambda pixels, rng: pixels]
    for severity in range(1, 6):
        corruptions += [
            lambda pixels, rng, severity=severity: add_noise(pixels, rng, severity),
            lambda pixels, rng, severity=severity: blur_pixels(pixels, severity),
            lambda pixels, rng, severity=severity: lower_contrast(pixels, severity),
        ]
    for corrupt in corruptions:
        loader = DataLoader(Photos(path.parent, names, corrupt), batch_size=BATCH, num_workers=WORKERS)
        with torch.inference_mode():
            predicted = np.concatenate([model(batch).argmax(dim=1).numpy() for batch in loader])
        np.mean(predicted == targets)


if __name__ == "__main__":
    main()
