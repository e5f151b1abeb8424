"""Writes `photos.npz` and `corrupted.npz`: photos, and what the published code of ImageNet-C makes of them.

    python make_fixtures.py make_cifar_c.py

Run it in an environment with `imagecorruptions==1.1.2` and its dependencies (`README.md` has their versions). The argument is
`ImageNet-C/create_c/make_cifar_c.py` of github.com/hendrycks/robustness, commit 8190fe3, which has the code for 32 pixels.

Both are as published but for four things. Names that newer releases of libraries have dropped are given back to them.
`np.random` draws from `np.random.default_rng(SEED)`, anew for each image. The code for 32 pixels gets the motion blur of
`imagecorruptions`, since its own needs ImageMagick. There is no frost, since its photographs are not in mqa.

Of each corrupted image, the values at `positions` are kept: pixels drawn at random, the corners, and some of the edges.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import scipy.ndimage
import skimage.data
import skimage.filters
import skimage.util
from PIL import Image

SEED = 7
HERE = Path(__file__).parent
NAMES = [
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow", "fog",
    "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression", "speckle_noise", "gaussian_blur", "spatter",
    "saturate",
]  # fmt: skip
INSIDE, ON_EDGES = 160, 60  # positions that are kept


def give_back_names() -> None:
    """Let the published code find what it imports, by the names that it knows."""
    package = Path(importlib.util.find_spec("imagecorruptions").origin).parent
    sys.modules["pkg_resources"] = types.SimpleNamespace(resource_filename=lambda _module, name: str(package / name))
    sys.modules["scipy.ndimage.interpolation"] = scipy.ndimage
    vars(np)["float_"] = np.float64
    gaussian = skimage.filters.gaussian

    def blur(image, *arguments, multichannel=False, **options):
        return gaussian(image, *arguments, channel_axis=-1 if multichannel else None, **options)

    skimage.filters.gaussian = blur


def draw_from(rng: np.random.Generator) -> None:
    """Let numpy's functions draw from a generator."""
    np.random.normal, np.random.uniform, np.random.poisson = rng.normal, rng.uniform, rng.poisson
    np.random.randint = rng.integers
    noise = sys.modules["skimage.util.noise"].random_noise if "skimage.util.noise" in sys.modules else None
    noise = noise or skimage.util.random_noise
    if not hasattr(skimage.util, "_published"):
        skimage.util._published = noise
    skimage.util.random_noise = lambda image, **options: skimage.util._published(image, rng=rng, **options)


def load_small(path: Path, published: types.ModuleType) -> dict[str, object]:
    """The functions for 32 pixels, with the helpers of the package."""
    source = path.read_text()
    body = source[
        source.index("# /////////////// Distortions ///////////////") : source.index(
            "# /////////////// End Distortions"
        )
    ]
    helpers = source[source.index("def plasma_fractal") : source.index("# /////////////// End Distortion Helpers")]
    scope = {**vars(published), "PILImage": Image}
    exec(helpers, scope)

    class MotionImage:
        def __init__(self, blob: bytes) -> None:
            self.image = np.asarray(Image.open(scope["BytesIO"](blob)))

        def motion_blur(self, radius: int, sigma: float, angle: float) -> None:
            self.image = published._motion_blur(self.image.astype(float), radius, sigma, angle)

        def make_blob(self) -> bytes:
            return self.image

    body = body.replace(
        "cv2.imdecode(np.fromstring(x.make_blob(), np.uint8),\n                     cv2.IMREAD_UNCHANGED)",
        "x.make_blob()[..., ::-1]",
    )
    body = body.replace(
        "cv2.imdecode(np.fromstring(snow_layer.make_blob(), np.uint8),\n                              cv2.IMREAD_UNCHANGED)",
        "np.round(snow_layer.make_blob()).astype(np.uint8)",
    )
    body = body.replace("mode='L'", "")
    scope["MotionImage"] = MotionImage
    exec(body, scope)
    return {name: scope[name] for name in NAMES}


def take_photos() -> dict[str, np.ndarray]:
    """Photos in three sizes: of a cat (CC0), of a rocket (CC0), and of an astronaut (public domain)."""
    cat, rocket, astronaut = skimage.data.chelsea(), skimage.data.rocket(), skimage.data.astronaut()
    return {
        "224x224": cat[40:264, 100:324],
        "80x100": np.asarray(Image.fromarray(rocket[100:420, 120:520]).resize((100, 80), Image.Resampling.BOX)),
        "32x32": np.asarray(Image.fromarray(astronaut[0:256, 96:352]).resize((32, 32), Image.Resampling.BOX)),
    }


def choose_positions(height: int, width: int) -> np.ndarray:
    """Rows and columns, shape (2, positions)."""
    rng = np.random.default_rng(SEED)
    inside = np.stack([rng.integers(height, size=INSIDE), rng.integers(width, size=INSIDE)])
    edges = np.stack([rng.integers(height, size=ON_EDGES), rng.integers(width, size=ON_EDGES)])
    quarter = ON_EDGES // 4
    edges[0, :quarter], edges[0, quarter : 2 * quarter] = 0, height - 1
    edges[1, 2 * quarter : 3 * quarter], edges[1, 3 * quarter :] = 0, width - 1
    corners = np.array([[0, 0, height - 1, height - 1], [0, width - 1, 0, width - 1]])
    return np.concatenate([inside, edges, corners], axis=1)


def main() -> None:
    give_back_names()
    from imagecorruptions import corruptions

    large = {name: getattr(corruptions, name) for name in NAMES}
    small = load_small(Path(sys.argv[1]), corruptions)
    photos = take_photos()
    values, full = {}, {}
    for size, photo in photos.items():
        positions = choose_positions(*photo.shape[:2])
        values[f"{size}/positions"] = positions.astype(np.uint8)
        for name in NAMES:
            made = []
            for severity in range(1, 6):
                draw_from(np.random.default_rng(SEED))
                image = (small if size == "32x32" else large)[name](Image.fromarray(photo), severity)
                made.append(np.uint8(np.asarray(image)))
            values[f"{size}/{name}"] = np.stack([image[positions[0], positions[1]] for image in made])
            full[f"{size}/{name}"] = np.stack(made)
    np.savez_compressed(HERE / "photos.npz", **photos)
    np.savez_compressed(HERE / "corrupted.npz", **values)
    if len(sys.argv) > 2:  # all pixels, which are too many to keep
        np.savez(sys.argv[2], **full)


if __name__ == "__main__":
    main()
