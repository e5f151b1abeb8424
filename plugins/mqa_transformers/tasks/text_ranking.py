"""The task `transformers/text-ranking`: the candidates of a query, ordered by a cross-encoder that reads each with the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, Grouping, SingleLabelHead, Task, make_rankings, name_members
from mqa_transformers.loading import TEXT_CLASSIFICATION
from mqa_transformers.tasks.outputs import find_logits
from mqa_transformers.tasks.text_classification import TextClassificationCodec
from mqa_transformers.tasks.text_parts import join_texts, longest_text, split_texts
from mqa_transformers.tasks.tokenization import MASK, count_uncut_tokens, resolve_max_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

QUERY, TEXT, MEMBER = "query", "text", "member"
SCORES = "scores"  # of a row: what the logits of its pairs make of it

# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {
        QUERY: "which film is worth two hours",
        TEXT: ["A film that says little, and says it beautifully.", "Rain."],
    },
    {QUERY: "rain", TEXT: ["", "Two hours of rain on a window would have held my attention longer than this did."]},
)


@dataclass(frozen=True, kw_only=True)
class TextRankingOptions:
    """A query and a candidate of more than `max_length` tokens together are cut; left out, it is the model's longest input."""

    max_length: int | None = None


class TextRanking(Task[TextRankingOptions]):
    """The candidates of a query, the best first.

    A row of the data is a candidate with its query: `columns = { group = "query_id", query = "question", text = "passage",
    member = "passage_id" }`. Rows of one `group` are the candidates of one query; `member` names them in the ranking, which
    their numbers from 1 on do without it. A target is one for each candidate. Rows may be queries as well, with lists of
    candidates.

    The model is a cross-encoder: a classifier of pairs of texts with one label, whose logit is the score, or with two,
    whose last one stands for a good candidate.
    """

    name = "text-ranking"
    schema = "ranking"
    fields: Mapping[str, str] = {QUERY: "text", TEXT: "text", MEMBER: "name"}
    optional = (MEMBER,)
    grouping = Grouping((TEXT, MEMBER), has_member_targets=True)
    sample = SAMPLE
    metric = "parity/agreement"
    needs = TEXT_CLASSIFICATION

    def bind(self, model: Model, options: TextRankingOptions) -> Codec:
        if len(model.labels) > 2:
            raise DataError(
                f"the model chooses one of {len(model.labels)} classes, and `text-ranking` reads a score for each pair",
                hint="a cross-encoder has one label, or two of which the last stands for a good candidate",
            )
        return TextRankingCodec(model, resolve_max_length(model, options.max_length, pair=True))


class TextRankingCodec(Codec):
    """A query with its candidates as pairs of texts, which are run one by one, and ranked by their scores.

    An encoded row has the tokens of all pairs, one pair after the other, the number of tokens of each, and the names of the
    candidates.
    """

    padding_mask = MASK

    def __init__(self, model: Model, limit: int | None, length: int | None = None) -> None:
        self._model = model
        self._pairs = TextClassificationCodec(model, limit, SingleLabelHead(model.labels), length)
        self.limit = limit
        self.length = length
        self.remarks = self._pairs.remarks

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        encoded = iter(self._pairs.encode([pair for example in examples for pair in _make_pairs(example)]))
        return [
            join_texts([next(encoded) for _ in example[TEXT]]) | {MEMBER: name_members(example, len(example[TEXT]))}
            for example in examples
        ]

    def split(self, row: Arrays) -> list[Arrays]:
        return split_texts(row, apart=(MEMBER,))

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return self._pairs.collate(rows)

    def cost(self, row: Arrays) -> int:
        """The number of tokens of a pair, or of the longest pair of a row."""
        return longest_text(row)

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> dict[str, npt.NDArray[np.float64]]:
        return {SCORES: np.array([_read_score(one) for one in outputs])}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return make_rankings(outputs[SCORES], [row[MEMBER] for row in rows])

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens of the longest pair of each row before texts were cut."""
        assert self.limit is not None  # nothing is cut without one
        pairs = [tuple(pair.values()) for example in examples for pair in _make_pairs(example)]
        masks = (part[MASK] for row in rows for part in self.split(row))
        lengths = [int(np.count_nonzero(mask)) for mask in masks]
        counts = np.array(count_uncut_tokens(self._model.processor, self.limit, lengths, pairs))
        ends = np.cumsum([len(example[TEXT]) for example in examples])[:-1]
        return [int(part.max()) for part in np.split(counts, ends)]

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        pairs = [(index, pair) for index, example in enumerate(examples) for pair in _make_pairs(example)]
        found = self._pairs.find_unusable([pair for _, pair in pairs])
        return None if found is None else (pairs[found[0]][0], found[1])

    def with_length(self, length: int) -> Codec:
        self._pairs.with_length(length)  # which refuses a length that has no room
        limit = length if self.limit is None else min(self.limit, length)
        return TextRankingCodec(self._model, limit, length)


def _make_pairs(example: Example) -> list[dict[str, str]]:
    return [{"text": example[QUERY], "text_pair": text} for text in example[TEXT]]


def _read_score(outputs: Arrays) -> float:
    """The score of one pair: its only logit, or how far that of a good candidate is above the other."""
    logits = find_logits(outputs)[1].astype(np.float64)
    if logits.shape not in {(), (1,), (2,)}:
        raise DataError(f"the model gives logits of shape {logits.shape} for a pair, and one or two are a score")
    return float(logits.reshape(-1)[-1] - (logits[0] if logits.shape == (2,) else 0.0))
