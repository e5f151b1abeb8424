"""The task `transformers/fill-mask`: the tokens behind the masks of a text, or all of its tokens, each masked in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, Task
from mqa_transformers.live_model import MASKED_MODEL, describe_classifier
from mqa_transformers.loading import FILL_MASK
from mqa_transformers.tasks.masked_text import MASKED, PLACEHOLDERS, TEXT, MaskedText
from mqa_transformers.tasks.outputs import find_logits
from mqa_transformers.tasks.token_codec import TokenCodec
from mqa_transformers.tasks.tokenization import (
    IDS,
    check_row_length,
    count_uncut_tokens,
    resolve_max_length,
    with_first_token,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, LiveModel, Model, ModelDescription

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

# Of a row: where its masks are, the ids of the right tokens, and whether these are masked one by one.
POSITIONS, TRUTHS, IN_TURN = "mask_positions", "right_tokens", "in_turn"
UNKNOWN = -1  # in place of the id of a right token
# Of every mask: the id of the likeliest token and its margin, the loss and the rank of the right one.
LIKELIEST, MARGINS, LOSSES, RANKS = "likeliest", "margins", "losses", "ranks"
TOKEN = pa.struct([("token", pa.string()), ("margin", pa.float64()), ("loss", pa.float64()), ("rank", pa.int64())])
# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {TEXT: "Ada Lovelace was born in [MASK]."},
    {TEXT: "[MASK] happened."},
    {TEXT: "The city of Bergen has signed a [MASK] of ten years with Nordic Rail, the mayor said on Monday."},
)


@dataclass(frozen=True, kw_only=True)
class FillMaskOptions:
    """Texts longer than `max_length` tokens are cut; left out, it is the longest input that the model takes."""

    max_length: int | None = None


class FillMask(Task[FillMaskOptions]):
    """The tokens behind the masks of a text, or all of its tokens, each masked in turn.

    A mask is written `[MASK]` or `<mask>`, whatever the model calls it; `masked` is the word that it stands for, or a list of
    words, one for each mask. A word is masked as a whole, as many tokens as it has. Without `masked`, it is not known which
    tokens are right.

    Of a text without masks, each token is masked in turn, and predicted from all others (Salazar et al. 2020,
    https://arxiv.org/abs/1910.14659): a text of n tokens takes n forward passes.
    """

    name = FILL_MASK
    schema = "tokens"
    fields: Mapping[str, str] = {TEXT: "text", MASKED: "masked words"}
    optional = (MASKED,)
    placeholders = PLACEHOLDERS
    sample = SAMPLE
    metric = "metrics/masked-loss"
    needs = FILL_MASK

    def bind(self, model: Model, options: FillMaskOptions) -> Codec:
        tokenizer = model.processor
        if not getattr(tokenizer, "is_fast", False):
            raise DataError(
                f"the tokenizer `{type(tokenizer).__name__}` gives no offsets, by which the tokens of a word are found",
                hint="save its fast version next to the model: a `tokenizer.json`",
            )
        if tokenizer.mask_token_id is None:
            raise DataError(
                "the tokenizer has no mask token",
                hint="`mask_token` in its `tokenizer_config.json` names it, as the model was trained",
            )
        return FillMaskCodec(model, resolve_max_length(model, options.max_length, pair=False))

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_classifier(live, MASKED_MODEL)


class FillMaskCodec(TokenCodec):
    """Texts cut to `limit` tokens; a row without masks is run in parts, each with another token masked."""

    def __init__(self, model: Model, limit: int | None, length: int | None = None) -> None:
        super().__init__(model, length)
        self.limit = limit

    @property
    def unfed(self) -> Collection[str]:
        return (POSITIONS, TRUTHS, IN_TURN)

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        if not examples:
            return []
        texts = self._read_texts(examples)
        return [self._encode_one(*pair) for pair in zip(texts, self._tokenize(texts), strict=True)]

    def split(self, row: Arrays) -> list[Arrays]:
        if not row[IN_TURN].any() or not len(row[POSITIONS]):
            return [row]
        return [
            {
                **row,
                IDS: self._mask(row[IDS], position),
                POSITIONS: np.array([position]),
                TRUTHS: np.array([truth]),
                IN_TURN: np.array([0]),
            }
            for position, truth in zip(row[POSITIONS], row[TRUTHS], strict=True)
        ]

    def reduce(self, outputs: Arrays, parts: Sequence[Arrays]) -> Arrays:
        """The numbers of every mask, of the logits of a batch; those of parts with fewer masks are filled up."""
        name, logits = find_logits(outputs)
        if logits.ndim != 3:
            raise DataError(
                f"the model gives `{name}` of the shape {logits.shape}",
                hint="a masked language model gives the shape (rows, tokens, vocabulary)",
            )
        scored = []
        for values, part in zip(logits, parts, strict=True):
            start = self._count_padding(len(values), len(part[IDS]))
            scored.append(score_masks(values[part[POSITIONS] + start], part[TRUTHS]))
        width = max(len(part[POSITIONS]) for part in parts)
        return {
            name: np.stack([np.pad(one[name], (0, width - len(one[name]))) for one in scored])
            for name in (LIKELIEST, MARGINS, LOSSES, RANKS)
        }

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> Arrays:
        """The numbers of all masks of a row, in their order."""
        parts = self.split(row)
        return {
            name: np.concatenate([one[name][: len(part[POSITIONS])] for one, part in zip(outputs, parts, strict=True)])
            for name in outputs[0]
        }

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The tokens of every row; null where a logit of a mask is NaN or infinite."""
        columns = (outputs[name] for name in (LIKELIEST, MARGINS, LOSSES, RANKS))
        masks = [
            [values[: len(row[POSITIONS])].tolist() for values in line]
            for *line, row in zip(*columns, rows, strict=True)
        ]
        return pa.table({"tokens": pa.array([self._decode_row(*line) for line in masks], pa.list_(TOKEN))})

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens before texts were cut."""
        assert self.limit is not None  # nothing is cut without one
        texts = [(one.text,) for one in self._read_texts(examples)]
        return count_uncut_tokens(self._tokenizer, self.limit, [len(row[IDS]) for row in rows], texts)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example whose words are not those of its masks, or with a token that the model does not know."""
        for index, example in enumerate(examples):
            try:
                MaskedText.of(example, self._tokenizer.mask_token)
            except DataError as error:
                return index, error.message
        if self._oversized is None:
            return None
        return self._oversized.find_unusable(self._encode_unmasked, examples)

    def with_length(self, length: int) -> Codec:
        check_row_length(self._model, length)
        return FillMaskCodec(self._model, length if self.limit is None else min(self.limit, length), length)

    def _read_texts(self, examples: Sequence[Example]) -> list[MaskedText]:
        return [MaskedText.of(example, self._tokenizer.mask_token) for example in examples]

    def _tokenize(self, texts: Sequence[MaskedText]) -> Sequence[Any]:
        """The encoding of every text, cut where it is too long."""
        encoded = self._tokenizer(
            [one.text for one in texts], truncation=self.limit is not None, max_length=self.limit, verbose=False
        )
        encodings: Sequence[Any] = encoded.encodings
        return encodings

    def _encode_one(self, text: MaskedText, encoding: Any) -> Arrays:
        arrays = with_first_token(self._make_arrays([encoding]), self._pad_token_id)
        positions = text.find_tokens(encoding)
        truths = arrays[IDS][positions] if text.is_known else np.full(len(positions), UNKNOWN)
        ids = self._mask(arrays[IDS], positions) if text.is_masked else arrays[IDS]
        masks = {POSITIONS: positions, TRUTHS: truths, IN_TURN: np.array([not text.is_masked], np.int64)}
        return {**arrays, IDS: ids, **masks}

    def _encode_unmasked(self, examples: Sequence[Example]) -> list[Arrays]:
        """The tokens of texts with the words of their masks."""
        return [self._make_arrays([encoding]) for encoding in self._tokenize(self._read_texts(examples))]

    def _mask(self, ids: npt.NDArray[Any], positions: Any) -> npt.NDArray[Any]:
        """A copy of the ids of tokens with the mask at some positions."""
        masked = ids.copy()
        masked[positions] = self._tokenizer.mask_token_id
        return masked

    def _decode_row(
        self, likeliest: Sequence[int], margins: Sequence[float], losses: Sequence[float], ranks: Sequence[int]
    ) -> list[dict[str, Any]] | None:
        if not np.isfinite(margins).all():
            return None
        tokens: Iterable[str | None] = self._tokenizer.convert_ids_to_tokens(likeliest)
        names = [name or f"<{number}>" for name, number in zip(tokens, likeliest, strict=True)]  # as of unused ids
        return [
            {"token": name, "margin": margin, "loss": loss if rank else None, "rank": rank or None}
            for name, margin, loss, rank in zip(names, margins, losses, ranks, strict=True)
        ]


def score_masks(logits: npt.NDArray[Any], truths: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """The numbers of some masks, each of shape (masks,), by their logits, shape (masks, vocabulary).

    They are the id of the likeliest token, how far the probability of the next is from its own, NaN where a logit is not
    finite, the negative log-likelihood of the right token in nats, and its rank, from 1 on: both 0 where it is `UNKNOWN`. Of
    tokens that are equally likely the first ones count as likelier.
    """
    if truths.max(initial=UNKNOWN) >= logits.shape[1]:
        raise DataError(
            f"the model gives logits for {logits.shape[1]:,} tokens, and the tokenizer has one of the number {truths.max()}",
            hint="is it the tokenizer of this model?",
        )
    finite = np.isfinite(logits).all(axis=1)
    values = np.where(finite[:, None], logits.astype(np.float64), 0.0)
    values = values - values.max(axis=1, keepdims=True)
    log_p = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    second, first = np.exp(np.partition(log_p, -2, axis=1)[:, -2:]).T
    is_known = truths != UNKNOWN
    right = np.maximum(truths, 0)[:, None]
    own = np.take_along_axis(log_p, right, axis=1)
    n_ahead = ((log_p > own) | ((log_p == own) & (np.arange(log_p.shape[1]) < right))).sum(axis=1)
    return {
        LIKELIEST: log_p.argmax(axis=1),
        MARGINS: np.where(finite, first - second, np.nan),
        LOSSES: np.where(is_known, -own[:, 0], 0.0),
        RANKS: np.where(is_known, n_ahead + 1, 0),
    }
