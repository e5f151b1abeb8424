"""How fast texts are perturbed, compared with the model that has to read them.

    python -m tests.benchmarks.perturb [--rows 100000] [--sample 2000] [--only NAME ...]

Sentences of 20 words through every perturbation of text that needs no options, each at its default, as a run does it: a
generator for each row, the edits applied, the table made again; in rows per second of one core. The second figure is
that time as a share of what the demo model takes for the same rows on all cores, measured in the same run on a sample of
them. A share over a tenth is marked. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mqa_registry import Perturbation
from mqa_registry.execution.row_sets import apply_perturbations
from mqa_registry.observations import PerturbedRows
from mqa_registry.options import contribution_options
from mqa_registry.plugins import load_all
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from tests.benchmarks.predict import DATA, MODEL, told

if TYPE_CHECKING:
    from mqa_registry.contributions import Contribution

WORDS = 20
RARE_WORDS = (
    "\U0001f600",
    "\u2764\ufe0f",
    "caf\u00e9",
    "na\u00efve",
    "don't",
    "1,000",
    "she",
)  # in one sentence of ten
MAX_SHARE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2000, help="rows that the model reads")
    parser.add_argument("--only", nargs="*", help="these perturbations alone")
    given = parser.parse_args()
    texts = sentences(given.rows)
    rows = Rows(pa.table({"id": [str(number) for number in range(len(texts))], "text": texts}), ("text",))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.rows:,} rows")
    model = given.sample / measure_prediction(texts[: given.sample])
    print(f"the demo model reads {model:,.0f} rows/s\n")
    for name, perturbation in load_all().each((Perturbation,)):
        if _takes_text_alone(perturbation) and (not given.only or name in given.only):
            speed, perturbed = measure_speed(Use(name, perturbation), rows)
            over = "   OVER" if model / speed > MAX_SHARE else ""
            print(
                f"{name:<34} {speed:>10,.0f} rows/s   {model / speed:7.4f} of the model's time   "
                f"{perturbed.changed / given.rows:7.2%} changed{over}",
                flush=True,
            )


def _takes_text_alone(one: Contribution) -> bool:
    """Whether it is a perturbation of text that needs no options."""
    text = isinstance(one, Perturbation) and one.modality == "text"
    return text and not any(option.required for option in contribution_options(one))


def sentences(rows: int) -> list[str]:
    """Sentences of words drawn from the demo's, with line breaks, and with an emoji or the like in some."""
    rng = np.random.default_rng(7)
    vocabulary = np.array([word for text in pq.read_table(DATA).column("text").to_pylist() for word in text.split()])
    words = vocabulary[rng.integers(len(vocabulary), size=(rows, WORDS))]
    words[::10, WORDS // 2] = np.array(RARE_WORDS)[rng.integers(len(RARE_WORDS), size=len(words[::10]))]
    breaks = np.where(np.arange(rows) % 10 == 5, "\n", " ")
    return [
        f"{' '.join(one[:10])}{between}{' '.join(one[10:])}"
        for one, between in zip(words.tolist(), breaks, strict=True)
    ]


def measure_speed(use: Use, rows: Rows) -> tuple[float, PerturbedRows]:
    """Rows per second, and the perturbed rows; the first rows, which may load a lexicon, are not counted."""
    apply_perturbations(Rows(rows.table.slice(0, 100), rows.fields), [use], None, 7)
    start = time.perf_counter()
    perturbed = apply_perturbations(rows, [use], None, 7)
    took = time.perf_counter() - start
    assert isinstance(perturbed, PerturbedRows), perturbed.message
    return len(rows) / took, perturbed


def measure_prediction(texts: list[str]) -> float:
    """Seconds that mqa takes to predict some texts by the demo model in PyTorch, without loading it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(pa.table({"text": texts, "label": ["positive"] * len(texts)}), folder / "texts.parquet")
        suite = folder / "suite.toml"
        suite.write_text(f"""
format = 1
name = "texts"
[model]
use = "transformers/auto"
id = "{MODEL}"
task = "text-classification"
[data.texts]
use = "datasets/file"
path = "texts.parquet"
[backends.torch]
use = "transformers/torch"
[[check]]
measure = "metrics/accuracy"
expect = {{ min = 0.1 }}
""")
        return float(told("ours.py", suite, folder / "store")["seconds"])


if __name__ == "__main__":
    main()
