"""Metrics of tokens behind masks: how likely the right ones are, and how often they are among the likeliest.

All count tokens, not rows: a long text weighs as much as its tokens. Intervals resample rows, whose tokens belong together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_metrics.confusion_matrix import divide
from mqa_registry import Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]

NOT_KNOWN = "no row says which tokens are right"


def masked_loss(predictions: Predictions, _targets: Targets) -> Statistic:
    """The mean negative log-likelihood of the right tokens: the loss that masked language models are trained by.

    In nats a token, 0 at best. Tokens of which nobody knows which are right do not count.
    """
    return _Sums.of_losses(predictions).as_statistic(lambda mean: mean)


def pseudo_perplexity(predictions: Predictions, _targets: Targets) -> Statistic:
    """The pseudo-perplexity: e to the power of `metrics/masked-loss`.

    1 at best: as many tokens are about as likely as the right one, each predicted from all others of its text. Of texts
    without masks it is that of Salazar et al. (2020, https://arxiv.org/abs/1910.14659), over all of their tokens.
    """
    return _Sums.of_losses(predictions).as_statistic(np.exp)


def masked_top_k(predictions: Predictions, _targets: Targets, *, k: Annotated[int, Ge(1)] = 5) -> Statistic:
    """The share of masks whose right token is among the `k` likeliest.

    From 0 to 1; with `k = 1` the accuracy. Tokens of which nobody knows which are right do not count.
    """
    return _Sums.of_hits(predictions, k).as_statistic(lambda mean: mean)


@dataclass(frozen=True)
class _Sums:
    """The number of tokens of each row, and the sum of what they score, shape (rows,); no token scores more than `most`."""

    tokens: Floats
    sums: Floats
    most: float

    @classmethod
    def of_losses(cls, predictions: Predictions) -> Self:
        """The losses; a token that was not seen is taken to have that of the row with the highest mean, or 0."""
        tokens, sums = _sum_rows(predictions, "loss", lambda losses: losses)
        return cls(tokens, sums, float(np.nan_to_num(divide(sums, tokens)).max(initial=0.0)))

    @classmethod
    def of_hits(cls, predictions: Predictions, k: int) -> Self:
        """1 for each of the right tokens that is among the `k` likeliest."""
        return cls(*_sum_rows(predictions, "rank", lambda ranks: (ranks <= k).astype(np.float64)), 1.0)

    def as_statistic(self, transform: Callable[[Floats], Floats]) -> Statistic:
        """What a transformation makes of the mean over all tokens. Two rows could have been seen besides: as good, or as bad, as any."""
        longest = float(self.tokens.max(initial=0.0))
        tokens = np.append(self.tokens, [longest, longest])
        sums = np.append(self.sums, [0.0, longest * self.most])
        bins = np.where(self.tokens > 0, np.arange(len(self.tokens)), -1)

        def compute(times: Floats) -> Floats:
            return transform(divide(times @ sums, times @ tokens))

        return Statistic(compute, bins, len(tokens), "" if longest else NOT_KNOWN)


def _sum_rows(predictions: Predictions, field: str, score: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Of every row the number of tokens that have a number in a field, and the sum of the scores of these numbers."""
    blocks = [_sum_block(block, field, score) for block in predictions.main.chunks]
    counts, sums = (np.concatenate([np.zeros(0), *(block[part] for block in blocks)]) for part in (0, 1))
    return counts, sums


def _sum_block(block: pa.Array, field: str, score: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    rows = pc.list_parent_indices(block).to_numpy()
    column = pc.struct_field(pc.list_flatten(block), field).cast(pa.float64())
    values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    is_known = ~np.isnan(values)
    own, scores = rows[is_known], score(values[is_known])
    counts, sums = np.bincount(own, minlength=len(block)), np.bincount(own, weights=scores, minlength=len(block))
    return counts.astype(np.float64), sums.astype(np.float64)
