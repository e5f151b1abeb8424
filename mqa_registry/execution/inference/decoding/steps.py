"""The steps of a generation: what a model is fed at each, with its cache, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Generation
from mqa_registry.errors import NotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Codec, State
    from mqa_registry.contributions.task import Batch, Encoded, Outputs

    Array = npt.NDArray[Any]


class DecoderSteps:
    """The steps of one batch of prompts: `run` gives the logits of the next token, `advance` takes the tokens.

    `inputs` are those of the next step.
    """

    def __init__(self, mode: Generation, run: Callable[[Batch], Outputs], inputs: Batch) -> None:
        """`inputs` are those of the first step, as the codec collates them."""
        self.inputs = dict(inputs)
        self.outputs: Outputs = {}
        self._mode = mode
        self._run = run
        if mode.tokens not in inputs:
            raise NotRunError(
                f"the task generates tokens after `{mode.tokens}`, which its batches do not have",
                hint="name the array of prompts as `tokens` of its `Generation`",
            )
        mask = inputs.get(mode.mask)
        if mask is not None and not np.all(mask[:, -1]):
            raise NotRunError(
                f"prompts are padded on the right (`{mode.mask}` ends with 0), where the next token goes",
                hint="let the task's `collate` pad them on the left",
            )

    @property
    def rows(self) -> int:
        """The number of rows of the next step."""
        return len(self.inputs[self._mode.tokens])

    def run(self) -> Array:
        """The logits after the last position of each row, shape (rows, vocabulary)."""
        self.outputs = self._run(self.inputs)
        check_states(self._mode.states, self.outputs, [self._mode.logits])
        logits = self.outputs[self._mode.logits]
        return logits if logits.ndim == 2 else logits[:, -1]

    def advance(self, rows: Array, tokens: Array) -> None:
        """Append `tokens`, one each, to these rows of the last step: some of them, or several times the same."""
        mode = self._mode
        kept = {name: take_rows(array, rows) for name, array in self.inputs.items()}
        column = tokens[:, None].astype(kept[mode.tokens].dtype)
        if mode.mask in kept:
            kept[mode.mask] = _append(kept[mode.mask], np.ones_like(column))
        if mode.positions in kept:
            after = kept[mode.positions][:, -1:] + 1
            kept[mode.positions] = after if mode.states else _append(kept[mode.positions], after)
        kept[mode.tokens] = column if mode.states else _append(kept[mode.tokens], column)
        carried = {
            state.input: take_rows(self.outputs[state.output], rows)
            for state in mode.states
            if state.output in self.outputs
        }
        self.inputs = {name: array for name, array in kept.items() if name not in mode.first_only} | carried


@dataclass(frozen=True)
class GenerationStep:
    """One step of a batch: what the model was fed, and what it gave. `tokens` were appended after it, one a row."""

    inputs: Batch
    outputs: Outputs
    tokens: npt.NDArray[np.int64]


def trace_generation(
    codec: Codec,
    run: Callable[[Batch], Outputs],
    rows: Sequence[Encoded],
    *,
    steps: int,
    tokens: npt.NDArray[np.int64] | None = None,
) -> list[GenerationStep]:
    """The first steps of a generation, all of them in memory; see `iter_generation`."""
    return list(iter_generation(codec, run, rows, steps=steps, tokens=tokens))


def iter_generation(
    codec: Codec,
    run: Callable[[Batch], Outputs],
    rows: Sequence[Encoded],
    *,
    steps: int,
    tokens: npt.NDArray[np.int64] | None = None,
) -> Iterator[GenerationStep]:
    """The first steps of a generation, each with its inputs and outputs: logits, and the caches where it has some.

    `run` maps a batch to outputs, as a runner does, and `rows` are encoded rows. Each step appends the most probable
    token, or where they are given those of `tokens`, shape (rows, steps): then two models are fed the same tokens,
    each with its own cache. A column of `tokens` is read after the forward pass of its step, so that it may be filled by then
    with what another model has chosen. The inputs of a step of one model can also be run by the other. No row ends.
    """
    mode = codec.run_mode
    if not isinstance(mode, Generation):
        raise NotRunError("the task generates no tokens", hint="only a codec with a `Generation` has such steps")
    decoder = DecoderSteps(mode, run, codec.collate(rows))
    everyone = np.arange(len(rows))
    for number in range(steps):
        inputs = decoder.inputs
        logits = decoder.run()
        chosen = np.argmax(logits, axis=-1) if tokens is None else tokens[:, number]
        yield GenerationStep(inputs, decoder.outputs, chosen.astype(np.int64))
        if number + 1 < steps:
            decoder.advance(everyone, chosen)


def take_rows(array: Array, rows: Array) -> Array:
    """These rows of an array; the array itself where they are all in their order, since caches are large."""
    return array if len(rows) == len(array) and np.array_equal(rows, np.arange(len(array))) else array[rows]


def check_states(states: Iterable[State], outputs: Outputs, names: Sequence[str] = ()) -> None:
    """A NotRunError where a model does not give an output that the next step takes, or one of `names`."""
    needed = dict.fromkeys(names, "") | {
        state.output: f", which the next step takes as `{state.input}`" for state in states if state.shape is not None
    }
    for name, use in needed.items():
        if name not in outputs:
            given = ", ".join(f"`{one}`" for one in outputs)
            raise NotRunError(
                f"the model gives no output `{name}`{use}",
                hint=f"it gives {given}: an export has to take and give its states, or the task has to run without them",
            )


def _append(array: Array, column: Array) -> Array:
    return np.concatenate([array, column.astype(array.dtype)], axis=1)
