"""Streaming: rows are run chunk by chunk, and states are fed from one chunk to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.execution.inference.decoding.steps import check_states, take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Codec, Streaming
    from mqa_registry.contributions.task import Batch, Encoded, Outputs

    Arrays: TypeAlias = dict[str, npt.NDArray[Any]]


def select_row(outputs: Outputs, row: int) -> Arrays:
    """The outputs for one row of a batch, without the axis of rows; a single number of the whole batch as it is."""
    return {name: array[row] if array.ndim else array for name, array in outputs.items()}


def stream(
    codec: Codec, mode: Streaming, run: Callable[[Batch], Outputs], rows: Sequence[Sequence[Encoded]]
) -> list[list[Outputs]]:
    """The outputs for every chunk of these rows, each without the axis of rows.

    Step k is a batch of the k-th chunk of each row that has one, so all rows move forward together.
    """
    outputs: list[list[Outputs]] = [[] for _ in rows]
    running = [row for row, chunks in enumerate(rows) if chunks]
    states: Arrays = {}
    number = 0
    while running:
        given = run({**codec.collate([rows[row][number] for row in running]), **states})
        check_states(mode.states, given)
        for place, row in enumerate(running):
            outputs[row].append(select_row(given, place))
        number += 1
        staying = np.array([place for place, row in enumerate(running) if len(rows[row]) > number], np.int64)
        running = [running[place] for place in staying]
        states = {state.input: take_rows(given[state.output], staying) for state in mode.states}
    return outputs
