"""What several backends have alike is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def share(values: Sequence[tuple[str, T]]) -> list[tuple[str, T]]:
    """Values by backend, each once, with the names of the backends that have it; empty ones are left out."""
    shared: list[tuple[list[str], T]] = []
    for backend, value in values:
        same = next((names for names, other in shared if other == value), None)
        if same is not None:
            same.append(backend)
        elif value:
            shared.append(([backend], value))
    return [(" and ".join(filter(None, names)), value) for names, value in shared]
