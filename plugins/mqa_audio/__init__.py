"""Sounds: noise, rooms, recorders and lines that change them, slices by what they are like, and where somebody speaks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mqa_audio.filters import high_pass, low_pass, lower_rate
from mqa_audio.levels import clipping, gain, mu_law
from mqa_audio.loudness import clusters, length, loudness, name_no_columns, silence
from mqa_audio.noise import noise, reverb
from mqa_audio.silero import SileroSource
from mqa_audio.speech_metrics import chunk_difference, detection_error, onset_f1, speech_f1
from mqa_audio.timing import packet_loss, speed, time_mask
from mqa_audio.voice_activity import VoiceActivity
from mqa_registry import Comparison, Metric, ModelSource, Perturbation, Slice, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = ("soundfile",)  # of the extra `audio`
SHARE = (0.0, 1.0)


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    return [SileroSource()]


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    return [VoiceActivity()]


@hookimpl
def mqa_metrics() -> Iterable[Metric]:
    yield Metric("speech-f1", speech_f1, schemas=("spans",), range=SHARE)
    yield Metric("detection-error", detection_error, schemas=("spans",), range=(0.0, math.inf))
    yield Metric("onset-f1", onset_f1, schemas=("spans",), range=SHARE)


@hookimpl
def mqa_comparisons() -> Iterable[Comparison]:
    yield Comparison("chunk-difference", chunk_difference, schemas=("spans",), range=SHARE)


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
    yield Slice("clusters", clusters, inputs="examples", columns=name_no_columns, requires=PACKAGES)
