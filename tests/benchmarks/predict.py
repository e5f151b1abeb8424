"""How fast mqa predicts, beside the floor and beside the script a user would write.

    python -m tests.benchmarks.predict [--rows N] [--rounds N] [--part PART]

Prints ratios measured in one run: the parts are timed in turn, round by round, and the median ratio is given with the
smallest and the largest. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

HERE = Path(__file__).parent
SUITES = HERE.parents[1] / "suites"
MODEL = SUITES / "models" / "reviews-minilm"
DATA = SUITES / "data" / "sentiment.parquet"
TOKENS = (10, 256)  # of the mixed-length rows


@dataclass(frozen=True)
class Work:
    """One plan: a suite file, the texts of each of its views, and the distinct texts among them."""

    name: str
    suite: Path
    views: Path
    distinct: Path
    store: Path
    onnx: Path


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=400, help="rows of the data set in each plan")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--part", choices=(*PLANS, "around"), help="measure this part alone")
    asked = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {asked.rows} rows\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in PLANS.items():
            if asked.part not in (None, name):
                continue
            place = Path(folder) / name
            place.mkdir()
            work = prepared(name, make(place, asked.rows), place)
            print("\n".join(compared(work, asked.rounds)), flush=True)
    if asked.part in (None, "around"):
        print("\n".join(around(asked.rounds)))


def nlp_suite(folder: Path, rows: int) -> Path:
    """The demo suite on some of its rows."""
    text = (SUITES / "nlp.toml").read_text()
    text = text.replace('"models/', f'"{SUITES}/models/').replace('"data/', f'"{SUITES}/data/')
    path = folder / "suite.toml"
    path.write_text(text.replace('use = "datasets/file"', f'use = "datasets/file"\nsample = {rows}', 1))
    return path


def mixed_suite(folder: Path, rows: int) -> Path:
    """Rows of 10 to 256 tokens, as long as real texts are: many short ones and few long ones."""
    rng = np.random.default_rng(7)
    return long_and_short(folder, np.exp(rng.uniform(math.log(TOKENS[0]), math.log(TOKENS[1]), size=rows)).round(), rng)


def even_suite(folder: Path, rows: int) -> Path:
    """Rows of 10 to 256 tokens, every length as often."""
    rng = np.random.default_rng(7)
    return long_and_short(folder, rng.integers(*TOKENS, size=rows, endpoint=True), rng)


def long_and_short(folder: Path, lengths: npt.NDArray[Any], rng: np.random.Generator) -> Path:
    """Rows of these numbers of tokens, put together from the demo sentences, as they are and perturbed."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    sentences = pq.read_table(DATA).column("text").to_pylist()
    rows = len(lengths)
    texts = []
    for length in lengths:
        words = " ".join(rng.choice(sentences, 40)).split()
        ids = tokenizer(" ".join(words), truncation=True, max_length=int(length))["input_ids"]
        texts.append(tokenizer.decode(ids, skip_special_tokens=True))
    labels = ["positive", "negative"] * (rows // 2 + 1)
    pq.write_table(pa.table({"text": texts, "label": labels[:rows]}), folder / "mixed.parquet")
    path = folder / "suite.toml"
    path.write_text(f"""
format = 1
name = "mixed"
seed = 7
[model]
use = "transformers/auto"
id = "{MODEL}"
task = "text-classification"
[data.mixed]
use = "datasets/file"
path = "mixed.parquet"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
[[check]]
measure = "metrics/accuracy"
expect = {{ min = 0.1 }}
[[check]]
measure = "metrics/accuracy"
perturb = {{ use = "robustness/typos", rate = 0.1 }}
expect = {{ max_drop = 0.9 }}
[[check]]
measure = "metrics/accuracy"
perturb = "robustness/upper-case"
expect = {{ max_drop = 0.9 }}
[[check]]
measure = "metrics/accuracy"
perturb = "robustness/extra-space"
expect = {{ max_drop = 0.9 }}
""")
    return path


PLANS = {"nlp": nlp_suite, "mixed-length": mixed_suite, "even-length": even_suite}


def prepared(name: str, suite: Path, folder: Path) -> Work:
    """The plan's texts for the others to predict, and the ONNX file that mqa exported."""
    from transformers import AutoTokenizer

    store = folder / "store"
    mqa_run(suite, store, "--limit", "2")
    rows = folder / "rows"
    subprocess.run([sys.executable, "-m", "mqa_registry.cli", "rows", str(suite), "--out", str(rows)], check=True,
                   capture_output=True)  # fmt: skip
    views = [pq.read_table(path).column("text").to_pylist() for path in sorted(rows.glob("*.parquet"))]
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    texts = [text for view in views for text in view]
    ids = tokenizer(texts, truncation=True)["input_ids"]
    distinct = list({tuple(row): text for row, text in zip(ids, texts, strict=True)}.values())
    (folder / "views.json").write_text(json.dumps(views))
    (folder / "distinct.json").write_text(json.dumps(distinct))
    onnx = next((store / "exports").rglob("*.onnx"))
    print(
        f"{name} plan: {len(views)} views of {len(views[0]):,} rows, {len(distinct):,} of {len(texts):,} rows distinct"
    )
    return Work(name, suite, folder / "views.json", folder / "distinct.json", store, onnx)


def compared(work: Work, rounds: int) -> Iterator[str]:
    """Lines of ratios: mqa by the floor, the user's script by mqa."""
    floor: list[float] = []
    ours: list[float] = []
    script: list[float] = []
    best: dict[str, list[int]] = {"torch": [], "onnx": []}  # the floor's batch sizes, found in the first round
    for _ in range(rounds):
        parts = [told("floor.py", name, MODEL, work.distinct, work.onnx, *best[name]) for name in best]
        best = {name: [part["batch_size"]] for name, part in zip(best, parts, strict=True)}
        floor.append(sum(part["seconds"] for part in parts))
        ours.append(predicting(work))
        parts = [told("script.py", MODEL, work.views, work.onnx)]
        script.append(parts[0]["torch"] + parts[0]["onnx"])
    yield f"  floor, in batches of {best['torch'][0]} and {best['onnx'][0]}:  {statistics.median(floor):.1f} s"
    yield f"  mqa / floor:        {spread(ours, floor)}"
    yield f"  script / mqa:       {spread(script, ours)}"
    yield ""


def told(script: str, *arguments: Any) -> dict[str, Any]:
    """What a script of its own process printed."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def predicting(work: Work) -> float:
    """Seconds that mqa takes for the whole plan, from reading the data to the last stored row, less loading the models."""
    return float(told("ours.py", work.suite, work.store)["seconds"])


def spread(above: list[float], below: list[float]) -> str:
    """The median ratio of paired figures, with the smallest and the largest."""
    ratios = [one / two for one, two in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"


def around(rounds: int) -> Iterator[str]:
    """What surrounds predicting: the second run, the start, and the memory of a million replayed rows."""
    suite, store = SUITES / "nlp.toml", SUITES / ".mqa"
    mqa_run(suite, store)
    seconds: dict[str, list[float]] = {"again": [], "validate": []}
    for _ in range(rounds + 2):
        seconds["again"].append(timed(lambda: mqa_run(suite, store)))
        seconds["validate"].append(timed(lambda: mqa("validate", str(suite))))
    yield f"second run of the demo suite / mqa validate:  {spread(seconds['again'], seconds['validate'])}"
    loaded = modules("run", str(suite), "--store", str(store), "-q")
    heavy = sorted(loaded & {"torch", "transformers", "datasets", "onnxruntime", "sklearn", "scipy.stats"})
    yield f"  it imports of the model libraries: {heavy or 'none'}"
    yield f"modules loaded by mqa --help:  {len(modules('--help'))}"
    yield f"1,000,000 replayed rows, largest memory:  {replay_memory():.0f} MB"


def mqa(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mqa_registry.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def mqa_run(suite: Path, store: Path, *more: str) -> None:
    done = mqa("run", str(suite), "--store", str(store), "-q", *more)
    assert done.returncode in (0, 1, 3, 4), done.stderr


def timed(step: Callable[[], Any]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def modules(*arguments: str) -> set[str]:
    code = (
        "import atexit, sys\nfrom mqa_registry.cli import main\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        f"sys.argv = ['mqa', *{list(arguments)!r}]\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def replay_memory() -> float:
    """Megabytes at most while a million rows are replayed and judged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(7)
        rows = 1_000_000
        ids = [f"row-{number}" for number in range(rows)]
        words = np.array(["fine", "poor", "good", "bad"])[rng.integers(4, size=(rows, 3))]
        labels = np.array(["negative", "positive"])[rng.integers(2, size=rows)]
        texts = [" ".join(row) for row in words.tolist()]
        pq.write_table(pa.table({"id": ids, "text": texts, "label": labels}), folder / "rows.parquet")
        answers = np.where(rng.random(rows) < 0.9, labels, "negative")
        pq.write_table(pa.table({"id": ids, "label": answers}), folder / "answers.parquet")
        suite = folder / "suite.toml"
        suite.write_text("""
format = 1
name = "replayed"
[data.rows]
use = "datasets/file"
path = "rows.parquet"
[backends.edge]
use = "replay/file"
path = "answers.parquet"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.9 }
""")
        return float(told("ours.py", "--memory", suite, folder / "store")["megabytes"])


if __name__ == "__main__":
    main()
