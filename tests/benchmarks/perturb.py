"""How fast texts are perturbed, compared with the model that has to read them, and how much faster on two cores.

    python -m tests.benchmarks.perturb [--rows 100000] [--sample 2000] [--only NAME ...]
    python -m tests.benchmarks.perturb --cores [--rows 2000] [--rounds 3]
    python -m tests.benchmarks.perturb --images [--rows 20] [--only NAME ...]

Sentences of 20 words through every perturbation of text that needs no options, each at its default, as a run does it: a
generator for each row, the edits applied, the table made again; in rows per second of one core. The second figure is
that time as a share of what the demo model takes for the same rows on all cores, measured in the same run on a sample of
them. A share over a tenth is marked.

With `--cores`, the perturbing step of the whole robustness suite, on so many rows of its first data set: its time on one
core by that on two, the start of the workers included, and the share of the work that stays in the process of the run,
which bounds the gain on many cores. Beside it, what the machine's two cores give: how much more two processes do at once
that each do the whole step on one core and share nothing.

With `--images`, so many arrays of 224 x 224 pixels through each corruption of ImageNet-C at severity 3, on one core, and where
`imagecorruptions` is installed, the same by that. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mqa_registry import Perturbation, RunOptions
from mqa_registry.execution import load_rows
from mqa_registry.execution.rows.parallel_perturbation import RowPerturber, WorkerOptions
from mqa_registry.execution.rows.row_sets import PerturbTask, apply_perturbations
from mqa_registry.execution.rows.shards import cut
from mqa_registry.observations import PerturbedRows
from mqa_registry.options import contribution_options
from mqa_registry.plugins import load_all
from mqa_registry.runs.pipeline import make_plan
from mqa_registry.suite import Use, read
from mqa_registry.types import Rows
from tests.benchmarks.predict import DATA, MODEL, SUITES, spread, told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from multiprocessing.synchronize import Barrier
    from types import ModuleType

    from mqa_registry.contributions import Contribution
    from mqa_registry.plan import Plan

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
SIDE = 224  # pixels of an image
SEVERITY = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--cores", action="store_true", help="compare one core with two")
    parser.add_argument("--images", action="store_true", help="perturb images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=2000, help="rows that the model reads")
    parser.add_argument("--only", nargs="*", help="these perturbations alone")
    given = parser.parse_args()
    given.rows = given.rows or (20 if given.images else 2000 if given.cores else 100_000)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.rows:,} rows")
    if given.cores:
        print("\n".join(compare_cores(given.rows, given.rounds)))
        return
    if given.images:
        print("\n".join(compare_images(given.rows, given.only)))
        return
    texts = sentences(given.rows)
    rows = Rows(pa.table({"id": [str(number) for number in range(len(texts))], "text": texts}), ("text",))
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


def compare_cores(rows: int, rounds: int) -> Iterator[str]:
    """Lines of figures: the perturbing step of the robustness suite on one core by that on two."""
    step = PerturbingStep.of(rows)
    times: dict[int, list[float]] = {1: [], 2: []}
    own: list[float] = []
    apart: list[float] = []
    for _ in range(rounds):
        for cores, seconds in times.items():
            used = time.process_time()
            seconds.append(step.run(cores))
            own.append(time.process_time() - used)
        apart.append(run_apart(rows))
    yield f"{step.copies:,} perturbed rows, {statistics.median(times[1]):.1f} s on one core"
    yield f"  one core / two cores:  {spread(times[1], times[2])}"
    yield f"  two processes that share nothing do, of what one does:  {spread([2 * one for one in times[1]], apart)}"
    yield f"  of the work on two cores, this process does:  {spread(own[1::2], own[::2])}"


@dataclass(frozen=True)
class PerturbingStep:
    """The perturbing step of the robustness suite."""

    plan: Plan
    tasks: Sequence[PerturbTask]

    @classmethod
    def of(cls, rows: int) -> PerturbingStep:
        """The step on so many rows of the first data set."""
        options = RunOptions(set=(f"data.sentiment.sample={rows}",))
        raw = read(SUITES / "robustness.toml", options.overrides)
        plan, _ = make_plan(raw, options)
        tasks = list(make_tasks(plan, load_rows(plan, options.run_context(plan.suite))))
        return cls(plan, tasks)

    @property
    def copies(self) -> int:
        return sum(len(task.rows) * len(task.sets) for task in self.tasks)

    def run(self, cores: int) -> float:
        """Do it, and return the seconds that it took."""
        start = time.perf_counter()
        with RowPerturber(self.plan, WorkerOptions(), cores=cores) as perturber:
            for _ in perturber.perturb(self.tasks):
                pass
            return time.perf_counter() - start


def run_apart(rows: int) -> float:
    """The seconds that each of two processes takes which do the whole step at the same time, each on one core."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    with ProcessPoolExecutor(2, mp_context=context, initializer=_remember, initargs=(together,)) as pool:
        return statistics.fmean(pool.map(_run_alone, [rows, rows]))


_TOGETHER: list[Barrier] = []  # of a process of `run_apart`


def _remember(together: Barrier) -> None:
    _TOGETHER.append(together)


def _run_alone(rows: int) -> float:
    step = PerturbingStep.of(rows)
    _TOGETHER[0].wait()
    return step.run(cores=1)


def compare_images(images: int, only: Collection[str] | None) -> Iterator[str]:
    """Lines of figures: images a second of each corruption, and of the published code."""
    published = load_published()
    pixels = np.random.default_rng(7).integers(0, 256, (SIDE // 8, SIDE // 8, 3)).astype(np.uint8)
    photo = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    for name, one in load_all().each((Perturbation,)):
        if not isinstance(one, Perturbation) or one.modality != "image" or (only and name not in only):
            continue
        if one.target_effect != "stays" or "severity" not in {option.name for option in contribution_options(one)}:
            continue
        ours = measure_images(partial(one.function, {"image": np.asarray(photo)}, severity=SEVERITY), images)
        corrupt = getattr(published, name.partition("/")[2].replace("-", "_"), None)
        beside = ""
        if corrupt is not None:
            theirs = measure_images(partial(_corrupt_published, corrupt, photo), images)
            beside = f"   imagecorruptions {theirs:>8,.1f}"
        yield f"{name:<28} {ours:>8,.1f} images/s{beside}"


def measure_images(corrupt: Callable[[np.random.Generator], object], images: int) -> float:
    """Images a second; the first, which may make a kernel, is not counted."""
    rng = np.random.default_rng(7)
    corrupt(rng)
    start = time.perf_counter()
    for _ in range(images):
        corrupt(rng)
    return images / (time.perf_counter() - start)


def _corrupt_published(corrupt: Callable[[Image.Image, int], object], photo: Image.Image, _: object) -> object:
    return np.uint8(np.asarray(corrupt(photo, SEVERITY)))


def load_published() -> ModuleType | None:
    """The module of `imagecorruptions`, with the names given back that it needs; None where it is not installed."""
    if importlib.util.find_spec("imagecorruptions") is None:
        return None
    importlib.import_module("tests.mqa_vision.published.make_fixtures").give_back_names()
    return importlib.import_module("imagecorruptions.corruptions")


def make_tasks(plan: Plan, rows: Mapping[str, Rows]) -> Iterator[PerturbTask]:
    """The perturbing of every shard of a plan."""
    for data, whole in rows.items():
        sets = tuple(number for number, one in enumerate(plan.row_sets) if one.perturb and one.data == data)
        for shard in cut(data, whole, len(sets) + 1):
            yield PerturbTask(shard.take(whole), sets)


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
