"""Preprocessing of images: a processor with the settings that it has, or with the ones that a deployment has by mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from PIL.Image import Image

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

PIXELS = "pixel_values"
KERNELS = {
    0: "nearest",
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
    4: "box",
    5: "hamming",
}  # of Pillow, by their numbers
NORMALIZATIONS = {
    "those of ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0.5 and 0.5": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "those of CLIP": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
}
# Settings of a processor that change what it gives.
SETTINGS = (
    "do_convert_rgb", "do_resize", "size", "default_to_square", "resample", "do_center_crop", "crop_size", "crop_pct",
    "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad", "pad_size",
)  # fmt: skip
MAX_CHANGES = 3  # settings that are changed together


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a model's input: by its processor, with some settings in place of the processor's own.

    `is_bgr` says that the processor gets the channels in reverse, as OpenCV reads them; `gives_bgr` that the model does.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    is_bgr: bool = False
    gives_bgr: bool = False

    def apply(self, processor: Any, image: Image) -> Arrays:
        """The arrays of one image, without the axis of rows."""
        if self.is_bgr and image.mode == "RGB":
            from PIL import Image as PillowImage

            image = PillowImage.fromarray(np.ascontiguousarray(np.asarray(image)[..., ::-1]))
        encoded = processor(image, return_tensors="np", **self.settings)
        arrays = {name: _without_rows(np.asarray(array)) for name, array in encoded.items()}
        return {**arrays, PIXELS: arrays[PIXELS][::-1].copy()} if self.gives_bgr else arrays


def usual_mistakes(processor: Any) -> Iterator[tuple[str, Preprocessing]]:
    """What deployments do otherwise than the processor of a model, in words that continue a sentence."""
    yield "the channels are in the order BGR", Preprocessing(is_bgr=True)
    yield "the channels are in the order BGR after they were normalized", Preprocessing(gives_bgr=True)
    own = read_settings(processor)
    if own.get("do_rescale"):
        yield "values are not divided by 255 (`do_rescale` is false)", Preprocessing({"do_rescale": False})
    if own.get("do_normalize"):
        yield "values are not normalized (`do_normalize` is false)", Preprocessing({"do_normalize": False})
        for name, (mean, deviation) in NORMALIZATIONS.items():
            if len(own.get("image_mean") or ()) == len(mean):
                settings = {"image_mean": mean, "image_std": deviation}
                yield f"`image_mean` and `image_std` are {name}", Preprocessing(settings)
    if own.get("do_resize"):
        own_kernel = int(own.get("resample") or 0)
        for number, kernel in KERNELS.items():
            if number != own_kernel:
                difference = f"images are resized by the kernel {kernel} in place of {KERNELS[own_kernel]} (`resample`)"
                yield difference, Preprocessing({"resample": number})
    if own.get("do_center_crop"):
        yield (
            "images are not cropped to their centre (`do_center_crop` is false)",
            Preprocessing({"do_center_crop": False}),
        )


def different_settings(processor: Any, other: Any) -> Iterator[tuple[str, Preprocessing]]:
    """The settings in which another processor differs from a model's own: each, then two and three of them together."""
    own, theirs = read_settings(processor), read_settings(other)
    names = [name for name in SETTINGS if own.get(name) != theirs.get(name)]
    for number in range(1, min(MAX_CHANGES, len(names)) + 1):
        for chosen in combinations(names, number):
            changes = [f"`{name}` is {_show(theirs.get(name))} in place of {_show(own.get(name))}" for name in chosen]
            yield " and ".join(changes), Preprocessing({name: theirs.get(name) for name in chosen})


def read_settings(processor: Any) -> dict[str, Any]:
    """The settings of an image processor as it saves them, by their names."""
    saved = processor.to_dict()
    return {name: _plain(saved[name]) for name in SETTINGS if saved.get(name) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: one for key, one in value.items() if one is not None}
    return tuple(value) if isinstance(value, list) else value


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(f'{one:g}' for one in value)})"
    if isinstance(value, Mapping):
        return " x ".join(str(one) for one in value.values())
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _without_rows(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array of one row, of a batch that has no other."""
    row: npt.NDArray[Any] = array[0]
    return row.astype(np.float32) if array.dtype.kind == "f" else row
