"""From the probability of speech in every chunk to segments of speech, by the rules that Silero's detector is used with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Segment: TypeAlias = tuple[int, int]  # its first sample, and the one behind its last


@dataclass(frozen=True)
class SegmentRules:
    """How chunks become segments; lengths are in samples.

    Speech begins with a chunk of a probability of `threshold` or more. It ends with the first chunk below `end_threshold`
    behind which none reaches `threshold` for `min_silence`. Segments of `min_speech` or less are dropped. The others are made
    longer by `padding` on both sides, or share the silence between them where that is shorter than twice the padding.
    """

    threshold: float
    end_threshold: float
    min_speech: int
    min_silence: int
    padding: int

    def find_segments(self, probabilities: Sequence[float], chunk: int, length: int) -> list[Segment]:
        """The segments of a sound of `length` samples, of which each probability is of the next `chunk`."""
        segments = [
            (start, end)
            for start, end in self._find_speech(probabilities, chunk, length)
            if end - start > self.min_speech
        ]
        return self._pad(segments, length)

    def _find_speech(self, probabilities: Sequence[float], chunk: int, length: int) -> list[Segment]:
        segments: list[Segment] = []
        start: int | None = None
        silence: int | None = None  # where speech may have ended
        for position, probability in zip(range(0, len(probabilities) * chunk, chunk), probabilities, strict=True):
            if probability >= self.threshold:
                silence = None
                start = position if start is None else start
            elif probability < self.end_threshold and start is not None:
                silence = position if silence is None else silence
                if position - silence >= self.min_silence:
                    segments.append((start, silence))
                    start = silence = None
        return segments if start is None else [*segments, (start, length)]

    def _pad(self, segments: Sequence[Segment], length: int) -> list[Segment]:
        """A segment in front of a short silence gets the first half of it, the one behind it the second."""
        padded = []
        for number, (start, end) in enumerate(segments):
            before = start - segments[number - 1][1] if number else None
            after = segments[number + 1][0] - end if number + 1 < len(segments) else None
            first = self.padding if before is None or before >= 2 * self.padding else before // 2
            last = self.padding if after is None or after >= 2 * self.padding else after // 2
            padded.append((max(0, start - first), min(length, end + last)))
        return padded
