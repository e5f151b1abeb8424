"""The task `transformers/sentence-similarity`: how similar two texts are, by the cosine of the vectors of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, ModelDescription, Task
from mqa_transformers.live_model import describe_encoder
from mqa_transformers.loading import FEATURE_EXTRACTION
from mqa_transformers.tasks.feature_extraction import FeatureExtractionOptions, resolve_length
from mqa_transformers.tasks.pooling import POOLED_OUTPUTS, PoolingHead, find_token_vectors, make_head
from mqa_transformers.tasks.text_classification import TextClassificationCodec
from mqa_transformers.tasks.text_parts import join_texts, longest_text, split_texts
from mqa_transformers.tasks.tokenization import MASK, count_uncut_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example, LiveModel, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

FIELDS = ("text", "text_pair")
SIMILARITY = "similarity"

# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {"text": "A film that says little, and says it beautifully.", "text_pair": "A beautiful film of few words."},
    {"text": "", "text_pair": "Two hours of rain on a window would have held my attention longer than this did."},
)


class SentenceSimilarity(Task[FeatureExtractionOptions]):
    """How similar two texts are: the cosine of the angle between their vectors, from -1 to 1.

    The model is one of `feature-extraction`, which reads each text by itself. Targets are how similar people find the two,
    in any unit: `metrics/spearman` compares the order.
    """

    name = "sentence-similarity"
    schema = "value"
    fields: Mapping[str, str] = dict.fromkeys(FIELDS, "text")
    sample = SAMPLE
    metric = "metrics/spearman"
    needs = FEATURE_EXTRACTION

    def bind(self, model: Model, options: FeatureExtractionOptions) -> Codec:
        head = make_head(model, options.pooling, normalize=options.normalize)
        texts = TextClassificationCodec(model, resolve_length(model, options.max_length), head)
        return SentenceSimilarityCodec(model, texts, head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_encoder(live)


class SentenceSimilarityCodec(Codec):
    """Two texts a row, which are run one by one; their vectors are pooled by `head` and compared."""

    padding_mask = MASK

    def __init__(self, model: Model, texts: Codec, head: PoolingHead) -> None:
        self._model = model
        self._texts = texts
        self._head = head
        self.limit = texts.limit
        self.length = texts.length
        self.remarks = texts.remarks

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        encoded = self._texts.encode([{"text": example[name]} for example in examples for name in FIELDS])
        return [join_texts(encoded[start : start + 2]) for start in range(0, len(encoded), 2)]

    def split(self, row: Arrays) -> list[Arrays]:
        return split_texts(row)

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return self._texts.collate(rows)

    def cost(self, row: Arrays) -> int:
        """The number of tokens of a text, or of the longer one of a row."""
        return longest_text(row)

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> dict[str, npt.NDArray[np.float64]]:
        one, other = (self._pool(each, part) for each, part in zip(outputs, self.split(row), strict=True))
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        return {SIMILARITY: np.array([one @ other / lengths if lengths > 0 else np.nan])}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The cosine of each row; null where a vector has no direction, or a number that is NaN or infinite."""
        values = outputs[SIMILARITY].reshape(len(rows))
        return pa.table({"value": pa.array(values, pa.float64(), mask=~np.isfinite(values))})

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens of the longer text of each row before texts were cut."""
        assert self.limit is not None  # nothing is cut without one
        texts = [(str(example[name]),) for example in examples for name in FIELDS]
        lengths = [int(np.count_nonzero(part[MASK])) for row in rows for part in self.split(row)]
        counts = count_uncut_tokens(self._model.processor, self.limit, lengths, texts)
        return [max(counts[start : start + 2]) for start in range(0, len(counts), 2)]

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        found = self._texts.find_unusable([{"text": example[name]} for example in examples for name in FIELDS])
        return None if found is None else (found[0] // 2, found[1])

    def with_length(self, length: int) -> Codec:
        texts = self._texts.with_length(length)
        assert texts is not None  # texts have tokens
        return SentenceSimilarityCodec(self._model, texts, self._head)

    def _pool(self, outputs: Arrays, text: Arrays) -> npt.NDArray[np.float64]:
        """The vector of one text; that of a file which pools by itself as it stands."""
        pooled = next((outputs[name] for name in POOLED_OUTPUTS if name in outputs), None)
        if pooled is not None:
            return pooled.astype(np.float64)
        batch = {name: values[None] for name, values in outputs.items()}
        return np.asarray(self._head.pool(find_token_vectors(batch, 1)[0], text), np.float64)
