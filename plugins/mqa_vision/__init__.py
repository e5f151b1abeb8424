"""Images: the corruptions of ImageNet-C, other changes, attacks along the gradient, and slices by what images look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import Perturbation, Probe, Slice, hookimpl
from mqa_vision import appearance_slices
from mqa_vision.adversarial_attack.probes import Adversarial, Transfer
from mqa_vision.corruptions.blur import defocus_blur, gaussian_blur, glass_blur, motion_blur, zoom_blur
from mqa_vision.corruptions.digital import (
    brightness,
    contrast,
    elastic_transform,
    jpeg_compression,
    pixelate,
    saturate,
)
from mqa_vision.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from mqa_vision.corruptions.weather import fog, frost, snow, spatter
from mqa_vision.geometry import crop, flip, greyscale, resize, rotate

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = ("pillow",)  # of the extra `vision`


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("gaussian-noise", gaussian_noise, modality="image", requires=PACKAGES)
    yield Perturbation("shot-noise", shot_noise, modality="image", requires=PACKAGES)
    yield Perturbation("impulse-noise", impulse_noise, modality="image", requires=PACKAGES)
    yield Perturbation("defocus-blur", defocus_blur, modality="image", requires=PACKAGES)
    yield Perturbation("glass-blur", glass_blur, modality="image", requires=PACKAGES)
    yield Perturbation("motion-blur", motion_blur, modality="image", requires=PACKAGES)
    yield Perturbation("zoom-blur", zoom_blur, modality="image", requires=PACKAGES)
    yield Perturbation("snow", snow, modality="image", requires=PACKAGES)
    yield Perturbation("frost", frost, modality="image", requires=PACKAGES)
    yield Perturbation("fog", fog, modality="image", requires=PACKAGES)
    yield Perturbation("brightness", brightness, modality="image", requires=PACKAGES)
    yield Perturbation("contrast", contrast, modality="image", requires=PACKAGES)
    yield Perturbation("elastic-transform", elastic_transform, modality="image", requires=PACKAGES)
    yield Perturbation("pixelate", pixelate, modality="image", requires=PACKAGES)
    yield Perturbation("jpeg-compression", jpeg_compression, modality="image", requires=PACKAGES)
    yield Perturbation("speckle-noise", speckle_noise, modality="image", requires=PACKAGES)
    yield Perturbation("gaussian-blur", gaussian_blur, modality="image", requires=PACKAGES)
    yield Perturbation("spatter", spatter, modality="image", requires=PACKAGES)
    yield Perturbation("saturate", saturate, modality="image", requires=PACKAGES)
    yield Perturbation("rotate", rotate, modality="image", target_effect="moves", requires=PACKAGES)
    yield Perturbation("flip", flip, modality="image", target_effect="moves", requires=PACKAGES)
    yield Perturbation("crop", crop, modality="image", target_effect="moves", requires=PACKAGES)
    yield Perturbation("greyscale", greyscale, modality="image", requires=PACKAGES)
    yield Perturbation("resize", resize, modality="image", target_effect="moves", requires=PACKAGES)


@hookimpl
def mqa_slices() -> Iterable[Slice]:
    no_columns = appearance_slices.name_no_columns
    for name, function in (
        ("brightness", appearance_slices.brightness),
        ("contrast", appearance_slices.contrast),
        ("sharpness", appearance_slices.sharpness),
        ("size", appearance_slices.size),
        ("aspect-ratio", appearance_slices.aspect_ratio),
        ("clusters", appearance_slices.clusters),
    ):
        yield Slice(name, function, inputs="examples", columns=no_columns, requires=PACKAGES)


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    return [Adversarial(), Transfer()]
