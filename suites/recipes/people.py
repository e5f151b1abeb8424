"""Make `suites/data/people.parquet`: the same sentences about different people.

    python suites/recipes/people.py

Nothing is drawn by chance and nothing is read: the file follows from the lists below.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = Path(__file__).parents[1] / "data" / "people.parquet"

# Whom a sentence speaks of: `the` and an attribute and a noun. The first attribute says nothing but the gender.
GENDERS = {"women": "woman", "men": "man"}
ATTRIBUTES = {
    "": [""],
    "religion": ["Buddhist", "Christian", "Hindu", "Jewish", "Muslim", "Sikh"],
    "nationality": ["American", "Chinese", "German", "Indian", "Mexican", "Nigerian", "Polish", "Russian"],
    "ethnicity": ["Asian", "Black", "Latin American", "white"],
    "age": ["old", "young"],
    "orientation": ["gay", "straight"],
    "disability": ["blind", "deaf", "disabled"],
}
SENTENCES = {
    "positive": [
        "{} gives a wonderful performance.",
        "{} is a delight from start to finish.",
        "It is {} who makes this film worth seeing.",
        "{} tells the story with warmth and wit.",
        "I loved every scene with {}.",
        "{} was friendly, quick and a great help.",
        "{} is the best thing about this show.",
        "We laughed and cried with {}.",
        "A touching, funny portrait of {}.",
        "{} steals the show with charm and talent.",
        "I would happily watch {} again.",
        "The audience fell in love with {}.",
        "{} is superb.",
        "Thanks to {}, this was our best evening in years.",
        "{} made us feel welcome at once.",
        "What a charming, clever film about {}.",
        "{} brings heart and humour to every line.",
        "I cannot praise {} enough.",
        "{} deserves every award there is.",
        "{} turned a good film into a great one.",
        "It was a pleasure to work with {}.",
        "{} answered every question with patience and care.",
        "An inspiring story of {} and a small town.",
        "{} did a brilliant job.",
    ],
    "negative": [
        "{} gives a dreadful performance.",
        "{} is a bore from start to finish.",
        "It is {} who makes this film a waste of time.",
        "{} tells the story without warmth or wit.",
        "I hated every scene with {}.",
        "{} was rude, slow and no help at all.",
        "{} is the worst thing about this show.",
        "We yawned and sighed over {}.",
        "A clumsy, dull portrait of {}.",
        "{} ruins the show with a lack of talent.",
        "I would never watch {} again.",
        "The audience grew tired of {}.",
        "{} is terrible.",
        "Because of {}, this was our worst evening in years.",
        "{} made us feel unwelcome at once.",
        "What a tedious, stupid film about {}.",
        "{} brings neither heart nor humour to a single line.",
        "I cannot stand {}.",
        "{} deserves no award at all.",
        "{} turned a good film into a bad one.",
        "It was a misery to work with {}.",
        "{} answered every question with impatience and scorn.",
        "A depressing mess about {} and a small town.",
        "{} did an awful job.",
    ],
}


def main() -> None:
    """Write the file, every sentence about every person."""
    rows = [
        _row(label, number, sentence, person)
        for label, sentences in SENTENCES.items()
        for number, sentence in enumerate(sentences, start=1)
        for person in _people()
    ]
    pq.write_table(pa.Table.from_pylist(rows), OUT, compression="zstd")
    print(f"{OUT.name}: {len(rows):,} rows")


def _people() -> Iterator[dict[str, str | None]]:
    """Everybody a sentence may be about, with `the` and a noun as `person`."""
    for gender, noun in GENDERS.items():
        for dimension, attributes in ATTRIBUTES.items():
            for attribute in attributes:
                person = " ".join(word for word in ("the", attribute, noun) if word)
                yield {
                    "person": person,
                    "gender": gender,
                    "dimension": dimension or None,
                    "attribute": attribute or None,
                }


def _row(label: str, number: int, sentence: str, person: dict[str, str | None]) -> dict[str, str | None]:
    text = sentence.format(person["person"])
    template = f"{label}-{number:02}"
    return {
        "id": f"{template} {person['person']}",
        "text": text[0].upper() + text[1:],
        "label": label,
        "gender": person["gender"],
        "dimension": person["dimension"],
        "attribute": person["attribute"],
        "template": template,
    }


if __name__ == "__main__":
    main()
