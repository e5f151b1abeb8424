"""The task `transformers/audio-classification`: one class, any number of labels, or a number for a sound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import (
    Blob,
    ClassificationTask,
    ClassifierOptions,
    Codec,
    DataError,
    InputVariant,
    Sound,
    read_sound,
)
from mqa_transformers.live_model import describe_audio_classifier
from mqa_transformers.loading import AUDIO_CLASSIFICATION, read_feature_extractor
from mqa_transformers.tasks.audio_preprocessing import AudioPreprocessing, different_settings, usual_mistakes
from mqa_transformers.tasks.stacking import stack_padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import ClassifierHead, Example, LiveModel, Model, ModelDescription, OutputReading

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

AUDIO = "audio"  # the field of an example
MASK = "attention_mask"
SAMPLES_PER_TOKEN = 320  # of a waveform at 16 kHz: 20 ms, the step of wav2vec 2.0 and its kin
SAMPLE_SECONDS = (1.0, 0.55, 0.8)  # of lengths that differ, so that an exporter sees that they do
SAMPLE_RATE = 16_000


def _sample() -> tuple[Example, ...]:
    """Tones with noise."""
    rng = np.random.default_rng(7)
    sounds = []
    for number, seconds in enumerate(SAMPLE_SECONDS):
        time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        samples = 0.3 * np.sin(2 * np.pi * 220 * (number + 1) * time) + 0.05 * rng.standard_normal(len(time))
        sounds.append(
            {AUDIO: Blob(f"sample {number}", Sound(samples[:, None].astype(np.float32), SAMPLE_RATE).to_wav())}
        )
    return tuple(sounds)


class AudioClassification(ClassificationTask[ClassifierOptions]):
    """What a sound is: one class, any number of labels, or a number.

    libsndfile reads the sound (WAV, FLAC, OGG, MP3). Its channels are averaged, and it is resampled to the rate of the
    model's feature extractor by a polyphase filter (`scipy.signal.resample_poly`), which then makes the model's input. A
    row is lost whose sound is empty, damaged, cut short, 0 seconds long, or has numbers that are not finite.
    """

    name = AUDIO_CLASSIFICATION
    fields: Mapping[str, str] = {AUDIO: "audio"}
    metric = "metrics/accuracy"
    number_metric = "metrics/mae"
    sample = _sample()
    needs = AUDIO_CLASSIFICATION
    packages = ("soundfile", "scipy")
    requires = ("soundfile",)

    def bind(self, model: Model, options: ClassifierOptions) -> Codec:
        head = self.make_head(model, options)
        if not hasattr(model.processor, "sampling_rate"):
            raise DataError(
                "the model has no feature extractor with a `sampling_rate`, which its sounds need",
                hint="`preprocessor_config.json` of the model as it was trained belongs next to its `config.json`",
            )
        return AudioClassificationCodec(AudioPreprocessing(model.processor), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_audio_classifier(live)


class AudioClassificationCodec(Codec):
    """Sounds as a feature extractor makes them, the model's own or another; `head` reads the model's outputs."""

    padding_mask = MASK
    encodes_in_threads = True

    def __init__(self, preprocessing: AudioPreprocessing, head: ClassifierHead) -> None:
        self._preprocessing = preprocessing
        self._head = head
        self._padding = float(getattr(preprocessing.extractor, "padding_value", 0.0))

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        """Arrays without the axis of rows: `input_values` of shape (samples,), or features of shape (frames, bins)."""
        return [self._preprocessing.apply(read_sound(example[AUDIO])) for example in examples]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """One batch; shorter sounds are filled up behind with the extractor's padding value, and 0 in the mask."""
        return {
            name: stack_padded([row[name] for row in rows], 0 if name == MASK else self._padding) for name in rows[0]
        }

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._head.decode(outputs, rows)

    def cost(self, row: Arrays) -> int:
        """Steps of 20 ms of a waveform at 16 kHz; as many numbers of features cost as much."""
        return max(math.ceil(array.size / SAMPLES_PER_TOKEN) for name, array in row.items() if name != MASK)

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return self._head.infer_reading(outputs, rows)

    def with_processor(self, folder: Path) -> Codec:
        return AudioClassificationCodec(AudioPreprocessing(read_feature_extractor(folder)), self._head)

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        extractor = self._preprocessing.extractor
        if isinstance(other, AudioClassificationCodec):
            found = different_settings(extractor, other._preprocessing.extractor)  # noqa: SLF001 - of the same class
        else:
            found = usual_mistakes(extractor)
        for difference, preprocessing in found:
            yield InputVariant(difference, AudioClassificationCodec(preprocessing, self._head))
