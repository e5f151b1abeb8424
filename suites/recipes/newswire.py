"""Make `suites/data/newswire.parquet`: sentences as of a newswire, with the persons, places and organizations in them marked.

    python suites/recipes/newswire.py

A sentence is a template with names in it, and a template is put together of phrases. The phrases and the parts of names stand in
`newswire.toml`. A third of them are held out: the file is made of held-out phrases and held-out names alone, and `tagger.py` trains
on the others.
"""

# ruff: noqa: S311
# Names are drawn by a seed, and need no secret.

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
OUT = ROOT / "suites" / "data" / "newswire.parquet"
LISTS = Path(__file__).with_suffix(".toml")
LEXICON = ROOT / "plugins" / "mqa_fairness" / "lexicons" / "names.toml"
SEED = 7
ROWS, ROWS_OF_A_TEMPLATE = 1500, 2
SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
SLOT = re.compile(r"\{([A-Z]+)\}")
WORD = re.compile(r"\b[a-z]{4,}\b")
NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
SIGNS = ("endings", "before", "behind")  # the lists of what says what a name is of
ENTITIES = ("PER", "LOC", "ORG")
SUBJECTS = {"people": "{PER}", "organizations": "{ORG}", "places": "{LOC}", "things": ""}
SUBJECT_WEIGHTS = (4, 4, 3, 3)
ENDINGS_OF_WORDS = ("", "ed", "s", "ing", "al", "ly", "er")
ENDINGS_OF_NAMES = ("", "a", "o", "e", "i", "is", "us", "in", "er", "ir", "um", "aka")
MADE_UP = 0.25  # the share of given names that no lexicon has: names are no closed list
T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """A given name with the origin and gender that the lexicon has for it."""

    name: str
    origin: str
    gender: str


@dataclass(frozen=True)
class Lists:
    """One part of all lists: that to train on, or that held out."""

    clauses: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]
    names: Mapping[str, Sequence[str]]
    people: Sequence[Person]
    stems: Sequence[str]


def read_lists(*, held_out: bool) -> Lists:
    """The lists of the data set where they are held out, else those to train on.

    Days, months, titles and the endings of names (`Bank`, `-ton`) are in both parts: they are few, and say what a name is of. So are
    the real places, which tell nobody by their form that they are no persons. A phrase that stands in two lists is in the same part
    of both.
    """
    lists = tomllib.loads(LISTS.read_text("utf-8"))
    stems = ["".join(parts) for parts in product(*lists["syllables"].values())]
    phrases = sorted({phrase.strip(" ,") for clauses in lists["clauses"].values() for phrase in clauses})
    kept = set(select_part(phrases, held_out=held_out))
    shared = {name: values for name, values in lists["names"].items() if name.startswith((*SIGNS, "places"))}
    return Lists(
        {name: [one for one in values if one.strip(" ,") in kept] for name, values in lists["clauses"].items()},
        lists["words"],
        {name: select_part(values, held_out=held_out) for name, values in lists["names"].items()} | shared,
        read_people(held_out=held_out),
        select_part(stems, held_out=held_out),
    )


def read_people(*, held_out: bool) -> list[Person]:
    """The given names of the lexicon, those that are held out or the others."""
    lexicon = tomllib.loads(LEXICON.read_text("utf-8"))
    people = [
        Person(name, origin, gender) for origin, by in lexicon.items() for gender, names in by.items() for name in names
    ]
    return select_part(people, held_out=held_out)


def select_part(values: Sequence[T], *, held_out: bool) -> list[T]:
    """Every third value where they are held out, else the others."""
    return [value for number, value in enumerate(values) if (number % 3 == 2) == held_out]


def make_rows(
    lists: Lists, count: int, seed: int, *, of_a_template: int = 1, made_up: float = 0.0
) -> Iterator[dict[str, Any]]:
    """Sentences with their spans, drawn by the seed, so many of each template.

    `made_up` is the share of the longer words, those in names included, that are exchanged for made-up ones: what is left to go by
    are the words around. `origin` and `gender` are those of the first person in the sentence whose given name the lexicon has.
    """
    chooser = random.Random(seed)
    writer = Writer(lists, chooser, made_up)
    for number in range(count):
        if number % of_a_template == 0:
            template = writer.compose()
        text, spans, person = writer.fill(template)
        yield {
            "id": f"{number:05}",
            "text": text,
            "spans": spans,
            "template": f"{number // of_a_template:04}",
            "origin": person.origin if person else None,
            "gender": person.gender if person else None,
        }


