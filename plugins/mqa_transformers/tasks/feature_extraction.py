"""The task `transformers/feature-extraction`: the vector of a text, as an encoder gives it, for search and for clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry import DataError, ModelDescription, Task
from mqa_transformers.live_model import describe_encoder
from mqa_transformers.loading import FEATURE_EXTRACTION
from mqa_transformers.tasks.pooling import Pooling, make_head
from mqa_transformers.tasks.text_classification import SAMPLE, TextClassificationCodec
from mqa_transformers.tasks.tokenization import count_fewest_tokens, resolve_max_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import Codec, LiveModel, Model


@dataclass(frozen=True, kw_only=True)
class FeatureExtractionOptions:
    """How the vectors of a text's tokens become one, and how much of a text is read.

    `pooling` is the mean of the tokens, the first one (`cls`), the largest number of each dimension, or the last token;
    with `normalize`, vectors have length 1. Texts longer than `max_length` tokens are cut. Left out, all of this is what the
    files of sentence-transformers in the model's folder say; without such files, the mean is taken, vectors keep their
    length, and texts may have as many tokens as the model takes.
    """

    pooling: Pooling | None = None
    normalize: bool | None = None
    max_length: int | None = None


class FeatureExtraction(Task[FeatureExtractionOptions]):
    """The vector of a text: its embedding.

    The model is an encoder, which gives a vector for each token, or a model of sentence-transformers.
    """

    name = FEATURE_EXTRACTION
    schema = "vector"
    fields: Mapping[str, str] = {"text": "text"}
    sample = SAMPLE
    metric = "parity/cosine"
    needs = FEATURE_EXTRACTION

    def bind(self, model: Model, options: FeatureExtractionOptions) -> Codec:
        head = make_head(model, options.pooling, normalize=options.normalize)
        return TextClassificationCodec(model, resolve_length(model, options.max_length), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_encoder(live)


def resolve_length(model: Model, requested: int | None) -> int | None:
    """The number of tokens that a text is cut to: as asked for, else as the model was trained, else as many as it takes."""
    if "decoder_start_token_id" in model.about:
        raise DataError(
            "the model is an encoder with a decoder, and the vector of a text is made by an encoder alone",
            hint="save its encoder, as `T5EncoderModel`",
        )
    longest = resolve_max_length(model, None, pair=False)
    stated: int | None = model.about.get("sentence_encoder", {}).get("max_length")
    if requested is None and stated is not None and stated >= count_fewest_tokens(model.processor, pair=False):
        return stated if longest is None else min(stated, longest)
    return resolve_max_length(model, requested, pair=False)
