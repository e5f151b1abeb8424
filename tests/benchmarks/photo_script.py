"""The script that one would write for the benchmark `images`: a pass over all photos for each corruption and severity."""

from __future__ import annotations

import sys
from functools import partial
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


def corrupted(kind: str, severity: int, pixels: Any, rng: np.random.Generator) -> Any:
    """The pixels under one corruption; as they are under none."""
    if kind == "noise":
        return add_noise(pixels, rng, severity)
    if kind == "blur":
        return blur_pixels(pixels, severity)
    return lower_contrast(pixels, severity) if kind else pixels


def main() -> None:
    path = Path(sys.argv[1])
    table = pq.read_table(path)
    names = table.column("image").to_pylist()
    targets = np.array([int(label.split()[1]) for label in table.column("label").to_pylist()])
    model = build_cnn()
    kinds = ("noise", "blur", "contrast")
    corruptions = [partial(corrupted, "", 0), *(partial(corrupted, kind, n) for kind in kinds for n in range(1, 6))]
    for corrupt in corruptions:
        loader = DataLoader(Photos(path.parent, names, corrupt), batch_size=BATCH, num_workers=WORKERS)
        with torch.inference_mode():
            predicted = np.concatenate([model(batch).argmax(dim=1).numpy() for batch in loader])
        np.mean(predicted == targets)


if __name__ == "__main__":
    main()
