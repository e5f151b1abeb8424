"""A small engine to test with: a model that scores letters, in numpy, behind the same contributions as any other."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from mqa_registry import RunnerFacts, RunOptions, machine
from mqa_registry import plan as plans
from mqa_registry.contributions import (
    Codec,
    Comparison,
    Dataset,
    Metric,
    Model,
    ModelUnderTest,
    Perturbation,
    RunContext,
    Task,
)
from mqa_registry.errors import OutOfMemoryError
from mqa_registry.execution import SilentProgress, predict, prepare
from mqa_registry.store import SqliteStore
from mqa_registry.suite import Check, Data, Expect, ModelUse, Severity, Suite, Use
from tests.stand_ins import make_backend, make_codec, make_source, make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from mqa_registry.observations import Observations

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: more threads of PyTorch would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

DEMO = Path(__file__).parents[1] / "suites"

settings.register_profile("mqa", deadline=None)  # how long an example takes is the machine's, and says nothing of mqa
settings.load_profile("mqa")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep Python's garbage collector from what is there for good: the libraries and the tests, millions of objects.

    Else it looks through them again and again: a session of pytest within a test has it do so five times, and
    `statsmodels` at every call.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def real_gpu_names() -> Iterator[Any]:
    """What lists this machine's GPUs. A test sees none unless it is marked `gpu`, so that it runs alike everywhere."""
    real = machine.gpu_names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "gpu_names", lambda: ())
        yield real


@pytest.fixture(scope="session", autouse=True)
def no_pipeline() -> Iterator[None]:
    """No test is run as by a pipeline, whatever runs the tests: commands print more there."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def seen_gpus(request, real_gpu_names, monkeypatch):
    if request.node.get_closest_marker("gpu"):
        monkeypatch.setattr(machine, "gpu_names", real_gpu_names)


@contextmanager
def exporting_here() -> Iterator[None]:
    from mqa_onnxruntime.export import cache
    from mqa_onnxruntime.export.job import export_in_process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "run_job", lambda model_under_test, job, timeout: export_in_process(model_under_test, job))
        yield


@pytest.fixture(scope="module")
def exports_here() -> Iterator[None]:
    """Models are exported in this process, which has the libraries for it, and not in one of their own."""
    with exporting_here():
        yield


@pytest.fixture(scope="session")
def demo_export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Makes a store that has the export of the demo model, for tests of what is done with it.

    The export is made once: workers have one store for it, and the second waits for the first, as two runs of mqa do.
    """
    from mqa_onnxruntime.export.cache import cached_export
    from mqa_registry.runs.export import prepare_export

    if not (DEMO / "models/reviews-minilm/model.safetensors").is_file():
        pytest.skip("the demo model is not in this checkout")
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demo-export"
    suite = {
        "model": {"use": "transformers/auto", "id": str(DEMO / "models/reviews-minilm"), "task": "text-classification"},
        "data": {"rows": {"use": "datasets/file", "path": str(DEMO / "data/sentiment.parquet")}},
        "backends": {"onnx": {"use": "onnxruntime/session"}},
    }
    model, _ = prepare_export(suite, RunOptions(store=shared), objects={}, only_trace=True)
    with exporting_here():
        cached_export(model, None)
    return lambda store: Path(shutil.copytree(shared, store))


