"""What lies behind a flip: a tie that any noise would have decided, or damage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.answers import flip_rate
from mqa_parity.showing import plain

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

NEIGHBOURS = 100  # rows to compare a flip with
ENOUGH = 20  # of them, to know what is usual
USUAL = 0.95  # the share of them that moved no further than is usual
LEAST = 1e-5  # margins that are none in float32: the absolute tolerance of torch.testing.assert_close
MOST = 0.1  # a reference that is as sure as 0.55 to 0.45 has decided, however far everything moved


@dataclass(frozen=True)
class Flips:
    """Flips and, in every row, the reference's margin, NaN where it is not known; those up to `limit` are ties."""

    flipped: Bools
    margins: Floats
    limit: float

    @property
    def ties(self) -> Bools:
        return self.flipped & (self.margins <= self.limit)

    @property
    def damage(self) -> Bools:
        return self.flipped & (self.margins > self.limit)


def flips(reference: Predictions, candidate: Predictions) -> Flips:
    """Every flip with its margin: the reference's highest probability less the second.

    That is the top margin of Dutta et al. (2024, https://arxiv.org/abs/2407.09141), who found that answers with a small
    one are those that flip. An answer flips only where the gap between two probabilities moves by its margin or more. A
    flip is a tie where moving so far is nothing special, and damage otherwise: special is what fewer than one in twenty
    did of the rows to compare it with, the 100 that kept their answer by the smallest margins. Surer rows are left out,
    since softmax hardly lets their probabilities move, and so are rows that did not move at all, as those that a
    perturbation left alone. So of flips by a noise that is alike in all rows about one in forty counts as damage; and
    where a few rows are damaged, they make no ties of others. Of fewer than 20 such rows nothing is learned. A margin up
    to 1e-5 is always a tie. One above 0.1 never is: where everything moves so far, no flip is harmless.

    Only answers of the schema `label` have margins, where both sides have probabilities and answer with the class of the
    highest: what another threshold decided was not decided by this margin.
    """
    flipped = flip_rate(reference, candidate)
    unknown = np.full(len(flipped), np.nan)
    if reference.schema != "label":
        return Flips(flipped, unknown, np.nan)
    classes = tuple(dict.fromkeys((*reference.classes, *candidate.classes)))
    one, other = (side.with_classes(classes) for side in (reference, candidate))
    p, q = one.probabilities, other.probabilities
    if p is None or q is None or len(classes) < 2:
        return Flips(flipped, unknown, np.nan)
    margins = np.where(_decided(one, p) & _decided(other, q), _margins(p), np.nan)
    return Flips(flipped, margins, _limit(np.where(flipped, np.nan, margins), p - q))


def evidence(reference: Predictions, candidate: Predictions) -> dict[str, Any]:
    """How many flips there are, how many of them ties and damage, and all of them, the largest margin first."""
    found = flips(reference, candidate)
    places = np.flatnonzero(found.flipped)
    places = places[np.argsort(-found.margins[places], kind="stable")]  # NaN comes last
    counts = {"count": len(places)} | _known(found)
    ids = reference.ids.take(places).to_pylist()
    rows = [{"id": name} | _row(found, int(place)) for name, place in zip(ids, places, strict=True)]
    return {"flips": counts, "examples": rows} | ({"remarks": [_said(found)]} if len(places) else {})


def _margins(p: Floats) -> Floats:
    """Per row the highest probability less the second; NaN where there are none."""
    highest = np.partition(p, -2, axis=1)
    return np.asarray(highest[:, -1] - highest[:, -2])


def _decided(predictions: Predictions, p: Floats) -> Bools:
    """Whether an answer is the class of highest probability."""
    answered = np.take_along_axis(p, predictions.codes[:, None], axis=1)[:, 0]
    return np.asarray(answered >= p.max(axis=1))


def _limit(margins: Floats, moves: Floats) -> float:
    """The margin up to which a flip is a tie; `margins` are NaN in rows that flipped, or that are not known."""
    kept = np.flatnonzero(~np.isnan(margins) & moves.any(axis=1))
    near = moves[kept[np.argsort(margins[kept], kind="stable")][:NEIGHBOURS]]
    if len(near) < ENOUGH:
        return LEAST
    usual = np.quantile(near.max(axis=1) - near.min(axis=1), USUAL, method="higher")
    return float(np.clip(usual, LEAST, MOST))


def _known(found: Flips) -> dict[str, Any]:
    """What can be told where there are margins."""
    if np.isnan(found.limit):
        return {}
    return {
        "ties": int(found.ties.sum()),
        "damage": int(found.damage.sum()),
        "largest_tie": _largest(found.margins[found.ties]),
        "largest_margin": _largest(found.margins[found.ties | found.damage]),
        "tie_limit": plain(found.limit),
    }


def _largest(margins: Floats) -> float | None:
    return plain(float(margins.max())) if len(margins) else None


def _row(found: Flips, place: int) -> dict[str, Any]:
    margin = float(found.margins[place])
    return {} if np.isnan(margin) else {"margin": plain(margin), "tie": bool(found.ties[place])}


def _said(found: Flips) -> str:
    """The same in words, as `7 flips: 5 ties (margin up to 0.002), 2 damage (margin up to 0.41)`."""
    count = int(found.flipped.sum())
    kinds = [(found.ties, "tie", "ties"), (found.damage, "damage", "damage")]
    parts = [_part(found.margins[rows], *words) for rows, *words in kinds if rows.any()]
    unknown = count - int((found.ties | found.damage).sum())
    if parts and unknown:
        parts.append(f"{unknown:,} without a margin")
    return f"{count:,} {'flip' if count == 1 else 'flips'}" + (f": {', '.join(parts)}" if parts else "")


def _part(margins: Floats, one: str, many: str) -> str:
    reach = f"{margins.max():.2g}"
    said = f"margin {reach}" if len(margins) == 1 else f"margins up to {reach}"
    return f"{len(margins):,} {one if len(margins) == 1 else many} ({said})"
