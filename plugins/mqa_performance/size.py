"""Size: what has to be shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry import NotRunError

if TYPE_CHECKING:
    from mqa_registry import Scene

MEGA = 1e6


def size(scene: Scene) -> pa.Table:
    """Megabytes on disk of the files that the backend runs: weights, and for ONNX the graph with its external data."""
    told = scene.view.runner.facts.get("bytes")
    if not isinstance(told, int):
        raise NotRunError(f"backend `{scene.view.backend}` does not say how large its files are")
    return pa.table({"bytes": [told]})


def numbers(observations: pa.Table) -> dict[str, float]:
    """One number, of 10^6 bytes."""
    return {"value": observations.column("bytes")[0].as_py() / MEGA}