@dataclass
class Letters:
    """What the test's backends do and remember: every batch they ran, and how they are to misbehave."""

    batches: list[list[str]] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    opened: int = 0
    digest: str = "letters-1"
    most_rows: int = 10_000  # a larger batch is out of memory
    crash_after: int = 10_000  # batches
    budget: int = 64
    landed: dict[str, str] | None = None
    weight: float = 1.0
    poison: str = "\0"  # texts with it score NaN
    leaks: bool = False  # padding counts as letters, so that scores depend on the batch
    refuses: str = "\0"  # no batch of several texts with one of these is run
    measuring: bool = False  # whether the host measures the model, and predicts nothing yet
    measured: list[list[str]] = field(default_factory=list)  # every batch that it ran for that

    def model(self, task: Task, context: RunContext) -> Model:
        return Model(digest=self.digest, module=lambda: self, processor=lambda: None, labels=("few", "many"))

    def codec(self, model: Model) -> Codec:
        return make_codec(self._encode, self._collate, self._decode, lambda row: len(row["codes"]))

    def _encode(self, examples: Any) -> list[dict[str, Any]]:
        texts = [example["text"].lower() for example in examples]
        if not self.measuring:
            self.encoded += texts
        return [{"codes": np.array([ord(letter) for letter in text], dtype=np.int64)} for text in texts]

    def _collate(self, rows: Any) -> dict[str, Any]:
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.array([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def _decode(self, outputs: Any, rows: Any) -> pa.Table:
        score = outputs["score"]
        bad = ~np.isfinite(score)
        labels = [None if broken else ("many" if one > 0.5 else "few") for one, broken in zip(score, bad, strict=True)]
        pairs = [None if broken else [1 - one, one] for one, broken in zip(score, bad, strict=True)]
        return pa.table(
            {"label": pa.array(labels, pa.string()), "probability": pa.array(pairs, pa.list_(pa.float64()))}
        )

    def identity(self, model_under_test: ModelUnderTest) -> dict[str, str]:
        return {"device": "asked"}

    @contextmanager
    def runner(self, model_under_test: ModelUnderTest) -> Iterator[Any]:
        self.opened += 1
        yield _Runner(self)


@dataclass
class _Runner:
    letters: Letters

    @property
    def identity(self) -> Mapping[str, str]:
        return self.letters.landed or {"device": "asked"}

    @property
    def facts(self) -> RunnerFacts:
        return RunnerFacts(device=self.identity["device"])

    @property
    def budget(self) -> int:
        return self.letters.budget

    def run(self, batch: Any) -> dict[str, Any]:
        codes = batch["codes"]
        if len(codes) > self.letters.most_rows:
            raise OutOfMemoryError("too many rows")
        if len(self.letters.batches) >= self.letters.crash_after:
            raise RuntimeError("the machine is on fire")
        texts = ["".join(chr(code) for code in row if code) for row in codes]
        (self.letters.measured if self.letters.measuring else self.letters.batches).append(texts)
        if len(texts) > 1 and any(self.letters.refuses in text for text in texts):
            raise ValueError("such a text is run alone")
        letters = codes.shape[1] if self.letters.leaks else np.maximum(1, (codes > 0).sum(axis=1))
        score = self.letters.weight * (codes == ord("e")).sum(axis=1) / letters * 4
        score = np.minimum(score, 1.0)
        score[[self.letters.poison in text for text in texts]] = np.nan
        return {"score": score}


def shout(example: Mapping[str, str], rng: np.random.Generator) -> dict[str, str]:
    return {name: text.upper() for name, text in example.items()}


def swap(example: Mapping[str, str], rng: np.random.Generator) -> dict[str, str] | None:
    if not example["text"]:
        return None
    letters = list(example["text"])
    letters[rng.integers(len(letters))] = "e"
    return {"text": "".join(letters)}


def accuracy(predictions: Any, targets: Any) -> Any:
    return predictions.codes == targets.codes


def agreement(reference: Any, candidate: Any) -> Any:
    return reference.codes == candidate.codes


@dataclass
class Watching(SilentProgress):
    """Tells the letters whether they are measured or predict."""

    letters: Letters

    def stage(self, text: str) -> None:
        self.letters.measuring = text.startswith("measuring")

    def start(self, backend: str, rows: int) -> None:
        self.letters.measuring = False

    def update(self, work: Any, done: int, total: int) -> None:
        self.letters.measuring = False


@dataclass
class Engine:
    """Suites of the letters model, and runs of them."""

    folder: Path
    letters: Letters
    table: pa.Table

    def use(self, name: str, contribution: Any) -> Use:
        return Use(name, contribution)

    def suite(self, *checks: Check, backends: tuple[str, ...] = ("one",), seed: int = 7) -> Suite:
        source = make_source(self.letters.model, "letters")
        task = make_task(self.letters.codec, "count")
        backend = make_backend("runner", self.letters.runner, identity=self.letters.identity)
        data = Dataset("table", lambda context: self.table)
        return Suite(
            name="letters",
            path=self.folder / "letters.toml",
            digest="",
            seed=seed,
            confidence=0.95,
            model=ModelUse(Use("letters/letters", source), Use("letters/count", task)),
            data={"words": Data("words", Use("letters/table", data))},
            backends={name: Use("letters/runner", backend) for name in backends},
            checks=checks,
        )

    def check(self, name: str = "accuracy", *perturb: Any, **rest: Any) -> Check:
        uses = tuple(
            Use(f"letters/{one.__name__}", Perturbation(one.__name__, one, modality="text")) for one in perturb
        )
        measure = Use("letters/accuracy", Metric("accuracy", accuracy, schemas=("label",)))
        if name == "agreement":
            measure = Use("letters/agreement", Comparison("agreement", agreement, schemas=("label",)))
        given = {"expect": {"value": Expect(min=0.5)}, "on": ("one",), "steps": (Severity(uses),), "measure": measure}
        return Check(name=name, data="words", **(given | rest))

    def run(self, suite: Suite, *, fresh: bool = False) -> Observations:
        plan = plans.make(suite)
        context = RunContext(exports=self.folder / "exports")
        store = SqliteStore(self.folder / "store")
        try:
            watching = Watching(self.letters)
            return predict(plan, prepare(plan, context, SilentProgress()), store, watching, fresh=fresh)
        finally:
            store.close()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    words = ["tree", "bee", "stone", "sky", "reeve", "sea", "eel", "cloud", "eve", "rock"] * 5
    texts = [f"{word} {number}" for number, word in enumerate(words)]
    labels = ["many" if text.count("e") * 8 > len(text) else "few" for text in texts]
    return Engine(tmp_path, Letters(), pa.table({"text": texts, "label": labels}))


HEAD = """\
format = 1
name = "letters"
seed = 7
[model]
use = "letters/letters"
task = "count"
[data.words]
use = "datasets/file"
path = "words.parquet"
"""
ALPHABET = np.array(list("aeioubcdfgklmnprst"))


# For reports that have to be the same whatever the executor: a check by a metric, one of perturbed rows, and a probe.
EXECUTOR_CHECKS = """
[[check]]
measure = "metrics/log-loss"
expect = { max = 0.9 }
[[check]]
measure = "metrics/accuracy"
perturb = { use = "letters/stars", severity = 2 }
expect = { max_drop = 0.2 }
[[check]]
measure = "letters/alone"
expect = { max = 0.1 }
"""
VARYING = ("run", "started", "seconds", "work", "options")  # from run to run, by nature


@dataclass(frozen=True)
class Slowly:
    """A live model that takes its time, behind a plugin in a file: for suites that are run as users run theirs."""

    plugin: Path = Path(__file__).parent / "durability" / "letters.py"

    def head(self, *backends: str) -> str:
        """A suite without its checks."""
        return HEAD + "".join(f'[backends.{name}]\nuse = "letters/slowly"\n' for name in backends)

    def write_words(self, folder: Path, rows: int, longest: int, **columns: list[str]) -> None:
        """Texts of at least two words, with a label for each."""
        rng = np.random.default_rng(7)
        texts = [
            " ".join("".join(rng.choice(ALPHABET, rng.integers(3, 9))) for _ in range(rng.integers(2, longest + 1)))
            for _ in range(rows)
        ]
        labels = np.array(["few", "many"])[rng.integers(2, size=rows)]
        pq.write_table(pa.table({"text": texts, "label": labels, **columns}), folder / "words.parquet")


@pytest.fixture
def slowly() -> Slowly:
    return Slowly()


@pytest.fixture
def mount() -> Iterator[Callable[[Path, str], None]]:
    """Mounts a file system in memory; skips where this user may not."""
    mounted: list[Path] = []

    def mount_folder(folder: Path, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("whoever runs the tests may mount nothing")
        mounted.append(folder)

    yield mount_folder
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(name="shout")
def _shout() -> Any:
    return shout


@pytest.fixture(name="swap")
def _swap() -> Any:
    return swap
