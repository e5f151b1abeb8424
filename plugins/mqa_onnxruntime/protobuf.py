"""The messages of an ONNX file, one inside of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def messages(message: Any) -> Iterator[Any]:
    """A message and all in it: nodes and tensors in graphs inside of nodes, and in functions, too."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for part in (value,) if hasattr(value, "ListFields") else value:
                yield from messages(part)
