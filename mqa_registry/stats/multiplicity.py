"""Multiplicity: the levels at which many claims have to fail, so that chance alone seldom fails one of them.

That all of them hold needs no correction, since it says of every one that it does (intersection-union test).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.stats.estimates import Claim


def bonferroni_confidence(confidence: float, count: int) -> float:
    """The confidence of each of so many intervals with which all of them hold at once."""
    return 1 - (1 - confidence) / max(1, count)


def holm_confidences(claims: Sequence[Claim], confidence: float) -> Mapping[Claim, float]:
    """The confidence at which each claim has to fail, by Holm's procedure (Scand. J. Stat. 6, 1979).

    As claims fall, the rest are held to a milder level. A claim that is undefined counts among them: that there is no
    number for it makes the others no surer.
    """
    levels: dict[Claim, float] = {}
    remaining = list(claims)
    may_fall = [claim for claim in claims if claim.fails(confidence)]
    while True:
        level = bonferroni_confidence(confidence, len(remaining))
        falling = {claim for claim in may_fall if claim.fails(level)}
        levels |= {claim: level for claim in remaining if not falling or claim in falling}
        if not falling:
            return levels
        may_fall = [claim for claim in may_fall if claim not in falling]
        remaining = [claim for claim in remaining if claim not in falling]
