"""A catalog of small plugins, and suites written to a temporary folder."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Le

from mqa_registry.contributions import (
    Comparison,
    Dataset,
    Metric,
    Perturbation,
    Slice,
)
from mqa_registry.errors import SuiteError
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite import Overrides, read, render, validate
from tests.stand_ins import make_backend, make_probe, make_replay, make_source, make_task


def auto(task: Any, context: Any, *, id: str | Path, revision: str | None = None) -> Any:  # noqa: A002
    """A model by its `id`, a hub id or a folder."""


def classify(model: Any, *, max_length: Annotated[int, Ge(1)] = 512) -> Any:
    """One label for a text."""


def torch(model_under_test: Any, *, dtype: Literal["float32", "float16"] = "float32") -> Any:
    """PyTorch."""


def session(model_under_test: Any, *, providers: list[str] | None = None, path: Path | None = None) -> Any:
    """ONNX Runtime."""


def replayed(view: str, *, path: Path, schema: Literal["label", "spans"] = "label") -> Any:
    """Predictions made elsewhere, at `path`."""


def watch(context: Any) -> Any:
    """What is seen."""


def rows(context: Any, *, path: Path, kind: Literal["csv", "parquet"] | None = None) -> Any:
    """Rows in a file. `path` is the file."""


def accuracy(predictions: Any, targets: Any) -> Any:
    """The share of right answers."""


def f1(predictions: Any, targets: Any, *, average: Literal["macro", "micro"] = "macro") -> Any:
    """The harmonic mean of precision and recall."""


def parity_difference(predictions: Any, targets: Any, groups: Any) -> Any:
    """How far the groups' selection rates lie apart."""


def agreement(reference: Any, candidate: Any) -> Any:
    """The share of equal answers."""


def typos(
    example: Any, rng: Any, *, rate: Annotated[float, Ge(0), Le(1)] = 0.05, severity: Annotated[int, Ge(1), Le(5)] = 1
) -> Any:
    """Slips of the keyboard. `rate` is the share of the characters."""


def upper(example: Any, rng: Any) -> Any:
    """Upper case."""


def deny(example: Any, rng: Any) -> Any:
    """The opposite is said."""


def blur(example: Any, rng: Any, *, severity: float = 1) -> Any:
    """A blurred picture."""


def length(example: Any) -> Any:
    """Short or long."""


def column(example: Any, *, name: str) -> Any:
    """The values of one column. `name` is the column."""


GIVEN = {
    "transformers": (
        make_source(auto, "auto"),
        make_task(classify, "text-classification", sample=({"text": "fine"},)),
        make_backend("torch", torch),
    ),
    "onnxruntime": (make_backend("session", session),),
    "replay": (make_replay(replayed, "file"),),
    "datasets": (Dataset("file", rows),),
    "metrics": (
        Metric("accuracy", accuracy, schemas=("label", "labels")),
        Metric("f1", f1, schemas=("label",)),
        Metric("span-f1", f1, schemas=("spans",)),
    ),
    "parity": (
        Comparison("agreement", agreement, schemas=("label",)),
        Comparison("same-spans", agreement, schemas=("spans",)),
    ),
    "robustness": (
        Perturbation("typos", typos, modality="text"),
        Perturbation("upper", upper, modality="text"),
        Perturbation("blur", blur, modality="image"),
        Perturbation("deny", deny, modality="text", target_effect="changes"),
    ),
    "fairness": (
        Slice("length", length),
        Slice("column", column),
        Metric("parity-difference", parity_difference, schemas=("label",)),
    ),
    "probes": (
        make_probe("latency", watch, outputs=("p50_ms", "p95_ms"), inputs="runner", cacheable=False),
        make_probe("tensors", watch, outputs=("value", "ratio"), inputs="runner", compares=True),
        make_probe("drift", watch, compares=True),
    ),
}

CATALOG = Catalog(
    {name: Plugin(name, "mqa-registry", "0.1.0", given) for name, given in GIVEN.items()}
    | {
        "emoji": Plugin("emoji", "mqa-emoji", "0.3", broken="no module named `mojis`", hint="`pip uninstall mqa-emoji`")
    },
    (*GIVEN, "emoji", "audio"),
)

HEAD = """\
format = 1

[model]
use = "transformers/auto"
id = "my-model"
task = "text-classification"

[data.reviews]
use = "datasets/file"
path = "reviews.parquet"

[backends.torch]
use = "transformers/torch"

[backends.onnx]
use = "onnxruntime/session"
"""


@pytest.fixture
def catalog():
    return CATALOG


@pytest.fixture
def head():
    """A good suite without its checks."""
    return HEAD


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder, so that files are named without one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def suite(folder):
    """Check a suite of this text, or of a good head and these checks."""

    def make(checks="", *, text="", overrides=None):
        Path("suite.toml").write_text(dedent(text) or f"{HEAD}\n{dedent(checks)}", "utf-8")
        return validate(read("suite.toml", overrides or Overrides()), CATALOG)

    return make


@pytest.fixture
def problems(suite):
    """What is said about a bad suite, as the command line shows it."""

    def make(checks="", *, text="", overrides=None):
        with pytest.raises(SuiteError) as caught:
            suite(checks, text=text, overrides=overrides)
        return "\n\n".join(render(problem) for problem in caught.value.problems)

    return make
