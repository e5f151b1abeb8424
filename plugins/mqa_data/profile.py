"""The probe `data/profile`: in which scripts rows are written, and how long they are."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import MinLen

from mqa_data.said import as_fields, example, texts_of, words_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import Scene

GIVES = ("value", "right_to_left", "empty", "broken", "words", "longest", "scripts")
MOST = 5  # examples, and scripts that are told
NO_LETTERS = "no letters"
# The first word of a letter's Unicode name is its script, but for these.
TOGETHER = {"CJK": "han", "IDEOGRAPHIC": "han", "FULLWIDTH": "latin", "HALFWIDTH": "katakana", "MODIFIER": "", "MASCULINE": "latin", "FEMININE": "latin", "MICRO": "", "MATHEMATICAL": ""}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("script", pa.string()),  # null where there is no text
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
    are mostly written in. Languages of one script are not told apart.
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
    """The numbers of `data/profile`; all but the last two have intervals."""
    scripts = observations.column("script").to_pylist()
    lettered = np.array([script not in (None, NO_LETTERS) for script in scripts], dtype=bool)
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
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows there are of each script, how long they are, and those that stand out."""
    rows = observations.to_pylist()
    shown = [rows[place] for place in _standing_out(rows)][:MOST]
    return {
        "remarks": list(_remarks(rows)),
        "examples": [example(row, script=row["script"], words=row["words"]) for row in shown],
        "scripts": dict(Counter(row["script"] or "no text" for row in rows).most_common()),
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
        "right_to_left": 2 * turned > scripts.total(),
        "broken": any(map(_is_broken, letters)),
        "words": len(words_in(text)),
        "characters": len(text),
    }


def _standing_out(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The first rows that are broken, of another script than most, and the longest."""
    usual = Counter(row["script"] for row in rows if row["script"]).most_common(1)
    broken = [place for place, row in enumerate(rows) if row["broken"]]
    others = (
        [place for place, row in enumerate(rows) if row["script"] not in (None, NO_LETTERS, usual[0][0])]
        if usual
        else []
    )
    longest = max(range(len(rows)), key=lambda place: int(rows[place]["words"]), default=0)
    return list(dict.fromkeys([*broken[:2], *others[:2], *([longest] if rows else [])]))


def _remarks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    scripts = Counter(row["script"] for row in rows if row["script"])
    more = f" and {len(scripts) - MOST} more" if len(scripts) > MOST else ""
    yield (
        "rows by script: "
        + (", ".join(f"{name} {count:,}" for name, count in scripts.most_common(MOST)) or "none")
        + more
    )
    words = [row["words"] for row in rows if row["script"]]
    if words:
        low, middle, high = np.quantile(words, [0.05, 0.5, 0.95])
        yield f"words a row: {middle:.0f} in the middle, {low:.0f} to {high:.0f} for nine in ten, {max(words):,} at most"
    for name, said in (("broken", "have signs of a wrong encoding"), ("right_to_left", "run from right to left")):
        if count := sum(row[name] for row in rows):
            yield f"{count:,} of {len(rows):,} rows {said}"


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
