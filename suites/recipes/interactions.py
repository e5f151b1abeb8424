"""Make `suites/data/interactions.parquet`: what 600 made-up users chose, among candidates that they did not.

    python suites/recipes/interactions.py

Users and items are drawn by a seed. An item has a genre, a quality, and a popularity that falls with its rank as Zipf's law
has it; a user has an age group, and a taste in genres that leans towards that of the age group. A user chooses an item with a
probability that grows with its popularity, its quality, the user's taste in its genre, and how well the latent vectors of both
fit. Of what each user chose, the last few are held out: the file has those among candidates that the user did not choose, and
`recommender.py` trains on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

OUT = Path(__file__).parents[1] / "data" / "interactions.parquet"
SEED = 7
USERS, ITEMS = 600, 300
AGES = ("under 25", "25 to 34", "35 to 49", "50 to 64", "65 and over")
GENRES = 8
LATENT = 4  # numbers that say of what else a user likes, and an item has
CHOSEN, HELD_OUT, CANDIDATES = 40, 5, 50  # of each user
ZIPF = 0.8  # how fast popularity falls
HEAD = 0.2  # the share of the most popular items
AUDIENCES = (0.35, 0.55)  # shares of popular items, below and above which a user's choices are niche and mainstream


@dataclass(frozen=True)
class World:
    """Users and items: the age group of each user, the genre of each item, and the chances that a user chooses an item."""

    ages: Ints
    genres: Ints
    chances: Floats


@dataclass(frozen=True)
class Interactions:
    """What every user chose, each of shape (users, items): to train on, and held out."""

    world: World
    training: Ints
    held_out: Ints


def make_world(rng: np.random.Generator) -> World:
    """Users and items, drawn."""
    ages, genres = rng.integers(len(AGES), size=USERS), rng.integers(GENRES, size=ITEMS)
    popularity = -ZIPF * np.log(rng.permutation(ITEMS) + 1.0)
    quality = 0.3 * rng.standard_normal(ITEMS)
    age_tastes = 0.8 * rng.standard_normal((len(AGES), GENRES))
    tastes = age_tastes[ages] + rng.standard_normal((USERS, GENRES))
    users, items = (rng.standard_normal((count, LATENT)) for count in (USERS, ITEMS))
    logits = popularity + quality + tastes[:, genres] + users @ items.T / np.sqrt(LATENT)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return World(ages, genres, chances / chances.sum(axis=1, keepdims=True))


def make_interactions() -> Interactions:
    """What users chose, without choosing anything twice; the last of it is held out."""
    rng = np.random.default_rng(SEED)
    world = make_world(rng)
    chosen = np.stack([rng.choice(ITEMS, CHOSEN, replace=False, p=line) for line in world.chances])
    order = rng.permuted(chosen, axis=1)  # popular items come first in a draw without replacement
    return Interactions(world, order[:, :-HELD_OUT], order[:, -HELD_OUT:])


def name_audiences(training: Ints) -> list[str]:
    """By the share of popular items among a user's choices: niche, diverse or mainstream."""
    counts = np.bincount(training.ravel(), minlength=ITEMS)
    head = np.argsort(-counts, kind="stable")[: round(HEAD * ITEMS)]
    shares = np.isin(training, head).mean(axis=1)
    return [("niche", "diverse", "mainstream")[number] for number in np.searchsorted(AUDIENCES, shares)]


def make_table(interactions: Interactions) -> pa.Table:
    """One row for each user: the candidates in a random order, and which of them were held out."""
    rng = np.random.default_rng(SEED + 1)
    world, rows = interactions.world, []
    audiences = name_audiences(interactions.training)
    for user in range(USERS):
        chosen = np.concatenate([interactions.training[user], interactions.held_out[user]])
        others = np.setdiff1d(np.arange(ITEMS), chosen)
        drawn = rng.choice(others, CANDIDATES - HELD_OUT, replace=False)
        candidates = rng.permutation(np.concatenate([interactions.held_out[user], drawn])).tolist()
        rows.append(
            {
                "id": f"u{user}",
                "user": {"user": user, "age": int(world.ages[user])},
                "item": [{"item": item, "genre": int(world.genres[item])} for item in candidates],
                "member": [f"i{item}" for item in candidates],
                "chosen": [f"i{item}" for item in sorted(interactions.held_out[user].tolist())],
                "age_group": AGES[world.ages[user]],
                "audience": audiences[user],
            }
        )
    kind = pa.schema(
        [
            ("id", pa.string()),
            ("user", pa.struct([("user", pa.int64()), ("age", pa.int64())])),
            ("item", pa.list_(pa.struct([("item", pa.int64()), ("genre", pa.int64())]))),
            ("member", pa.list_(pa.string())),
            ("chosen", pa.list_(pa.string())),
            ("age_group", pa.string()),
            ("audience", pa.string()),
        ]
    )
    return pa.Table.from_pylist(rows, kind)


def main() -> None:
    """Write the file."""
    table = make_table(make_interactions())
    pq.write_table(table, OUT, compression="zstd")
    print(f"{OUT.name}: {len(table):,} users with {CANDIDATES} candidates each, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
