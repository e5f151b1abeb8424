"""Who is to blame, as a probe that found a difference tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from mqa_parity.blaming import Reference, blame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_parity.sampling import Batch
    from mqa_parity.trio import Trio


def culprit(three: Trio, batches: Sequence[Batch], mask: str, limit: float) -> str:
    """The first module that differs, and whose fault it is, as JSON; nothing where nobody can say.

    An error that comes up on the way is told in its place: the difference is there, whoever is to blame.
    """
    if not isinstance(three.peer, Reference):
        return ""
    exact = cast("Reference", three.exact)
    arrays = [batch.arrays for batch in batches]
    try:
        found = blame(three.peer, three.candidate, arrays, mask=mask, limit=limit, exact=exact)
    except Exception as error:
        return _written({"reason": f"who is to blame could not be found out: {error}"})
    return _written(found.evidence()) if found else ""


def _written(told: dict[str, Any]) -> str:
    return json.dumps(told)
