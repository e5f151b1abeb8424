"""Make the sentiment data set from the human ratings that come with VADER."""

# ruff: noqa: S311
# Drawing rows needs no secret.

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from overlap import normal
from packages import open_packages, read_tar

SEED = 7
ROWS_PER_DOMAIN = 1050
# Ratings run from -4 to 4; nearer to zero than this the sign says little.
LEAST_VALENCE = 0.5
PACKAGE = "vaderSentiment"
ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
SOURCES = {
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "movies": "movieReviewSnippets_GroundTruth.txt",
}
TARGET = Path(__file__).parents[1] / "data" / "sentiment.parquet"


@dataclass(frozen=True)
class Row:
    """One rated text."""

    id: str
    text: str
    label: str
    domain: str


def parse(content: bytes, domain: str) -> list[Row]:
    """Read the clearly rated texts of one file; the id is the line number in that file."""
    rows = []
    for number, line in enumerate(content.decode("utf-8").split("\r\n"), start=1):
        if line:
            _, valence, text = line.split("\t")
            if abs(float(valence)) >= LEAST_VALENCE:
                label = "positive" if float(valence) > 0 else "negative"
                rows.append(Row(f"{domain}-{number:04d}", text, label, domain))
    return rows


def distinct(rows: list[Row]) -> list[Row]:
    """Keep the first row of each text, however it is cased or spaced; drop bare punctuation."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(normal(row.text), row)
    first.pop("", None)
    return list(first.values())


def read_rows(sdist: Path) -> list[Row]:
    """Read every clearly rated text of the sdist once."""
    ratings = read_tar(sdist, ARCHIVE)
    files = {domain: read_tar(ratings, f"hutto_ICWSM_2014/{name}") for domain, name in SOURCES.items()}
    return distinct([row for domain, content in files.items() for row in parse(content, domain)])


def sample(rows: list[Row]) -> list[Row]:
    """Draw the same number of rows from each domain, in the order of the sources."""
    chooser = random.Random(SEED)
    chosen = []
    for domain in SOURCES:
        of_domain = [row for row in rows if row.domain == domain]
        places = sorted(chooser.sample(range(len(of_domain)), ROWS_PER_DOMAIN))
        chosen += [of_domain[place] for place in places]
    return chosen


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as Parquet."""
    names = ("id", "text", "label", "domain")
    table = pa.table({name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in names})
    pq.write_table(table, path, compression="zstd", use_dictionary=["label", "domain"])


def main() -> None:
    """Make the file and print what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="folder with the packages already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the file to write")
    arguments = parser.parse_args()
    with open_packages([PACKAGE], arguments.packages) as archives:
        rows = sample(read_rows(archives[PACKAGE]))
    write(rows, arguments.out)
    for (domain, label), count in sorted(Counter((row.domain, row.label) for row in rows).items()):
        print(f"{domain:7} {label:9} {count:5}")


if __name__ == "__main__":
    main()
