"""How many tokens a file's rows have, where it takes no other number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqa_onnxruntime.graph import read_graph
from mqa_onnxruntime.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_onnxruntime.graph import Value
    from mqa_registry import Subject

TOKENS = frozenset({"int64", "int32", "bool"})  # the types of tokens, their kinds and their mask


def fixed_length(
    subject: Subject,
    *,
    path: Path | None = None,
    inputs: dict[str, str] | None = None,
    constants: dict[str, bool | int | float | list[int] | list[float]] | None = None,
    batch_axis: dict[str, int] | None = None,
) -> int | None:
    """The tokens of every row that a given file takes; None where it takes any number, and of an export made here."""
    file = path or subject.model.file
    if file is None:
        return None
    interface = Interface(inputs or {}, {}, constants or {}, batch_axis or {})
    return length_of(read_graph(file).inputs, interface)


def length_of(inputs: Sequence[Value], interface: Interface) -> int | None:
    """The length that all inputs of whole numbers with two axes, rows and tokens, have along the second."""
    given = [value for value in inputs if value.type in TOKENS and value.name not in interface.constants]
    tables = [value for value in given if len(value.shape) == 2]
    lengths = {value.shape[1 - axis] for value in tables if (axis := interface.axis(value)) in {0, 1}}
    length = lengths.pop() if len(lengths) == 1 else None
    return length if isinstance(length, int) else None
