"""Rows for whoever brings none: a few sentences, short and long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from mqa_registry import Conditions

# Written for this file. Between them they have what tokenizers take apart: numbers, marks, capitals, other scripts.
SENTENCES = (
    "Yes.",
    "No, thank you!",
    "The train to Oslo leaves at 7:45 from platform 3.",
    "She said that the second half was better, and nobody disagreed.",
    "Why would anyone pay $12.50 for a cold sandwich?",
    "It's raining cats & dogs; we're staying at home :-)",
    "Der Zug hält nicht in Köln, aber in Düsseldorf.",
    "東京は今日も雨です。",
    "HTTP/2 multiplexes streams over one connection (see RFC 9113).",
    "A quiet film about loud people, and the only one this year that I would watch twice without being asked.",
    "Mix flour, water and salt, let it stand overnight, fold it three times in the morning, and bake it until it is brown.",
    "Once, long before anybody kept count of the years, a fisherman found a bell on the shore and hung it in his house.",
)
LONGER = (2, 4, 8)  # rows of that many sentences
LONGEST = (16, 32, 64, 128)  # of some; the last have 1,500 words, which most models cut to the longest that they take
EACH = 2  # rows of each of these, so that long ones are run together as well


def few_sentences(conditions: Conditions) -> pa.Table:
    """A few sentences, alone and in rows of up to 1,500 words, for a model of text when there are no data.

    A model cuts rows to the longest that it takes; so there are some of that length, and some of about every half of it.
    They show whether two runtimes compute the same, and nothing of how good a model is.
    """
    starts = {count: range(0, len(SENTENCES), count) for count in LONGER} | {count: range(EACH) for count in LONGEST}
    longer = [" ".join(_from(start, count)) for count, places in starts.items() for start in places]
    texts = [*SENTENCES, *dict.fromkeys(longer)]
    return pa.table({"id": [f"sentence-{number}" for number in range(len(texts))], "text": texts})


def _from(start: int, count: int) -> list[str]:
    """So many sentences from one on; after the last comes the first, but in rows of a few."""
    if count <= max(LONGER):
        return list(SENTENCES[start : start + count])
    return [SENTENCES[(start + place) % len(SENTENCES)] for place in range(count)]
