"""The task `audio/voice-activity`: where somebody speaks, by a model that hears a sound chunk by chunk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Lt

from mqa_audio.speech_segments import SegmentRules
from mqa_registry import Blob, Codec, Sound, State, Streaming, Task, read_sound, resample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

AUDIO = "audio"
VOICE_ACTIVITY = "voice-activity"
SPEECH, OUTSIDE = "speech", "O"
LABELS = (OUTSIDE, SPEECH)  # the tags of a chunk
RATE = 16_000  # Hz
CHUNK, CONTEXT = 512, 64  # samples of a chunk, and of the one before that the model hears again
PER_MILLISECOND = RATE // 1000
END_MARGIN = 0.15  # how far below the threshold a chunk is that may end speech
SAMPLES_PER_TOKEN = 320
SPANS = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
)
DECISIONS = pa.list_(
    pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("margin", pa.float32())])
)


def _sample() -> tuple[Example, ...]:
    """Noise that swells and fades, of two lengths."""
    rng = np.random.default_rng(7)
    sounds = [rng.standard_normal(length) * np.hanning(length) * 0.3 for length in (RATE // 4, RATE // 5)]
    return tuple(
        {AUDIO: Blob(f"sample {number}", Sound(samples[:, None].astype(np.float32), RATE).to_wav())}
        for number, samples in enumerate(sounds)
    )


@dataclass(frozen=True, kw_only=True)
class VoiceActivityOptions:
    """When a chunk begins or ends a segment of speech.

    A chunk of a probability of `threshold` begins speech, one of 0.15 less may end it. A segment has more than `min_speech_ms`,
    the silence between two `min_silence_ms`, and each is made longer by `padding_ms` on both sides.
    """

    threshold: Annotated[float, Gt(0), Lt(1)] = 0.5
    min_speech_ms: Annotated[int, Ge(0)] = 250
    min_silence_ms: Annotated[int, Ge(0)] = 100
    padding_ms: Annotated[int, Ge(0)] = 30

    @property
    def rules(self) -> SegmentRules:
        """The same in samples."""
        return SegmentRules(
            self.threshold,
            max(self.threshold - END_MARGIN, 0.01),
            *(PER_MILLISECOND * one for one in (self.min_speech_ms, self.min_silence_ms, self.padding_ms)),
        )


class VoiceActivity(Task[VoiceActivityOptions]):
    """Where in a sound somebody speaks: spans with the label `speech`, in milliseconds.

    The model hears 32 ms at a time and remembers what it heard: a batch is a chunk of each of several sounds, and its state
    goes from one chunk to the next. Channels are averaged, and a sound is resampled to 16 kHz. What was decided of each chunk
    is part of the prediction.
    """

    name = VOICE_ACTIVITY
    schema = "spans"
    fields: Mapping[str, str] = {AUDIO: "audio"}
    sample = _sample()
    metric = "audio/speech-f1"
    needs = VOICE_ACTIVITY
    run_mode = "streaming"
    packages = ("soundfile", "scipy")
    requires = ("soundfile",)

    def bind(self, model: Model, options: VoiceActivityOptions) -> Codec:
        return VoiceActivityCodec(options.rules)


class VoiceActivityCodec(Codec):
    """Sounds at 16 kHz in chunks of 512 samples, each behind the last 64 samples of the one before."""

    encodes_in_threads = True
    run_mode = Streaming(states=(State("stateN", "state", (2, 128)),))

    def __init__(self, rules: SegmentRules) -> None:
        self._rules = rules

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        """`samples` of shape (samples,)."""
        return [{"samples": _read_samples(example[AUDIO])} for example in examples]

    def split(self, row: Arrays) -> Sequence[Arrays]:
        """`input` of shape (576,) for each chunk; the last one is filled up with zeros."""
        samples = row["samples"]
        number = _count_chunks(row)
        padded = np.pad(samples, (CONTEXT, number * CHUNK - len(samples)))
        return [{"input": padded[start : start + CONTEXT + CHUNK]} for start in range(0, number * CHUNK, CHUNK)]

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> Arrays:
        """The probability of speech in every chunk, shape (chunks,)."""
        return {"speech": np.array([one["output"].reshape(()) for one in outputs])}

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return self.run_mode.first_step({"input": np.stack([row["input"] for row in rows])})

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The segments of each row; null where a probability of it is NaN."""
        spans, decisions = [], []
        for values, row in zip(outputs["speech"], rows, strict=True):
            probabilities = values[: _count_chunks(row)].astype(np.float64)
            is_finite = bool(np.isfinite(probabilities).all())
            spans.append(self._find_spans(probabilities, len(row["samples"])) if is_finite else None)
            decisions.append(self._decide(probabilities) if is_finite else None)
        return pa.table({"spans": pa.array(spans, SPANS), "decisions": pa.array(decisions, DECISIONS)})

    def cost(self, row: Arrays) -> int:
        """Steps of 20 ms."""
        return math.ceil(len(row["input"]) / SAMPLES_PER_TOKEN)

    def _find_spans(self, probabilities: npt.NDArray[np.float64], length: int) -> list[dict[str, Any]]:
        segments = self._rules.find_segments(probabilities.tolist(), CHUNK, length)
        return [
            {
                "start": start // PER_MILLISECOND,
                "end": -(-end // PER_MILLISECOND),
                "label": SPEECH,
                "score": float(probabilities[start // CHUNK : -(-end // CHUNK)].mean()),
            }
            for start, end in segments
        ]

    def _decide(self, probabilities: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
        """The tag of each chunk, and how far its probability is from the threshold, twice: 1 is sure at a threshold of 0.5."""
        milliseconds, threshold = CHUNK // PER_MILLISECOND, self._rules.threshold
        return [
            {
                "start": number * milliseconds,
                "end": (number + 1) * milliseconds,
                "label": SPEECH if probability >= threshold else OUTSIDE,
                "margin": 2 * abs(probability - threshold),
            }
            for number, probability in enumerate(probabilities.tolist())
        ]


def _read_samples(value: Any) -> npt.NDArray[np.float32]:
    sound = read_sound(value)
    return resample(sound.mono, sound.rate, RATE)


def _count_chunks(row: Arrays) -> int:
    return -(-len(row["samples"]) // CHUNK)
