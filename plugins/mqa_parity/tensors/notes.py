"""What a user should know about a model and its file beside their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mqa_parity.batching import Batch
    from mqa_parity.runners import Runners
    from mqa_registry import ProbeContext

MAX_NODES = 3  # in a note


def probe_notes(context: ProbeContext, runners: Runners) -> Iterator[str]:
    """Inputs that only one side takes, nodes in training mode, and a model that was not in evaluation mode, in words."""
    if inputs := runners.candidate.facts.get("unread_inputs"):
        yield f"the model is given {_listing(inputs)}, which the file does not take"
    if inputs := runners.baseline.facts.get("unread_inputs"):
        yield f"the file is given {_listing(inputs)}, which the model does not take"
    if nodes := runners.candidate.facts.get("in_training"):
        yield _training_note(nodes)
    if mode := context.model_under_test and context.model_under_test.model.about.get("mode"):
        yield f"the model runs in {mode}"


def _training_note(nodes: Sequence[Any]) -> str:
    more = f" and {len(nodes) - MAX_NODES} more" if len(nodes) > MAX_NODES else ""
    return (
        "it was exported in training mode, and a runtime that does as the file says drops at random or normalizes by"
        f" the batch: {', '.join(nodes[:MAX_NODES])}{more}; export the model after `eval()`"
    )


def constant_inputs(batches: Sequence[Batch]) -> Iterator[str]:
    """The integer inputs that have one value in all batches: nothing is known about their other values."""
    for name, array in batches[0].arrays.items():
        arrays = [np.asarray(batch.arrays[name]) for batch in batches]
        if array.dtype.kind not in "biu" or sum(one.size for one in arrays) < 2:
            continue
        first = arrays[0].flat[0] if arrays[0].size else None
        if all(one.size and (one == first).all() for one in arrays):
            yield name


def _listing(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
