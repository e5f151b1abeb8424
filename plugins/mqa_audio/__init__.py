"""Sounds: noise, rooms, recorders and lines that change them, and slices by what sounds are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_audio.filters import high_pass, low_pass, lower_rate
from mqa_audio.levels import clipping, gain, mu_law
from mqa_audio.loudness import length, loudness, name_no_columns, silence
from mqa_audio.noise import noise, reverb
from mqa_audio.timing import packet_loss, speed, time_mask
from mqa_registry import Perturbation, Slice, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = ("soundfile",)  # of the extra `audio`


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("noise", noise, modality="audio", requires=PACKAGES)
    yield Perturbation("reverb", reverb, modality="audio", requires=PACKAGES)
    yield Perturbation("gain", gain, modality="audio", requires=PACKAGES)
    yield Perturbation("clipping", clipping, modality="audio", requires=PACKAGES)
    yield Perturbation("mu-law", mu_law, modality="audio", requires=PACKAGES)
    yield Perturbation("low-pass", low_pass, modality="audio", requires=PACKAGES)
    yield Perturbation("high-pass", high_pass, modality="audio", requires=PACKAGES)
    yield Perturbation("lower-rate", lower_rate, modality="audio", requires=PACKAGES)
    yield Perturbation("packet-loss", packet_loss, modality="audio", requires=PACKAGES)
    yield Perturbation("time-mask", time_mask, modality="audio", target_effect="moves", requires=PACKAGES)
    yield Perturbation("speed", speed, modality="audio", target_effect="moves", requires=PACKAGES)


@hookimpl
def mqa_slices() -> Iterable[Slice]:
    yield Slice("loudness", loudness, inputs="examples", columns=name_no_columns, requires=PACKAGES)
    yield Slice("length", length, inputs="examples", columns=name_no_columns, requires=PACKAGES)
    yield Slice("silence", silence, inputs="examples", columns=name_no_columns, requires=PACKAGES)
