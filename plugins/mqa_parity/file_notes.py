"""What there is to know of a file beside its numbers: inputs that only one side takes, and nodes in training mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mqa_registry import Runner

SHOWN = 3  # nodes in a note


def file_notes(reference: Runner, candidate: Runner) -> Iterator[str]:
    """By the facts of a model and of its file; what only one of them takes may be why they differ, or of no use to either."""
    if left := candidate.facts.get("unread_inputs"):
        yield f"the model is given {_listed(left)}, which the file does not take"
    if left := reference.facts.get("unread_inputs"):
        yield f"the file is given {_listed(left)}, which the model does not take"
    if nodes := candidate.facts.get("in_training"):
        more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
        yield (
            "it was exported in training mode, and a runtime that does as the file says drops at random or normalizes by"
            f" the batch: {', '.join(nodes[:SHOWN])}{more}; export the model after `eval()`"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
