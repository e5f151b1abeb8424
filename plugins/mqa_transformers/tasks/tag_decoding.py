"""From the probabilities of tags to spans, by the aggregation strategies of transformers.

`none` takes every token by itself, under its tag. `simple` joins neighbouring tokens of one entity. `first`, `average` and
`max` decide word by word, by its first token, the mean of its tokens, or its surest one, and join words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from mqa_registry import TagScheme

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

Aggregation: TypeAlias = Literal["none", "simple", "first", "average", "max"]
OUTSIDE = "O"
SUM_TOLERANCE = 1e-2  # how far the sum of probabilities may be from 1: rounding in bfloat16
DECISION = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("margin", pa.float32())])


def softmax(logits: Floats) -> Floats:
    """The probabilities of tags, shape (tokens, tags)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def are_probabilities(values: npt.NDArray[Any]) -> bool:
    """Whether the tags of every token, shape (tokens, tags), lie in [0, 1] and sum to 1."""
    sums = values.sum(axis=1, dtype=np.float64)
    return bool(len(values) and (values >= 0).all() and (np.abs(sums - 1) <= SUM_TOLERANCE).all())


@dataclass(frozen=True)
class TokenScores:
    """The tokens of one window of a text.

    `probabilities` have the shape (tokens, tags), `offsets` (tokens, 2) in characters of the text. `words` has the number of
    each token's word, -1 for a token that the tokenizer added.
    """

    probabilities: Floats
    offsets: Ints
    words: Ints

    def decide(self, aggregation: Aggregation) -> Decisions:
        """What is decided of each token, or of each word."""
        own = self.words >= 0
        p, offsets, words = self.probabilities[own], self.offsets[own], self.words[own]
        if aggregation not in ("none", "simple") and len(words):
            first = np.flatnonzero(np.diff(words, prepend=words[0] - 1))
            last = np.append(first[1:], len(words)) - 1
            p = _score_words(p, first, last, aggregation)
            offsets = np.column_stack([offsets[first, 0], offsets[last, 1]])
        ranked = np.sort(p, axis=1)
        margins = ranked[:, -1] - ranked[:, -2] if p.shape[1] > 1 else np.ones(len(p))
        return Decisions(offsets, p.argmax(axis=1), ranked[:, -1], margins)


@dataclass(frozen=True)
class Decisions:
    """The tags of tokens or words: their positions, the index of each tag, its probability, and its margin to the next."""

    offsets: Ints
    tags: Ints
    scores: Floats
    margins: Floats


def find_spans(decisions: Decisions, labels: Sequence[str], scheme: TagScheme, aggregation: Aggregation) -> list[Any]:
    """The spans of one window, each a dict with start, end, label and the mean score of its tokens or words."""
    tags = [labels[tag] for tag in decisions.tags]
    if aggregation == "none":
        parts = [(number, number + 1, tag) for number, tag in enumerate(tags) if tag != OUTSIDE]
    else:
        parts = [(one.start, one.stop, one.type) for one in scheme.find_entities(tags)]
    spans = [
        {
            "start": int(decisions.offsets[start, 0]),
            "end": int(decisions.offsets[stop - 1, 1]),
            "label": label,
            "score": float(decisions.scores[start:stop].mean()),
        }
        for start, stop, label in parts
    ]
    return [span for span in spans if span["start"] < span["end"]]  # a token may stand for no character


def resolve_overlaps(spans: Iterable[Any]) -> list[Any]:
    """The spans of overlapping windows without those that overlap a longer one, or a surer one of the same length."""
    kept: list[Any] = []
    for span in sorted(spans, key=lambda span: int(span["start"])):
        if not kept or span["start"] >= kept[-1]["end"]:
            kept.append(span)
        elif _rank(span) > _rank(kept[-1]):
            kept[-1] = span
    return kept


def merge_decisions(windows: Sequence[Decisions]) -> Decisions:
    """The decisions of all windows, of each token or word the surest, in the order of the text."""
    if len(windows) == 1:
        return windows[0]
    offsets, tags, scores, margins = (
        np.concatenate([getattr(one, name) for one in windows]) for name in ("offsets", "tags", "scores", "margins")
    )
    order = np.lexsort((-margins, offsets[:, 1], offsets[:, 0]))
    new = np.any(np.diff(offsets[order], axis=0, prepend=-1) != 0, axis=1)
    kept = order[new]
    return Decisions(offsets[kept], tags[kept], scores[kept], margins[kept])


def decisions_column(rows: Sequence[Decisions | None], labels: Sequence[str]) -> pa.Array:
    """The decisions of every row, as predictions have them; null for None."""
    whole = [row for row in rows if row is not None]
    counts = [0 if row is None else len(row.tags) for row in rows]
    offsets = np.concatenate([np.zeros((0, 2), np.int64), *(row.offsets for row in whole)])
    tags = np.concatenate([np.zeros(0, np.int64), *(row.tags for row in whole)])
    margins = np.concatenate([np.zeros(0), *(row.margins for row in whole)])
    fields = [
        pa.array(offsets[:, 0], pa.int32()),
        pa.array(offsets[:, 1], pa.int32()),
        pa.array(labels, pa.string()).take(pa.array(tags)),
        pa.array(margins, pa.float32()),
    ]
    decisions = pa.StructArray.from_arrays(fields, fields=list(DECISION))
    ends = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(ends, decisions, mask=pa.array([row is None for row in rows]))


def _score_words(p: Floats, first: Ints, last: Ints, aggregation: Aggregation) -> Floats:
    """The probabilities of words, of which `first` and `last` have the tokens, shape (words, tags)."""
    if aggregation == "first":
        return p[first]
    if aggregation == "average":
        return np.asarray(np.add.reduceat(p, first, axis=0) / (last - first + 1)[:, None])
    surest = p.max(axis=1)
    return p[[start + int(surest[start : stop + 1].argmax()) for start, stop in zip(first, last, strict=True)]]


def _rank(span: Any) -> tuple[int, float]:
    return span["end"] - span["start"], span["score"]
