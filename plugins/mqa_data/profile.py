"""The probe `data/profile`: in which scripts and languages rows are written, and how long they are."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import MinLen

from mqa_data.languages import UNCERTAIN, language_of
from mqa_data.said import as_fields, example, texts_of, words_in
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import Scene

GIVES = ("value", "right_to_left", "empty", "broken", "words", "longest", "scripts", "languages", "commonest_language")
MOST = 5  # scripts and languages that are told
SHARE = 0.01  # of the rows; a language of fewer may be a mistake
NO_LETTERS = "no letters"
# The first word of a letter's Unicode name is its script, but for these.
TOGETHER = {"CJK": "han", "IDEOGRAPHIC": "han", "FULLWIDTH": "latin", "HALFWIDTH": "katakana", "MODIFIER": "", "MASCULINE": "latin", "FEMININE": "latin", "MICRO": "", "MATHEMATICAL": ""}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("script", pa.string()),  # null where there is no text
        ("language", pa.string()),  # null where there are no letters
        ("right_to_left", pa.bool_()),
        ("broken", pa.bool_()),
        ("words", pa.int64()),
        ("characters", pa.int64()),
        ("fields", pa.string()),  # the texts of rows that stand out, as JSON
    ]
)


def profile(scene: Scene, *, fields: Annotated[list[str], MinLen(1)] | None = None) -> pa.Table:
    """The share of rows that are mostly written in another script than Latin.

    `fields` are the columns with the texts, left out those that the model reads.

    `value` is that share, of the rows with letters, and `right_to_left` the share of those most of whose letters run
    from right to left. `empty` is the share of rows without text, `broken` that of rows with signs of a wrong encoding:
    replacement characters, lone surrogates, or control characters other than tabs and line breaks. `words` is the mean
    number of words of the rows with text, `longest` the largest number, and `scripts` the number of scripts that rows
    are mostly written in.

    The language of a row is a guess of py3langid at its first 1,000 characters from a letter on. It is uncertain where
    none has a probability of 0.5; of 4,196 English sentences it was wrong for 2, and uncertain for 6 %. `languages` is
    the number of those that at least one row in a hundred is written in, of the rows whose language is not uncertain,
    and `commonest_language` the share of the commonest one among these rows.
    """
    texts = texts_of(scene.view, fields)
    rows = [_seen(" ".join(text)) for text in texts]
    ids = scene.view.rows.ids.to_pylist()
    stand_out = set(_standing_out(rows))
    for place, row in enumerate(rows):
        row["id"] = str(ids[place])
        row["fields"] = as_fields(scene.view, fields, texts[place]) if place in stand_out else None
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/profile`; those of rows have intervals, not the counts."""
    scripts = observations.column("script").to_pylist()
    lettered = np.array([script not in (None, NO_LETTERS) for script in scripts], dtype=bool)
    told = _told(observations.column("language").to_pylist())
    counts = Counter(told).most_common()
    words = np.asarray(observations.column("words").to_numpy(), np.float64)
    empty = np.asarray(observations.column("script").is_null().to_numpy(), bool)
    return {
        "value": np.array([script != "latin" for script in scripts], dtype=bool)[lettered],
        "right_to_left": _column(observations, "right_to_left")[lettered],
        "empty": empty,
        "broken": _column(observations, "broken"),
        "words": np.where(empty, np.nan, words),
        "longest": float(words.max(initial=0.0)),
        "scripts": float(len({script for script in scripts if script} - {NO_LETTERS})),
        "languages": float(sum(count >= SHARE * len(told) for _, count in counts)),
        "commonest_language": np.array([language == counts[0][0] for language in told], dtype=bool),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows there are of each script and language, how long they are, and those that stand out."""
    rows = observations.to_pylist()
    shown = [rows[place] for place in _standing_out(rows)]
    return {
        "remarks": list(_remarks(rows)),
        "examples": [example(row, **{name: row[name] for name in ("script", "language", "words")}) for row in shown],
        "scripts": dict(Counter(row["script"] or "no text" for row in rows).most_common()),
        "languages": dict(Counter(map(_language_said, rows)).most_common()),
    }


def _seen(text: str) -> dict[str, Any]:
    letters = Counter(text)
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        if name := _script(letter):
            scripts[name] += count
    turned = sum(count for letter, count in letters.items() if unicodedata.bidirectional(letter) in ("R", "AL"))
    return {
        "script": (scripts.most_common(1)[0][0] if scripts else NO_LETTERS) if text.strip() else None,
        "language": language_of(text) if scripts else None,
        "right_to_left": 2 * turned > scripts.total(),
        "broken": any(map(_is_broken, letters)),
        "words": len(words_in(text)),
        "characters": len(text),
    }


def _standing_out(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The first rows that are broken, of another script or language than most, and the longest."""
    broken = [place for place, row in enumerate(rows) if row["broken"]]
    others = _others([None if row["script"] == NO_LETTERS else row["script"] for row in rows])
    foreign = _others([None if row["language"] == UNCERTAIN else row["language"] for row in rows])
    longest = max(range(len(rows)), key=lambda place: int(rows[place]["words"]), default=0)
    return list(dict.fromkeys([*broken[:2], *others[:2], *foreign[:2], *([longest] if rows else [])]))


def _others(names: Sequence[str | None]) -> list[int]:
    """The places of names other than the most frequent one."""
    usual = Counter(filter(None, names)).most_common(1)
    return [place for place, name in enumerate(names) if name and name != usual[0][0]]


def _told(languages: Sequence[str | None]) -> list[str]:
    """The languages of the rows that have one for certain enough."""
    return [language for language in languages if language not in (None, UNCERTAIN)]


def _remarks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name in ("script", "language"):
        yield f"rows by {name}: {_listed(Counter(row[name] for row in rows if row[name]))}"
    words = [row["words"] for row in rows if row["script"]]
    if words:
        low, middle, high = np.quantile(words, [0.05, 0.5, 0.95])
        yield f"words a row: {middle:.0f} in the middle, {low:.0f} to {high:.0f} for nine in ten, {max(words):,} at most"
    for name, said in (
        ("broken", ("has signs of a wrong encoding", "have signs of a wrong encoding")),
        ("right_to_left", ("runs from right to left", "run from right to left")),
    ):
        if count := sum(row[name] for row in rows):
            yield f"{count:,} of {counted(len(rows), 'row')} {said[count != 1]}"


def _language_said(row: Mapping[str, Any]) -> str:
    return row["language"] or (NO_LETTERS if row["script"] else "no text")


def _listed(counts: Counter[str]) -> str:
    """The commonest, with their shares."""
    shown = [f"{name} {count:,} ({count / counts.total():.1%})" for name, count in counts.most_common(MOST)]
    more = f" and {len(counts) - MOST} more" if len(counts) > MOST else ""
    return (", ".join(shown) or "none") + more


def _column(observations: pa.Table, name: str) -> Any:
    return np.array(observations.column(name).to_pylist(), dtype=bool)


@cache
def _script(letter: str) -> str:
    """The script of a letter; nothing for what is none."""
    if not letter.isalpha():
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return TOGETHER.get(first, first.lower())


@cache
def _is_broken(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return letter == "\N{REPLACEMENT CHARACTER}" or kind == "Cs" or (kind == "Cc" and letter not in "\t\n\r\v\f\x85")
