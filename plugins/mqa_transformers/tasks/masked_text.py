"""Texts with masks in them, and the words that the masks stand for: how rows write them, and which tokens are masked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mqa_registry import DataError, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]

TEXT, MASKED = "text", "masked"  # the fields of an example
PLACEHOLDERS = r"\[MASK\]|<mask>"  # in a text, whatever the model's own mask token is


@dataclass(frozen=True)
class MaskedText:
    """A text with what stands behind its masks: their words, or the tokenizer's mask token where nobody knows them.

    `spans` are the characters of each mask, from the first up to and without the last. `is_known` says that the words are.
    """

    text: str
    spans: Sequence[tuple[int, int]]
    is_known: bool

    @classmethod
    def of(cls, example: Mapping[str, Any], mask_token: str) -> Self:
        """The text of a row; a DataError where its words are not those of its masks."""
        given = example.get(MASKED) or ()
        words = [given] if isinstance(given, str) else [str(word or "") for word in given]
        pieces = re.split(PLACEHOLDERS, example[TEXT])
        n_masks = len(pieces) - 1
        if words and len(words) != n_masks:
            raise DataError(
                f"its text has {counted(n_masks, 'mask')}, and `{MASKED}` {counted(len(words), 'word')}",
                hint="one for each `[MASK]`, and none for a text without",
            )
        if not all(word.strip() for word in words):
            raise DataError(f"`{MASKED}` has an empty word")
        text, spans = pieces[0], []
        for word, piece in zip(words or [mask_token] * n_masks, pieces[1:], strict=True):
            spans.append((len(text), len(text) + len(word)))
            text += word + piece
        return cls(text, spans, is_known=bool(words) or not n_masks)

    @property
    def is_masked(self) -> bool:
        """Whether it has masks; of one without, each token is masked in turn."""
        return bool(self.spans)

    def find_tokens(self, encoding: Any) -> Ints:
        """The positions, in an `Encoding` of tokenizers, of the tokens that have a part of a mask, shape (tokens,).

        Of a text without masks they are all but those that the tokenizer added. A DataError where a mask was cut off.
        """
        if not self.is_masked:
            return np.flatnonzero(np.array(encoding.special_tokens_mask, np.int64) == 0)
        starts, ends = np.array(encoding.offsets, np.int64).reshape(-1, 2).T
        found = [np.flatnonzero((starts < end) & (ends > start)) for start, end in self.spans]
        if not all(map(len, found)):
            raise DataError(
                f"a mask of it is behind the first {counted(len(encoding.ids), 'token')}, which is what the model reads",
                hint="shorten the text, or leave the row out",
            )
        return np.unique(np.concatenate(found))
