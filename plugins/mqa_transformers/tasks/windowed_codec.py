"""Rows of tokens that are run in windows: what the codecs of such tasks share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_transformers.tasks.token_codec import TokenCodec
from mqa_transformers.tasks.tokenization import IDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

WINDOWS = "windows"  # of a row: how many tokens each window has


class WindowedCodec(TokenCodec):
    """A codec of rows whose arrays have the windows of a text end to end, each a part of the row.

    `whole_row` are the names of arrays that are the row's, `per_token` those that have a value for each token and that the
    model is not fed with; all other arrays it is. `length` is that of every window.
    """

    whole_row: Collection[str] = ()
    per_token: Collection[str] = ()

    @property
    def unfed(self) -> Collection[str]:
        return (*self.whole_row, *self.per_token, WINDOWS)

    @abstractmethod
    def _token_outputs(self, outputs: Arrays) -> Sequence[str]:
        """The names of those outputs that decoding reads, which have a value for each token."""

    def split(self, row: Arrays) -> list[Arrays]:
        ends = np.cumsum(row[WINDOWS])
        return [
            {
                name: values if name in self.whole_row else values[end - length : end]
                for name, values in row.items()
                if name != WINDOWS
            }
            | {WINDOWS: np.array([length])}
            for end, length in zip(ends, row[WINDOWS], strict=True)
        ]

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> Arrays:
        """The outputs for the tokens of all windows, end to end, without padding."""
        lengths = [int(length) for length in row[WINDOWS]]
        return {
            name: np.concatenate(
                [self._without_padding(one[name], length) for one, length in zip(outputs, lengths, strict=True)]
            )
            for name in self._token_outputs(outputs[0])
        }

    def _join_windows(self, windows: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """What the model is fed with of some encodings of tokenizers, end to end, and how long they are."""
        return self._make_arrays(windows) | {WINDOWS: np.array([len(window.ids) for window in windows], np.int64)}

    def _own_outputs(self, values: npt.NDArray[Any], row: Arrays) -> npt.NDArray[Any]:
        """The outputs for the tokens of one row, of those that a batch has for it."""
        n_tokens = len(row[IDS])
        return values[:n_tokens] if self.splits else self._without_padding(values, n_tokens)

    def _without_padding(self, values: npt.NDArray[Any], n_tokens: int) -> npt.NDArray[Any]:
        start = self._count_padding(len(values), n_tokens)
        return values[start : start + n_tokens]
