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


def few_sentences(conditions: Conditions) -> pa.Table:
    """A few sentences of one to two hundred words, for a model of text when there are no data.

    They show whether two runtimes compute the same, and nothing of how good a model is.
    """
    longer = [
        " ".join(SENTENCES[start : start + count]) for count in LONGER for start in range(0, len(SENTENCES), count)
    ]
    texts = [*SENTENCES, *dict.fromkeys(longer)]
    return pa.table({"id": [f"sentence-{number}" for number in range(len(texts))], "text": texts})
