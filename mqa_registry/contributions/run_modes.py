"""Run modes: how the rows of a batch are run where one forward pass is not enough, token by token or chunk by chunk.

Both are loops of the host over `Runner.run`. What the model has to remember from one step to the next is an array that it
gives and takes, so that one description holds for every backend, and every step can be compared between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

RunModeName: TypeAlias = Literal["forward", "generation", "streaming"]

TRACED_PAST = 3  # positions of a cache that an exporter traces a model with: it would take 0 or 1 for a constant


@dataclass(frozen=True)
class State:
    """An array that the model gives at one step and takes at the next: the keys of a cache, the state of a recurrent network.

    `output` and `input` are its names, with the rows first. `shape` is that of one row before the first step, without the
    axis of rows; it starts as zeros, and an axis of length 0 grows with the steps: `(heads, 0, width)` of a cache. With
    None the first step runs without it, as without the states of an encoder. An array that a step does not give stays as
    it was.
    """

    output: str
    input: str
    shape: tuple[int, ...] | None
    dtype: str = "float32"

    def zeros(self, rows: int, past: int = 0) -> npt.NDArray[Any] | None:
        """Its value before the first step, or after `past` positions of zeros; None where it has none then."""
        if self.shape is None:
            return None
        return np.zeros((rows, *(length or past for length in self.shape)), self.dtype)

    @property
    def growing_axes(self) -> tuple[int, ...]:
        """The axes that grow with the steps, the axis of rows counted as 0."""
        return tuple(axis for axis, length in enumerate(self.shape or (), start=1) if length == 0)


@dataclass(frozen=True)
class Greedy:
    """The most probable token at each step."""


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """The best of `beams` sequences at each step.

    A sequence scores the sum of its log probabilities, divided by its length to the power of `length_penalty`: above 0 it
    favours long sequences. A row ends when it has `beams` ended sequences and, without `early_stopping`, no running one
    of the present length could be better.
    """

    beams: int
    length_penalty: float = 1.0
    early_stopping: bool = False

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise DataError(f"`beams` is {self.beams}, and a beam search has one or more")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """A token drawn at each step, from the `top_k` most probable ones (0: all), then from the fewest that have `top_p` of the probability.

    Logits are divided by `temperature` before. The draws of a row follow from `seed` and from what the row is, and never
    from its batch or the backend.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise DataError(
                f"`temperature` is {self.temperature:g}, and it has to be above 0", hint="0 is greedy decoding"
            )
        if self.top_k < 0:
            raise DataError(f"`top_k` is {self.top_k}", hint="0 keeps all tokens")
        if not 0 < self.top_p <= 1:
            raise DataError(f"`top_p` is {self.top_p:g}, and it is above 0 and at most 1")


Decoding: TypeAlias = Greedy | BeamSearch | Sampling


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Rows are run token by token, until one of `end_tokens` or `max_new_tokens` tokens; a row that ends leaves the batch.

    `collate` gives the prompts, shape (rows, positions), under `tokens`, padded on the left, and 0 under `mask` where a
    position is padding. The host adds the `states` and, where they have a name, the `positions` of the tokens. After the
    first step the model takes the last token of each row with the states, or without any states the whole sequence. The
    inputs `first_only` are those of the first step alone, such as the features of an encoder; others stay as they are.

    `decode` gets the outputs `tokens`, shape (rows, steps), with the end token where it came; `lengths`, how many are a
    row's; `log_probabilities` of these tokens; and `score`, their sum, of a beam search with its length penalty. A row
    whose logits have NaN ends there, with the score NaN.
    """

    max_new_tokens: int
    decoding: Decoding = Greedy()
    end_tokens: tuple[int, ...] = ()
    states: tuple[State, ...] = ()
    tokens: str = "input_ids"
    mask: str = "attention_mask"
    positions: str = ""
    logits: str = "logits"
    first_only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise DataError(f"`max_new_tokens` is {self.max_new_tokens}, and a generation has one or more")

    @property
    def name(self) -> RunModeName:
        return "generation"

    @property
    def beams(self) -> int:
        """The number of sequences that run for one row."""
        return self.decoding.beams if isinstance(self.decoding, BeamSearch) else 1

    def first_step(self, batch: Arrays) -> dict[str, npt.NDArray[Any]]:
        """The inputs of the first step for a batch of prompts: with the states as they start, and the positions."""
        return {**batch, **self._positions(batch, past=0), **_states(self.states, len(batch[self.tokens]), past=0)}

    def traced_step(self, batch: Arrays) -> dict[str, npt.NDArray[Any]]:
        """The inputs of a later step, for a model to be traced with: as the first, after a few positions of zeros."""
        if not self.states:
            return self.first_step(batch)
        rows = len(batch[self.tokens])
        inputs = {name: array for name, array in batch.items() if name not in self.first_only}
        if self.mask in batch:
            seen = np.ones((rows, TRACED_PAST), batch[self.mask].dtype)
            inputs[self.mask] = np.concatenate([seen, batch[self.mask]], axis=1)
        return {**inputs, **self._positions(batch, past=TRACED_PAST), **_states(self.states, rows, past=TRACED_PAST)}

    def dynamic_axes(self, batch: Arrays) -> dict[str, tuple[int, ...]]:
        """The axes of the inputs that the host adds or lengthens whose length is another at each step, that of rows included."""
        grown = {name: (0, 1) for name in (self.tokens, self.mask, self.positions) if name in batch}
        return grown | {state.input: (0, *state.growing_axes) for state in self.states}

    def _positions(self, batch: Arrays, past: int) -> dict[str, npt.NDArray[Any]]:
        """The position of each token in its own row; 0 of padding."""
        if not self.positions:
            return {}
        mask = batch[self.mask] if self.mask in batch else np.ones_like(batch[self.tokens])
        return {self.positions: np.maximum(np.cumsum(mask, axis=1, dtype=np.int64) - 1, 0) + past}


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """Rows are run chunk by chunk: the parts that `Codec.split` gives of a row, in their order.

    `states` are fed from one chunk of a row to its next. Chunks of different rows at one step are a batch, so all that
    `collate` may pad there is the last chunk of a row. A row without further chunks leaves the batch.
    """

    states: tuple[State, ...]

    @property
    def name(self) -> RunModeName:
        return "streaming"

    def first_step(self, batch: Arrays) -> dict[str, npt.NDArray[Any]]:
        """The inputs of the first step for a batch of chunks: with the states as they start."""
        return {**batch, **_states(self.states, len(next(iter(batch.values()))), past=0)}

    def traced_step(self, batch: Arrays) -> dict[str, npt.NDArray[Any]]:
        """The inputs of a later step, for a model to be traced with."""
        return {**batch, **_states(self.states, len(next(iter(batch.values()))), past=TRACED_PAST)}

    def dynamic_axes(self, batch: Arrays) -> dict[str, tuple[int, ...]]:
        """The axes of the states whose length is another at each step, that of rows included."""
        return {state.input: (0, *state.growing_axes) for state in self.states}


RunMode: TypeAlias = Generation | Streaming


def _states(states: tuple[State, ...], rows: int, past: int) -> dict[str, npt.NDArray[Any]]:
    values = {state.input: state.zeros(rows, past) for state in states}
    return {name: value for name, value in values.items() if value is not None}
