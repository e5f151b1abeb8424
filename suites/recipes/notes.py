"""Make `suites/data/notes.parquet`: short notes on a meeting, a question on each, and where its answer stands, if it does.

    python suites/recipes/notes.py

A note is made of sentences that each name one thing: a person, a place, a firm, a day or a price. A question asks for one of them,
and in every fifth row for one that the note does not name. A third of the sentences, questions and names are held out: the file has
those alone, and `reader.py` trains on the others.
"""

# ruff: noqa: S311
# Names are drawn by a seed, and need no secret.

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import newswire
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newswire import Person

OUT = Path(__file__).parents[1] / "data" / "notes.parquet"
SEED = 7
ROWS = 1500
UNANSWERED = 5  # every so manieth question has no answer in its note
FACTS = (2, 4)  # fewest and most sentences that name something
NAMES = {"surnames": 40, "places": 60, "firms": 24}  # the first so many of a list of `newswire.toml`: one word each
ENDINGS = 12  # of firms, likewise
ANSWERS = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])

# Each sentence names one thing.
SENTENCES = {
    "person": (
        "{} will open the meeting.", "The minutes are taken by {}.", "Please send your slides to {}.",
        "{} has booked the room.", "Our thanks go to {} for the cakes.", "The keys are with {}.",
        "The first talk is given by {}.", "{} will be late.", "Call {} if the door is shut.",
    ),
    "place": (
        "We meet in {} this time.", "The venue is a small hotel in {}.", "All trains to {} stop nearby.",
        "Rooms are reserved in {} for two nights.", "From {} it is an hour by bus.", "The hall in {} has no lift.",
        "It will be cold in {} by then.", "Nobody has been to {} before.", "The tour of {} begins after lunch.",
    ),
    "firm": (
        "Lunch is paid for by {}.", "{} has sent two guests.", "The coffee is a gift of {}.",
        "The lights were lent by {}.", "Two engineers of {} have signed up.", "{} will print the posters.",
        "The last offer came from {}.", "A stand of {} is at the entrance.", "We share the hall with {}.",
    ),
    "day": (
        "It begins on {} at nine.", "The doors open on {}.", "Sign up before {}, please.",
        "The rooms are ours until {}.", "Everything ends on {} at noon.", "The list is closed on {}.",
        "The bus leaves on {} at six.", "Nothing is planned for {}.", "We set up on {} in the evening.",
    ),
    "price": (
        "The fee is {}.", "Each ticket costs {}.", "Parking is {} a night.",
        "A room costs {} with breakfast.", "Lunch is {} for guests.", "You pay {} at the door.",
        "The trip back is {}.", "Students pay {} in all.", "The dinner costs {} a head.",
    ),
}  # fmt: skip
FILLERS = (
    "Bring warm clothes.", "There is no dress code.", "Dogs may come along.", "The programme is not final yet.",
    "Nobody has to stay until the end.", "Tea and water are free.",
)  # fmt: skip
QUESTIONS = {
    "person": (
        "Who is it?", "Who is named in the note?", "Which person does the note name?", "Who is mentioned?",
        "Whose name is given?", "Which person is it?", "Who is the person?", "What is the name of the person?",
        "Which person is mentioned here?",
    ),
    "place": (
        "Where is it?", "Which city or country is named?", "Which place does the note name?", "Where is this?",
        "What is the name of the place?", "Which place is it?", "In which city or country is it?", "Which place is mentioned?",
        "Where does it take us?",
    ),
    "firm": (
        "Which company is it?", "Which firm is named?", "What is the name of the company?", "Which company does the note name?",
        "Which firm is mentioned?", "What company is this?", "Which firm is it?", "What is the firm called?",
        "Which company is mentioned?",
    ),
    "day": (
        "When is it?", "On which day is it?", "Which date is given?", "What is the date?", "When does it happen?",
        "On which date is this?", "What day is named?", "When is that?", "Which day is given?",
    ),
    "price": (
        "How much is it?", "What does it cost?", "How much does one pay?", "What is the price?", "Which price is named?",
        "How much does it cost?", "How much money is it?", "What price is given?", "How much is that?",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Material:
    """What notes and questions are made of; `names` are those of one list each, without given names."""

    sentences: dict[str, list[str]]
    questions: dict[str, list[str]]
    fillers: list[str]
    people: Sequence[Person]
    names: Mapping[str, Sequence[str]]


def split(*, held_out: bool) -> Material:
    """What the file is made of where it is held out, else what to train on."""

    def part(values: Sequence[str]) -> list[str]:
        return newswire.select_part(values, held_out=held_out)

    sentences, questions = ({kind: part(values) for kind, values in table.items()} for table in (SENTENCES, QUESTIONS))
    lists = tomllib.loads(newswire.LISTS.read_text("utf-8"))
    names = {name: part(lists["names"][name][:count]) for name, count in NAMES.items()}
    names |= {"endings": lists["names"]["endings_of_firms"][:ENDINGS], "months": lists["words"]["months"]}
    return Material(sentences, questions, part(FILLERS), newswire.read_people(held_out=held_out), names)


def make_rows(material: Material, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Notes with a question each, drawn by the seed; `origin` and `gender` are those of the person in the note."""
    chooser = random.Random(seed)
    kinds = list(SENTENCES)
    for number in range(count):
        has_answer = number % UNANSWERED != UNANSWERED - 1
        there = chooser.sample(kinds, chooser.randint(*FACTS))
        asked = chooser.choice(there if has_answer else [kind for kind in kinds if kind not in there])
        context, found, person = _write_note(material, there, chooser)
        question = chooser.choice(material.questions[asked])
        starts = [context.index(found[asked])] if has_answer else []
        yield {
            "id": f"{number:05}",
            "question": question,
            "context": context,
            "answers": {"text": [found[asked]] if has_answer else [], "answer_start": starts},
            "kind": asked,
            "origin": person.origin if person else None,
            "gender": person.gender if person else None,
        }


def _write_note(
    material: Material, kinds: Sequence[str], chooser: random.Random
) -> tuple[str, dict[str, str], Person | None]:
    """A note that names one thing of each kind, what it names, and the person."""
    person = chooser.choice(material.people) if "person" in kinds else None
    found = {kind: _draw(kind, material.names, person, chooser) for kind in kinds}
    sentences = [chooser.choice(material.sentences[kind]).format(found[kind]) for kind in kinds]
    sentences += [chooser.choice(material.fillers)]
    chooser.shuffle(sentences)
    return " ".join(sentences), found, person


def _draw(kind: str, names: Mapping[str, Sequence[str]], person: Person | None, chooser: random.Random) -> str:
    if person is not None and kind == "person":
        return f"{person.name} {chooser.choice(names['surnames'])}"
    if kind == "place":
        return chooser.choice(names["places"])
    if kind == "firm":
        return f"{chooser.choice(names['firms'])} {chooser.choice(names['endings'])}"
    if kind == "day":
        return f"{chooser.randint(1, 28)} {chooser.choice(names['months'])}"
    return f"{chooser.randint(3, 95)} {chooser.choice(['euros', 'pounds', 'dollars'])}"


def main() -> None:
    """Write the file."""
    rows = list(make_rows(split(held_out=True), ROWS, SEED))
    kind = pa.schema(
        [(name, pa.string()) for name in ("id", "question", "context")]
        + [("answers", ANSWERS)]
        + [(name, pa.string()) for name in ("kind", "origin", "gender")]
    )
    pq.write_table(pa.Table.from_pylist(rows, kind), OUT, compression="zstd")
    print(f"{OUT.name}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
