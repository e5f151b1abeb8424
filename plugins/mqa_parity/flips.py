"""Flips: rows that the other side predicts otherwise. Each is a tie that noise decided, or damage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.comparisons import Depth, Score, agreement
from mqa_parity.decisions import OPERATING_SCORE, DecisionRule, measure_margins, same_decisions
from mqa_parity.examples import round_for_report
from mqa_parity.mask_flips import MAX_PIXELS
from mqa_registry import Evidence, ExampleRow

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

DEFAULT_RULE = DecisionRule()


def flip_rate(
    reference: Predictions,
    candidate: Predictions,
    *,
    threshold: Score = OPERATING_SCORE,
    k: Depth | None = None,
    max_pixels: Score = MAX_PIXELS,
) -> Bools:
    """The share of rows with another prediction: 1 - `parity/agreement`.

    `threshold` is the score from which a box or an instance counts; with `k`, a ranking is which are its first `k`; `max_pixels` is the share of
    pixels up to which masks are the same. A report says how many are ties and how many are damage, as for `parity/agreement`.
    """
    return ~agreement(reference, candidate, threshold=threshold, k=k, max_pixels=max_pixels)


def flip_evidence(
    reference: Predictions,
    candidate: Predictions,
    *,
    threshold: float = OPERATING_SCORE,
    k: int | None = None,
    max_pixels: float = MAX_PIXELS,
) -> Evidence:
    """The number of flips, of ties and of damage among them, and all flips, the largest margin first."""
    return list_flips(reference, find_flips(reference, candidate, DecisionRule(threshold, k, max_pixels)))


def list_flips(reference: Predictions, flips: Flips) -> Evidence:
    """The same of flips that are known."""
    rows = np.flatnonzero(flips.flipped)
    rows = rows[np.argsort(-flips.margins[rows], kind="stable")]  # NaN comes last
    ids = reference.ids.take(rows).to_pylist()
    examples = [_make_example(name, flips, int(row)) for name, row in zip(ids, rows, strict=True)]
    counts = {"count": len(rows)} | _count_margins(flips)
    return Evidence(
        remarks=[_summarize_flips(flips)] if len(rows) else (), examples=examples, details={"flips": counts}
    )


@dataclass(frozen=True)
class Flips:
    """Flips, and the reference's margin in every row, NaN where it is unknown; flips with up to `limit` are ties."""

    flipped: Bools
    margins: Floats
    limit: float

    @property
    def ties(self) -> Bools:
        return self.flipped & (self.margins <= self.limit)

    @property
    def damage(self) -> Bools:
        return self.flipped & (self.margins > self.limit)


def find_flips(reference: Predictions, candidate: Predictions, rule: DecisionRule = DEFAULT_RULE) -> Flips:
    """Every flip with its margin, as the schema has it.

    The margin of a label is the top margin of Dutta et al. (2024, https://arxiv.org/abs/2407.09141), who found that
    predictions with a small margin are the ones that flip. A prediction flips only where its margin moves by as much or
    more. A flip is a tie where such a move is usual, and damage otherwise. Usual is what 95 % of its neighbours stayed
    within: the 100 rows with the smallest margins that did not flip. Surer rows are left out, since softmax hardly lets
    their probabilities move. With a noise that is alike in all rows, about one flip in forty counts as damage; a few
    damaged rows make no ties of others. Fewer than 20 neighbours do not show what is usual. A margin up to 1e-5 is always
    a tie, and one above 0.1 never, or above 0.05 where a threshold decides.
    The margin of masks is another: the share of pixels that changed away from borders, where noise moves few. Their neighbours are
    the rows that were nearest to a flip, and a tie has 0.01 at most.
    """
    flipped = ~same_decisions(reference, candidate, rule)
    margins = measure_margins(reference, candidate, rule)
    if margins is None:
        return Flips(flipped, np.full(len(flipped), np.nan), np.nan)
    return Flips(flipped, margins.values, margins.tie_limit(flipped))


def _count_margins(flips: Flips) -> dict[str, Any]:
    """Ties, damage and their largest margins; nothing where no margins are known."""
    if np.isnan(flips.limit):
        return {}
    return {
        "ties": int(flips.ties.sum()),
        "damage": int(flips.damage.sum()),
        "largest_tie": _largest_margin(flips.margins[flips.ties]),
        "largest_margin": _largest_margin(flips.margins[flips.ties | flips.damage]),
        "tie_limit": round_for_report(flips.limit),
    }


def _largest_margin(margins: Floats) -> float | None:
    return round_for_report(float(margins.max())) if len(margins) else None


def _make_example(name: str, flips: Flips, row: int) -> ExampleRow:
    margin = float(flips.margins[row])
    if np.isnan(margin):
        return ExampleRow(name)
    return ExampleRow(name, margin=round_for_report(margin), details={"tie": bool(flips.ties[row])})


def _summarize_flips(flips: Flips) -> str:
    """The counts in words, as `7 flips: 5 ties (margins up to 0.002), 2 damage (margins up to 0.41)`."""
    count = int(flips.flipped.sum())
    kinds = [(flips.ties, "tie", "ties"), (flips.damage, "damage", "damage")]
    parts = [_describe_count(flips.margins[rows], *words) for rows, *words in kinds if rows.any()]
    unknown = count - int((flips.ties | flips.damage).sum())
    if parts and unknown:
        parts.append(f"{unknown:,} without a margin")
    return f"{count:,} {'flip' if count == 1 else 'flips'}" + (f": {', '.join(parts)}" if parts else "")


def _describe_count(margins: Floats, singular: str, plural: str) -> str:
    largest = f"{margins.max():.2g}"
    if len(margins) == 1:
        return f"1 {singular} (margin {largest})"
    return f"{len(margins):,} {plural} (margins up to {largest})"
