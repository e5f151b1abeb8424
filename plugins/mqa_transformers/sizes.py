"""Sizes that a configuration asks for, held against the weights that are there, before any library makes room for them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SIZE = re.compile(r"(?:num|n)_\w+|\w+_(?:size|dim|heads|labels)|d_\w+")  # what a model has so many of
LAYERS = re.compile(r"\w*(?:layers|blocks)|depth")
USUAL_SIZE = 1_000_000  # up to which a size is no question, and from which a weight is as long
USUAL_LAYERS = 1000  # the same of layers, of which each has a weight of its own
LENGTH = 8  # bytes at the start of a file of safetensors, which say how long its header is
LONGEST = 100_000_000  # bytes of such a header


def check_sizes(path: Path, config: Mapping[str, Any], weights: Sequence[str], *, pickled: bool) -> None:
    """A DataError for a count in a configuration that none of its weights can have: a library would build it all the same.

    Of a pickle nothing is known but how many bytes it has.
    """
    asked = [(name, number) for name, number in _numbers(config) if number > _usual(name)]
    if not asked:
        return
    files = [path / name for name in weights if not name.endswith(".json")]
    if pickled:
        tensors = longest = sum(file.stat().st_size for file in files)
    else:
        shapes = [shape for file in files for shape in _shapes(file)]
        tensors, longest = len(shapes), max((number for shape in shapes for number in shape), default=0)
    for name, number in asked:
        most = tensors if LAYERS.fullmatch(name) else longest
        if number > max(most, _usual(name)):
            raise DataError(
                f"`{path / 'config.json'}` says that `{name}` is {number:,}, and its weights have not so many",
                hint="is `config.json` that of this model?",
            )


def _usual(name: str) -> int:
    return USUAL_LAYERS if LAYERS.fullmatch(name) else USUAL_SIZE


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every count of a configuration, and of those of the parts in it."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, int) and (SIZE.fullmatch(name) or LAYERS.fullmatch(name)):
            yield name, value


def _shapes(file: Path) -> list[tuple[int, ...]]:
    """The shapes of the tensors in a file of safetensors; a DataError where its header is damaged."""
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(LENGTH), "little")
            header = json.loads(content.read(min(length, LONGEST)))
        return [tuple(map(int, about["shape"])) for name, about in header.items() if name != "__metadata__"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"`{file}` is damaged: it has no header of safetensors") from error
