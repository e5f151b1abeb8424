"""Write the suites of `mqa/TASK`: what the plugins suggest for a task, of any model and any rows.

    python suites/recipes/task_suites.py

They are files, so that a suite of one version of mqa asks the same wherever it runs. What they ask has one source, which
`mqa init` reads too: the suggestions of the plugins. Bounds that follow from the rows at hand are not among them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import SuiteContext
from mqa_registry.cli.drafting.checks import collect_checks, to_plain
from mqa_registry.cli.drafting.document import Section, format_document
from mqa_registry.contributions import Task
from mqa_registry.plugins import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.contributions import SuggestedCheck
    from mqa_registry.plugins import Catalog

FOLDER = Path(__file__).parents[2] / "plugins" / "mqa_suites"
SEED = 7
SESSION = ("onnx", "onnxruntime/session")
TORCH = (("torch", "transformers/torch"), SESSION)
FILE, FILES = "datasets/file", "datasets/folder"


@dataclass(frozen=True)
class TaskSuite:
    """A suite: its name, its task, what the task is in words, and the sources and backends that models of it have.

    `source` has no options but the model's name, or with `is_packaged` none at all. The first backend is the reference.
    """

    name: str
    about: str
    task: str = ""
    source: str = "transformers/auto"
    data: str = FILE
    backends: tuple[tuple[str, str], ...] = field(default=TORCH)
    is_packaged: bool = False

    @property
    def reference(self) -> str:
        """The task as a suite names it, with its plugin."""
        return self.task or f"transformers/{self.name}"


SUITES = (
    TaskSuite("text-classification", "a classifier of texts"),
    TaskSuite("token-classification", "a tagger of entities"),
    TaskSuite("question-answering", "a reader that finds answers in a text"),
    TaskSuite("fill-mask", "a model of masked words"),
    TaskSuite("text-ranking", "a ranker of texts"),
    TaskSuite("feature-extraction", "an encoder of texts"),
    TaskSuite("sentence-similarity", "a model of how similar texts are"),
    TaskSuite("image-classification", "a classifier of images", data=FILES),
    TaskSuite("zero-shot-image-classification", "a classifier of images by words", data=FILES),
    TaskSuite("image-text-embedding", "an encoder of images and texts"),
    TaskSuite("object-detection", "a detector of objects"),
    TaskSuite("image-segmentation", "a model that segments images"),
    TaskSuite("instance-segmentation", "a model that segments instances"),
    TaskSuite("audio-classification", "a classifier of sounds", data=FILES),
    TaskSuite("voice-activity", "a detector of speech", "audio/voice-activity", "audio/silero-vad", is_packaged=True),
    TaskSuite(
        "tabular-classification", "a classifier of the rows of tables", "tabular/classification", "tabular/skops",
        backends=(("estimator", "tabular/estimator"), SESSION),
    ),
    TaskSuite("recommendation-ranking", "a recommender that ranks candidates", "recommendation/ranking", "torch/factory"),
    TaskSuite("two-tower", "a recommender with a vector for users and for items", "recommendation/two-tower", "torch/factory"),
)  # fmt: skip


def write_suite(suite: TaskSuite, catalog: Catalog) -> str:
    """The text of a suite."""
    task = catalog.find((Task,), suite.reference)
    assert isinstance(task, Task), task
    checks, failed = collect_checks(catalog, _context(suite, task))
    assert not failed, failed
    model = {"use": suite.source, "task": suite.task or suite.name}
    backends = [Section(f"[backends.{name}]", {"use": use}) for name, use in suite.backends]
    return format_document(
        [
            Section("", {"format": 1, "seed": SEED}, tuple(_title(suite, task, checks))),
            Section("[model]", model),
            Section("[data.rows]", {"use": suite.data}),
            *backends,
            *(Section("[[check]]", to_plain(check.table), (check.about,)) for check in checks),
        ]
    )


def _context(suite: TaskSuite, task: Task[Any]) -> SuiteContext:
    """Any model of a task, and any rows, of which there are none yet."""
    fields = {name: kind for name, kind in task.fields.items() if kind not in {"arrays", "masked words", "words"}}
    names = [*fields, "target"]
    return SuiteContext(
        schema=task.schema,
        metric=task.metric,
        classes=(),
        fields=fields,
        rows=pa.table({name: pa.array([], pa.string()) for name in names}),
        backends=tuple(name for name, _ in suite.backends),
    )


def _title(suite: TaskSuite, task: Task[Any], checks: list[SuggestedCheck]) -> Iterator[str]:
    orders = {check.order // 10 for check in checks}
    words = {1: "good", 2: "robust", 3: "fair", 4: "the same as its export"}
    asked = [words[order] for order in sorted(orders)]
    listed = f"{', '.join(asked[:-1])} and {asked[-1]}" if len(asked) > 1 else asked[0]
    yield f"Is {suite.about} {listed}?"
    yield ""
    yield (
        f"`mqa run mqa/{suite.name} {'' if suite.is_packaged else '--model MODEL '}--data FILE`. Rows have fields ({', '.join(task.fields)}) and a target; a "
        "column of another name is mapped by `--set data.rows.columns.FIELD=COLUMN`."
    )
    yield (
        "The bounds are the least that one can ask of any model, or say how much worse than the model itself something may "
        "be. What yours has to reach is yours to say: by `--set check.NAME.expect.min=0.9`, or in a suite with "
        f'`extends = "mqa/{suite.name}"`.'
    )


def main() -> None:
    """Write every suite."""
    catalog = load_all()
    for suite in SUITES:
        (FOLDER / f"{suite.name}.toml").write_text(write_suite(suite, catalog), encoding="utf-8")


if __name__ == "__main__":
    os.chdir(FOLDER)
    main()
