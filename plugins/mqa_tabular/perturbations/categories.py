"""Categories that are written otherwise than they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_tabular.perturbations.changes import Share, change_tables, select_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from mqa_registry import Example


def category_typos(
    example: Example, rng: np.random.Generator, *, severity: Share = 0.1, columns: list[str] | None = None
) -> dict[str, dict[str, Any]] | None:
    """Categories with a typo: a letter that is left out, doubled, or swapped with the next, another case, or a space.

    `severity` is the share of categories that have one. `columns` are those that it may be in; left out, all columns of text.
    A row without text is declined.
    """

    def misspell(table: Mapping[str, Any]) -> dict[str, Any] | None:
        names = select_columns(table, columns, lambda value: isinstance(value, str) and bool(value))
        draws = rng.random((len(names), 3))
        chosen = zip(names, draws, strict=True)
        typos = {name: _misspell(table[name], *draw[1:]) for name, draw in chosen if draw[0] < severity}
        return typos if names else None

    return change_tables(example, misspell)


def _misspell(text: str, kind: float, where: float) -> str:
    """The text with one typo, chosen by two numbers from 0 to 1: of which kind, and at which letter."""
    at = int(where * len(text))
    letter = text[at]
    following = text[at + 1 : at + 2]
    typos = (
        text[:at] + text[at + 1 :],
        text[:at] + letter + text[at:],
        text[:at] + following + letter + text[at + 2 :],
        text[:at] + letter.swapcase() + text[at + 1 :],
        f"{text} " if where < 0.5 else f" {text}",
    )
    return next(typo for typo in (*typos[int(kind * len(typos)) :], *typos[::-1]) if typo and typo != text)
