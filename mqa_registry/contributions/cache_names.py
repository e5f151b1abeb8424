"""The names of a decoder's keys and values among its inputs and outputs, as exporters of decoders write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from mqa_registry.contributions.run_modes import State

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = TypeVar("Tensor")

PAST_NAME = re.compile(r"past_key_values\.(\d+)\.(key|value)")
SIDES = ("key", "value")


def cache_states(layers: int, heads: int, width: int) -> tuple[State, ...]:
    """The keys and values of a decoder as states: `past_key_values.0.key` is what `present.0.key` was one step before.

    `heads` is the number of heads that have keys of their own, `width` that of numbers in one key.
    """
    return tuple(
        State(f"present.{layer}.{side}", f"past_key_values.{layer}.{side}", (heads, 0, width))
        for layer in range(layers)
        for side in SIDES
    )


def split_cache(inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[tuple[Tensor, Tensor]]]:
    """The other inputs of a decoder, and the keys and values of each layer; without any where the inputs have none."""
    matches = {name: match for name in inputs if (match := PAST_NAME.fullmatch(name))}
    layers = sorted({int(match[1]) for match in matches.values()})
    pairs = [(inputs[f"past_key_values.{layer}.key"], inputs[f"past_key_values.{layer}.value"]) for layer in layers]
    return {name: value for name, value in inputs.items() if name not in matches}, pairs