@dataclass(frozen=True)
class Writer:
    """Puts templates together and fills them."""

    lists: Lists
    chooser: random.Random
    made_up: float

    def compose(self) -> str:
        """A template: a quote, or a clause with what may stand before and behind it."""
        if self._happens(0.12):
            quote, said = self._phrase("quotes"), self._phrase("said")
            return self._end(f'"{self._upper(quote)}," {said}')
        text = self._clause()
        if self._happens(0.3):
            text = f"{self._phrase('openers')}, {text}"
        if self._happens(0.15):
            text += self._phrase("joints") + self._clause()
        elif self._happens(0.35):
            tail = self._phrase("tails")
            text += tail if tail.startswith(",") else f" {tail}"
        return self._end(self._upper(text))

    def _clause(self) -> str:
        (kind,) = self.chooser.choices(list(SUBJECTS), SUBJECT_WEIGHTS)
        is_bare = SUBJECTS[kind] and self._happens(0.5)
        subject = SUBJECTS[kind] if is_bare else self._phrase(kind)
        return f"{subject} {self._phrase(f'of_{kind}')}"

    def fill(self, template: str) -> tuple[str, list[dict[str, Any]], Person | None]:
        """The sentence, its spans, and the first person in it that the lexicon has."""
        text, spans, first, done = "", [], None, 0
        for slot in SLOT.finditer(template):
            text += template[done : slot.start()]
            if slot[1] == "PER":
                name, person = self._person()
                first = first or person
            else:
                name = self._word(slot[1])
            if slot[1] in ENTITIES:
                spans.append({"start": len(text), "end": len(text) + len(name), "label": slot[1]})
            text += name
            done = slot.end()
        text += template[done:]
        return text[:-1] if text.endswith("..") else text, spans, first  # `Inc.` ends a sentence too

    def _word(self, slot: str) -> str:
        match slot:
            case "LOC":
                return self._place()
            case "ORG":
                return self._organization()
            case "NUM":
                return str(self.chooser.randint(2, 900))
            case "AGE":
                return str(self.chooser.randint(19, 88))
            case _:
                return self.chooser.choice(self.lists.words[f"{slot.lower()}s"])

    def _person(self) -> tuple[str, Person | None]:
        surname = self._surname()
        if self._happens(0.1):
            return surname, None
        if self._happens(0.08):
            return f"{surname[0]}. {surname}", None
        person = None if self._happens(MADE_UP) else self.chooser.choice(self.lists.people)
        given = self._exchange_names(person.name) if person else self._made("endings_of_given_names")
        return (given if self._happens(0.15) else f"{given} {surname}"), person

    def _surname(self) -> str:
        if self._happens(0.5):
            return self._name("surnames")
        if self._happens(0.1):
            return f"{self._name('surnames')}-{self._name('surnames')}"
        return self._made("endings_of_surnames")

    def _place(self) -> str:
        if self._happens(0.45):
            return self._name("places")
        place = self._made("endings_of_places")
        if self._happens(0.2):
            return f"{self._name('before_places')} {place}"
        return f"{place} {self._name('behind_places')}" if self._happens(0.2) else place

    def _organization(self) -> str:
        form = self.chooser.random()
        if form < 0.1:
            return f"{self._name('bodies')} {self._place()}"
        if form < 0.2:
            return self._name("ministries")
        if form < 0.3:
            return f"{self._surname()} & {self.chooser.choice(('Sons', 'Co.', self._surname()))}"
        if form < 0.4:
            return "".join(self.chooser.choices("ABCDEFGHIKLMNOPRSTUVW", k=self.chooser.randint(3, 4)))
        heads = (
            self._name("firms"),
            self._name("firms"),
            self._surname(),
            self._place(),
            self.chooser.choice(self.lists.stems),
        )
        return f"{self.chooser.choice(heads)} {self._name('endings_of_firms')}"

    def _made(self, endings: str) -> str:
        return self.chooser.choice(self.lists.stems) + self._name(endings)

    def _name(self, kind: str) -> str:
        name = self.chooser.choice(self.lists.names[kind])
        return name if kind.startswith(SIGNS) else self._exchange_names(name)

    def _phrase(self, kind: str) -> str:
        phrase = self.chooser.choice(self.lists.clauses[kind])
        return WORD.sub(self._exchange_word, phrase) if self.made_up else phrase

    def _exchange_word(self, word: re.Match[str]) -> str:
        if not self._happens(self.made_up):
            return word[0]
        return self.chooser.choice(self.lists.stems).lower() + self.chooser.choice(ENDINGS_OF_WORDS)

    def _exchange_names(self, name: str) -> str:
        return NAME.sub(self._exchange_name, name) if self.made_up else name

    def _exchange_name(self, name: re.Match[str]) -> str:
        if not self._happens(self.made_up):
            return name[0]
        return self.chooser.choice(self.lists.stems) + self.chooser.choice(ENDINGS_OF_NAMES)

    def _happens(self, share: float) -> bool:
        return self.chooser.random() < share

    @staticmethod
    def _upper(text: str) -> str:
        return text[0].upper() + text[1:]

    @staticmethod
    def _end(text: str) -> str:
        return f"{text.removesuffix(',')}."


def main() -> None:
    """Write the file."""
    rows = list(make_rows(read_lists(held_out=True), ROWS, SEED, of_a_template=ROWS_OF_A_TEMPLATE))
    kind = pa.schema(
        [("id", pa.string()), ("text", pa.string()), ("spans", pa.list_(SPAN))]
        + [(name, pa.string()) for name in ("template", "origin", "gender")]
    )
    pq.write_table(pa.Table.from_pylist(rows, kind), OUT, compression="zstd")
    print(f"{OUT.name}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
