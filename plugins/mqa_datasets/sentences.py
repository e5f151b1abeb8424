"""Sample sentences, short and long, for a model of text without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from mqa_registry import RunContext

# Written for this file. They have what tokenizers split at: numbers, punctuation, capitals, other scripts.
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
SHORT_ROWS = (2, 4, 8)  # sentences in one row; the rows of each length have every sentence once
LONG_ROWS = (16, 32, 64, 128)  # the last have 1,500 words, which most models truncate
ROWS_PER_LENGTH = 2  # of the long ones, so that long rows are run together, too


def sample_sentences(context: RunContext) -> pa.Table:
    """A few sentences, alone and in rows of up to 1,500 words, for a model of text when there are no data.

    A model truncates rows to its limit, so some rows have that length, and others about every half of it. They show
    whether two runtimes compute the same, not how good a model is.
    """
    short = [
        " ".join(SENTENCES[start : start + count]) for count in SHORT_ROWS for start in range(0, len(SENTENCES), count)
    ]
    long = [_repeat_from(start, count) for count in LONG_ROWS for start in range(ROWS_PER_LENGTH)]
    texts = [*SENTENCES, *dict.fromkeys(short + long)]
    return pa.table({"id": [f"sentence-{number}" for number in range(len(texts))], "text": texts})


def _repeat_from(start: int, count: int) -> str:
    """`count` sentences from the one at `start`; after the last comes the first again."""
    return " ".join(SENTENCES[(start + offset) % len(SENTENCES)] for offset in range(count))
