"""Who is to blame, as a probe that found a difference tells it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_parity.blaming import Reference, blame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_parity.blaming import Blame
    from mqa_parity.pairing import Pairing
    from mqa_parity.sampling import Batch
    from mqa_parity.trio import Trio


def culprit(
    three: Trio,
    batches: Sequence[Batch],
    mask: str,
    limit: float,
    place: Path | None = None,
    *,
    pairing: Pairing | None = None,
) -> str:
    """The first module that differs, and whose fault it is, as JSON; nothing where nobody can say.

    A folder in `place`, where that is given, shows the difference to others. An error that comes up on the way is told
    in its place: the difference is there, whoever is to blame.
    """
    if not isinstance(three.peer, Reference) or not isinstance(three.exact, Reference):
        return ""
    arrays = [batch.arrays for batch in batches]
    asked = partial(
        blame, three.peer, three.candidate, arrays, mask=mask, limit=limit, exact=three.exact, pairing=pairing
    )
    try:
        if place is None:
            found = asked()
            return _written(found.evidence()) if found else ""
        with _draft(place) as draft:
            found = asked(bundle=draft)
            return _written(found.evidence() | _kept(draft, found)) if found else ""
    except Exception as error:
        return _written({"reason": f"who is to blame could not be found out: {error}"})


@contextmanager
def _draft(place: Path) -> Iterator[Path]:
    """A folder that is gone at the end, but for what was moved out of it."""
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder) / "new"


def _kept(draft: Path, found: Blame) -> dict[str, str]:
    """The bundle, if there is one, under a name that equal findings share: its path as seen from the current folder."""
    if not draft.exists():  # the numbers agree
        return {}
    name = hashlib.blake2b(_written(found.evidence()).encode(), digest_size=6).hexdigest()
    kept = draft.parents[1] / name
    if kept.exists():
        shutil.rmtree(kept)
    draft.rename(kept)
    return {"repro": str(kept)}


def _written(told: dict[str, Any]) -> str:
    return json.dumps(told)
