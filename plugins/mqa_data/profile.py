"""The probe `data/profile`: in which scripts and languages rows are written, and how long they are."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_data.text_columns import TextOptions, TextRows, split_words, to_example
from mqa_registry import Evidence, Probe, counted, identify_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ProbeContext

MAX_LISTED = 5  # scripts and languages in a remark
MAX_OUTLIERS = 2  # examples of each kind
MIN_LANGUAGE_SHARE = 0.01  # of the rows; a language of fewer may be a mistake
NO_LETTERS, NO_TEXT, UNCERTAIN = "no letters", "no text", "uncertain"
# The first word of a letter's Unicode name is its script, but for these.
SCRIPT_OF_NAME = {
    "CJK": "han", "IDEOGRAPHIC": "han", "FULLWIDTH": "latin", "HALFWIDTH": "katakana", "MODIFIER": "",
    "MASCULINE": "latin", "FEMININE": "latin", "MICRO": "", "MATHEMATICAL": "",
}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("script", pa.string()),  # null where there is no text
        ("language", pa.string()),  # null where there are no letters
        ("right_to_left", pa.bool_()),
        ("has_encoding_error", pa.bool_()),
        ("words", pa.int64()),
        ("characters", pa.int64()),
        ("fields", pa.string()),  # the texts of rows that stand out, as JSON
    ]
)


@dataclasses.dataclass(frozen=True)
class TextProfile:
    """What is observed of the text of a row: a script unless it is empty, a language where it has letters."""

    script: str | None
    language: str | None
    right_to_left: bool
    has_encoding_error: bool
    words: int
    characters: int

    @classmethod
    def of(cls, text: str) -> TextProfile:
        letters = Counter(text)
        scripts: Counter[str] = Counter()
        for letter, count in letters.items():
            if name := _script_of(letter):
                scripts[name] += count
        leftwards = sum(count for letter, count in letters.items() if unicodedata.bidirectional(letter) in ("R", "AL"))
        return cls(
            script=(scripts.most_common(1)[0][0] if scripts else NO_LETTERS) if text.strip() else None,
            language=identify_language(text) or UNCERTAIN if scripts else None,
            right_to_left=2 * leftwards > scripts.total(),
            has_encoding_error=any(map(_is_encoding_error, letters)),
            words=len(split_words(text)),
            characters=len(text),
        )

    @property
    def script_name(self) -> str:
        return self.script or NO_TEXT

    @property
    def language_name(self) -> str:
        return self.language or (NO_LETTERS if self.script else NO_TEXT)


class Profile(Probe[TextOptions]):
    """The share of rows that are mostly written in another script than Latin.

    `value` is that share, of the rows with letters, and `right_to_left` the share of those most of whose letters run
    from right to left. `empty` is the share of rows without text, `encoding_errors` that of rows with signs of a wrong
    encoding: replacement characters, lone surrogates, or control characters other than tabs and line breaks. `mean_words`
    is the mean number of words of the rows with text, `max_words` the largest number, and `n_scripts` the number of
    scripts that rows are mostly written in.

    The language of a row is a guess of py3langid at its first 1,000 characters from a letter on. It is uncertain where
    none has a probability of 0.5; of 4,196 English sentences it was wrong for 2, and uncertain for 6 %. `n_languages` is
    the number of those that at least one row in a hundred is written in, of the rows whose language is not uncertain,
    and `top_language_share` the share of the most frequent one among these rows.
    """

    name = "profile"
    inputs = "rows"
    ranges: Mapping[str, tuple[float, float]] = {
        "value": (0.0, 1.0),
        "right_to_left": (0.0, 1.0),
        "empty": (0.0, 1.0),
        "encoding_errors": (0.0, 1.0),
        "mean_words": (0.0, math.inf),
        "max_words": (0.0, math.inf),
        "n_scripts": (0.0, math.inf),
        "n_languages": (0.0, math.inf),
        "top_language_share": (0.0, 1.0),
    }
    outputs = tuple(ranges)
    text_columns = ("fields",)
    version = 3
    requires = ("py3langid",)

    def columns(self, options: TextOptions) -> list[str]:
        """Those with the texts, where they are named."""
        return options.fields or []

    def observe(self, context: ProbeContext, options: TextOptions) -> pa.Table:
        """A table of SCHEMA, a row for each of the view's."""
        rows = TextRows.read(context.view, options.fields)
        profiles = [TextProfile.of(" ".join(text)) for text in rows.texts]
        fields = {row: rows.dump_texts(row) for row in _find_outliers(profiles)}
        records = [
            dataclasses.asdict(profile) | {"id": rows.ids[row], "fields": fields.get(row)}
            for row, profile in enumerate(profiles)
        ]
        return pa.Table.from_pylist(records, schema=SCHEMA)

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """Those of rows have intervals, not the counts."""
        profiles = _read_profiles(table)
        lettered = [profile for profile in profiles if profile.script not in (None, NO_LETTERS)]
        languages = [profile.language for profile in profiles if profile.language not in (None, UNCERTAIN)]
        counts = Counter(languages).most_common()
        words = [math.nan if profile.script is None else profile.words for profile in profiles]
        return {
            "value": np.array([profile.script != "latin" for profile in lettered], dtype=bool),
            "right_to_left": np.array([profile.right_to_left for profile in lettered], dtype=bool),
            "empty": np.array([profile.script is None for profile in profiles], dtype=bool),
            "encoding_errors": np.array([profile.has_encoding_error for profile in profiles], dtype=bool),
            "mean_words": np.array(words, dtype=np.float64),
            "max_words": float(max((profile.words for profile in profiles), default=0)),
            "n_scripts": float(len({profile.script for profile in lettered})),
            "n_languages": float(sum(count >= MIN_LANGUAGE_SHARE * len(languages) for _, count in counts)),
            "top_language_share": np.array([language == counts[0][0] for language in languages], dtype=bool),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """The number of rows of each script and language, their lengths, and the outliers."""
        rows, profiles = table.to_pylist(), _read_profiles(table)
        examples = [
            to_example(rows[row], script=profile.script, language=profile.language, words=profile.words)
            for row in _find_outliers(profiles)
            for profile in [profiles[row]]
        ]
        counts = {
            "scripts": dict(Counter(profile.script_name for profile in profiles).most_common()),
            "languages": dict(Counter(profile.language_name for profile in profiles).most_common()),
        }
        return Evidence(remarks=list(_iter_remarks(profiles)), examples=examples, details=counts)


def _read_profiles(table: pa.Table) -> list[TextProfile]:
    names = [field.name for field in dataclasses.fields(TextProfile)]
    return [TextProfile(**row) for row in table.select(names).to_pylist()]


def _find_outliers(profiles: Sequence[TextProfile]) -> list[int]:
    """The first rows with signs of a wrong encoding, or of another script or language than most, and the longest row."""
    damaged = [row for row, profile in enumerate(profiles) if profile.has_encoding_error]
    by_script = _find_rare([None if one.script == NO_LETTERS else one.script for one in profiles])
    by_language = _find_rare([None if one.language == UNCERTAIN else one.language for one in profiles])
    longest = [max(range(len(profiles)), key=lambda row: profiles[row].words)] if profiles else []
    first = [row for rows in (damaged, by_script, by_language) for row in rows[:MAX_OUTLIERS]]
    return list(dict.fromkeys([*first, *longest]))


def _find_rare(names: Sequence[str | None]) -> list[int]:
    """The indices of names other than the most frequent one."""
    most_common = Counter(filter(None, names)).most_common(1)
    return [index for index, name in enumerate(names) if name and name != most_common[0][0]]


def _iter_remarks(profiles: Sequence[TextProfile]) -> Iterator[str]:
    yield f"rows by script: {_list_counts(Counter(one.script for one in profiles if one.script))}"
    yield f"rows by language: {_list_counts(Counter(one.language for one in profiles if one.language))}"
    words = [profile.words for profile in profiles if profile.script]
    if words:
        low, median, high = np.quantile(words, [0.05, 0.5, 0.95])
        yield f"words a row: median {median:.0f}, {low:.0f} to {high:.0f} for nine in ten, {max(words):,} at most"
    total = counted(len(profiles), "row")
    if damaged := sum(profile.has_encoding_error for profile in profiles):
        yield f"{damaged:,} of {total} {'has' if damaged == 1 else 'have'} signs of a wrong encoding"
    if leftwards := sum(profile.right_to_left for profile in profiles):
        yield f"{leftwards:,} of {total} {'runs' if leftwards == 1 else 'run'} from right to left"


def _list_counts(counts: Counter[str]) -> str:
    """The most frequent names, with their shares."""
    listed = [f"{name} {count:,} ({count / counts.total():.1%})" for name, count in counts.most_common(MAX_LISTED)]
    more = f" and {len(counts) - MAX_LISTED} more" if len(counts) > MAX_LISTED else ""
    return (", ".join(listed) or "none") + more


@cache
def _script_of(letter: str) -> str:
    """The script of a letter; empty for what is none."""
    if not letter.isalpha():
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return SCRIPT_OF_NAME.get(first, first.lower())


@cache
def _is_encoding_error(letter: str) -> bool:
    """Whether a character is a sign of a wrong encoding."""
    kind = unicodedata.category(letter)
    return letter == "\N{REPLACEMENT CHARACTER}" or kind == "Cs" or (kind == "Cc" and letter not in "\t\n\r\v\f\x85")
