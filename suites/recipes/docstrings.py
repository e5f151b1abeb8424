"""The data of `retrieval.toml`: names of functions as queries, and the first sentences of docstrings, which tell what they do.

Both are read from the source code of this repository, which is parsed and never run. A query is a name with spaces in place of
underscores; the one docstring that is relevant to it is that of its function.
"""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDERS = ("mqa_registry", "plugins")
OUT = ROOT / "suites" / "data"
SEED, ROWS = 7, 600
LENGTHS = range(40, 300)  # characters of a sentence: shorter ones say little
MIN_WORDS = 2  # of a name: one word is too little of a query
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def read_functions(root: Path) -> Iterator[tuple[str, str]]:
    """The name and the first sentence of the docstring of every public function, in the order of files and lines."""
    for file in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, FUNCTIONS) and not node.name.startswith("_") and (text := ast.get_docstring(node)):
                yield node.name, take_sentence(text)


def take_sentence(docstring: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = " ".join(docstring.split("\n\n", maxsplit=1)[0].split())
    return re.split(r"(?<=[.;]) (?=[A-Z])", paragraph)[0]


def choose(functions: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Functions of distinct names and sentences, chosen by the seed."""
    by_name: dict[str, str] = {}
    sentences: set[str] = set()
    for name, sentence in functions:
        if len(sentence) in LENGTHS and len(name.split("_")) >= MIN_WORDS and sentence not in sentences:
            if name not in by_name:
                sentences.add(sentence)
            by_name.setdefault(name, sentence)
    pairs = list(by_name.items())
    chosen = np.random.default_rng(SEED).choice(len(pairs), size=ROWS, replace=False)
    return [pairs[row] for row in sorted(chosen)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="where the two files go")
    folder = parser.parse_args().out
    pairs = choose(read_functions(ROOT))
    ids = [f"d{number}" for number in range(len(pairs))]
    sentences = pa.table({"id": ids, "text": [sentence for _, sentence in pairs]})
    queries = pa.table(
        {
            "id": [f"q{number}" for number in range(len(pairs))],
            "text": [name.replace("_", " ") for name, _ in pairs],
            "relevant": [[name] for name in ids],
        }
    )
    for name, table in (("docstrings", sentences), ("function-names", queries)):
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


if __name__ == "__main__":
    main()
