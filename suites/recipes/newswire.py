"""Make `suites/data/newswire.parquet`: sentences as of a newswire, with the persons, places and organizations in them marked.

    python suites/recipes/newswire.py

Every sentence is a template with names in it. A third of the names of each list, and of the templates, are held out: the file has
held-out templates with held-out names alone, and `tagger.py` trains on the others.
"""

# ruff: noqa: S311
# Names are drawn by a seed, and need no secret.

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
OUT = ROOT / "suites" / "data" / "newswire.parquet"
LEXICONS = ROOT / "plugins" / "mqa_fairness" / "lexicons"
SEED = 7
ROWS = 1500
SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
SLOT = re.compile(r"\{(PER|LOC|ORG)\}")


def _words(text: str) -> list[str]:
    return text.split()


SURNAMES = _words(
    "Adler Bakker Castellan Dorsey Eklund Ferrante Granger Holloway Iverson Jarvis Kowal Lindqvist Marchetti Novak Okoye Petersen "
    "Quayle Rasmussen Santoro Tanaka Ullman Varga Whitlock Xu Yilmaz Zielinski Abara Brandt Chowdhury Delgado Espinoza Fofana "
    "Gruber Haddad Ito Jansen Kaur Laurent Mbeki Nakamura"
)
CITIES = _words(
    "Aarhus Bergen Cardiff Dakar Essen Florence Geneva Houston Izmir Jakarta Kyoto Lagos Madrid Nairobi Oslo Porto Quito Riga "
    "Seville Tallinn Utrecht Valencia Warsaw Yangon Zagreb Accra Bilbao Cusco Dublin Ghent Hanoi Krakow Lima Malmo Nantes Osaka"
)
COUNTRIES = _words(
    "Argentina Belgium Canada Denmark Egypt Finland Ghana Hungary Iceland Japan Kenya Latvia Mexico Norway Oman Portugal Qatar "
    "Romania Sweden Tunisia Uruguay Vietnam Zambia Chile"
)
FIRMS = _words(
    "Alderbrook Bluefin Cobaltine Drumlin Evergale Fenwick Glasshouse Highmoor Inkwell Juniper Kestrel Lodestar Millrace Northwind "
    "Oakhurst Pinnacle Quarrystone Redwood Silverline Thornfield Umbra Vantage Westmark Yellowtail"
)
ENDINGS = (
    "Bank", "Group", "Industries", "Airlines", "Motors", "Energy", "Foods", "University", "Institute", "Insurance", "Press",
    "Holdings",
)  # fmt: skip
TEMPLATES = (
    "{PER} joined {ORG} in May.",
    "{ORG} said on Monday that {PER} would leave its board.",
    "The mayor of {LOC}, {PER}, opened the new bridge.",
    "{PER} was born in {LOC} and studied there for six years.",
    "Shares of {ORG} fell after the report from {LOC}.",
    "According to {PER}, the talks in {LOC} will go on until Friday.",
    "{ORG} and {ORG} plan a joint office in {LOC}.",
    "Heavy rain closed the roads between {LOC} and {LOC} this week.",
    "A spokesman for {ORG} declined to comment.",
    "{PER} and {PER} met for the first time at a fair in {LOC}.",
    "Most of the workers at {ORG} live outside {LOC}.",
    '"We are not for sale," said {PER}, who founded {ORG} ten years ago.',
    "The court in {LOC} ruled in favour of {PER} on Tuesday.",
    "Nothing of the kind was found in March.",
    "The price of wheat rose for the third week in a row.",
    "{LOC} will hold its election in June.",
    "Prof. {PER} of {ORG} called the result a surprise.",
    "Trains from {LOC} were late, and {ORG} blamed the snow.",
    "{PER} scored twice as {LOC} won the final.",
    "In April {ORG} hired {PER} away from {ORG}.",
    "Neither {PER} nor {PER} would say who had paid for the trip to {LOC}.",
    "{ORG}, based in {LOC}, makes paper and ink.",
    "Farmers near {LOC} fear for the harvest.",
    "The book by {PER} was printed by {ORG}.",
    "Visitors to {LOC} paid more for their rooms than last year.",
    "On Sunday {PER} will speak at {ORG}.",
    "The police in {LOC} are looking for a man who calls himself {PER}.",
    "After the merger with {ORG}, the plant in {LOC} will close.",
    "The weather will stay dry until the weekend.",
    "{PER}, 41, has run the office in {LOC} since January.",
    "{LOC} and {LOC} signed the treaty, which {PER} had drafted.",
    "{ORG} lent {PER} the money.",
    "Experts from {LOC} praised the plan of {ORG}.",
    "Few people knew that {PER} owned half of {ORG}.",
    "The flight to {LOC} left without {PER}.",
    "All shops stayed shut on Thursday.",
)


@dataclass(frozen=True)
class Person:
    """A given name with the origin and gender that the lexicon has for it."""

    name: str
    origin: str
    gender: str


@dataclass(frozen=True)
class Names:
    """What the slots of templates are filled with."""

    people: Sequence[Person]
    surnames: Sequence[str]
    places: Sequence[str]
    firms: Sequence[str]


def split(*, held_out: bool) -> tuple[list[str], Names]:
    """The templates and names of the file where they are held out, else those to train on."""
    lexicon = tomllib.loads((LEXICONS / "names.toml").read_text("utf-8"))
    people = [
        Person(name, origin, gender) for origin, by in lexicon.items() for gender, names in by.items() for name in names
    ]

    def part(values: Sequence[Any]) -> list[Any]:
        return [value for number, value in enumerate(values) if (number % 3 == 2) == held_out]

    return part(TEMPLATES), Names(part(people), part(SURNAMES), part([*CITIES, *COUNTRIES]), part(FIRMS))


def make_rows(templates: Sequence[str], names: Names, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Sentences with their spans, drawn by the seed; `origin` and `gender` are those of the first person in them."""
    chooser = random.Random(seed)
    for number in range(count):
        template = templates[number % len(templates)]
        text, spans, first = _fill(template, names, chooser)
        yield {
            "id": f"{number:05}",
            "text": text,
            "spans": spans,
            "template": f"{templates.index(template):02}",
            "origin": first.origin if first else None,
            "gender": first.gender if first else None,
        }


def _fill(template: str, names: Names, chooser: random.Random) -> tuple[str, list[dict[str, Any]], Person | None]:
    text, spans, first, done = "", [], None, 0
    for slot in SLOT.finditer(template):
        text += template[done : slot.start()]
        if slot[1] == "PER":
            person = chooser.choice(names.people)
            first = first or person
            name = f"{person.name} {chooser.choice(names.surnames)}" if chooser.random() < 0.7 else person.name
        elif slot[1] == "LOC":
            name = chooser.choice(names.places)
        else:
            name = chooser.choice(names.firms) + (f" {chooser.choice(ENDINGS)}" if chooser.random() < 0.8 else "")
        spans.append({"start": len(text), "end": len(text) + len(name), "label": slot[1]})
        text += name
        done = slot.end()
    return text + template[done:], spans, first


def main() -> None:
    """Write the file."""
    rows = list(make_rows(*split(held_out=True), ROWS, SEED))
    kind = pa.schema(
        [("id", pa.string()), ("text", pa.string()), ("spans", pa.list_(SPAN))]
        + [(name, pa.string()) for name in ("template", "origin", "gender")]
    )
    pq.write_table(pa.Table.from_pylist(rows, kind), OUT, compression="zstd")
    print(f"{OUT.name}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
