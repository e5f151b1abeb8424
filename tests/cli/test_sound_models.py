"""A model without a mistake, or without a change, passes every bound of every built-in measure, on rows that suffice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mqa_fairness
import mqa_metrics
import mqa_parity
from mqa_registry import encode_mask, encode_masks
from tests.cli.conftest import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from mqa_registry.contributions import Comparison, Metric

BOUNDS = {  # what a release engineer may well ask of each
    "metrics/accuracy": "min = 0.9",
    "metrics/balanced-accuracy": "min = 0.9",
    "metrics/precision": "min = 0.9",
    "metrics/recall": "min = 0.9",
    "metrics/f1": "min = 0.9",
    "metrics/mcc": "min = 0.8",
    "metrics/log-loss": "max = 0.5",
    "metrics/brier": "max = 0.2",
    "metrics/ece": "max = 0.2",
    "metrics/auroc": "min = 0.9",
    "metrics/top-k-accuracy": "min = 0.9",
    "metrics/selection-rate": "min = 0.3, max = 0.7",
    "metrics/true-positive-rate": "min = 0.9",
    "metrics/false-positive-rate": "max = 0.1",
    "fairness/demographic-parity-difference": "max = 0.3",
    "fairness/demographic-parity-ratio": "min = 0.5",
    "fairness/equalized-odds-difference": "max = 0.2",
    "fairness/equal-opportunity-difference": "max = 0.2",
    "fairness/equal-opportunity-ratio": "min = 0.8",
    "fairness/statistical-parity-difference": "min = -0.3, max = 0.3",
    "fairness/disparate-impact": "min = 0.5, max = 2.0",
    "fairness/true-positive-rate-difference": "min = -0.2, max = 0.2",
    "fairness/average-odds-difference": "min = -0.2, max = 0.2",
    "fairness/average-abs-odds-difference": "max = 0.2",
    "fairness/generalized-entropy": "max = 0.1",
    "fairness/theil": "max = 0.1",
    "fairness/between-group-entropy": "max = 0.1",
    "parity/agreement": "min = 0.9",
    "parity/flip-rate": "max = 0.1",
    "parity/max-abs-diff": "max = 0.1",
    "parity/mean-kl": "max = 1.0",
    "parity/score-shift": "max = 0.1",
}
TOKENS = "metrics/token-accuracy"  # of decisions on tokens, which spans alone do not have
NEVER = "fairness/equalized-odds-ratio"  # of rates that are 0 no number of rows shows a ratio
VECTORS = {"parity/cosine": "min = 0.9", "parity/neighbour-flips": "max = 0.1"}
OTHERS = {  # of the schemas of more than one label a row
    "value": {
        "metrics/mae": "max = 0.1",
        "metrics/mse": "max = 0.1",
        "metrics/rmse": "max = 0.2",
        "metrics/median-absolute-error": "max = 0.1",
        "metrics/mean-error": "min = -0.1, max = 0.1",
        "metrics/r2": "min = 0.5",
        "metrics/explained-variance": "min = 0.5",
        "metrics/pearson": "min = 0.8",
        "metrics/spearman": "min = 0.8",
        "parity/close": "min = 0.9",
    },
    "labels": {
        "metrics/hamming-loss": "max = 0.1",
        "metrics/ranking-loss": "max = 0.1",
        "metrics/label-ranking-average-precision": "min = 0.9",
    },
    "spans": {
        "metrics/span-precision": "min = 0.9",
        "metrics/span-recall": "min = 0.9",
        "metrics/span-f1": "min = 0.9",
    },
    "boxes": {"metrics/box-map": "min = 0.9", "metrics/box-recall": "min = 0.9"},
    "instances": {"metrics/instance-map": "min = 0.9", "metrics/instance-recall": "min = 0.9"},
    "ranking": {
        "metrics/ndcg": "min = 0.9",
        "metrics/recall-at-k": "min = 0.9",
        "metrics/precision-at-k": "min = 0.9",
        "metrics/hit-rate": "min = 0.9",
        "metrics/mrr": "min = 0.9",
        "metrics/map": "min = 0.9",
        "metrics/coverage": "min = 0.9",
        "metrics/exposure-gini": "max = 0.5",
        "metrics/popularity-lift": "max = 0.1",
    },
    "tokens": {
        "metrics/masked-loss": "max = 0.5",
        "metrics/pseudo-perplexity": "max = 1.5",
        "metrics/masked-top-k": "min = 0.9",
    },
    "masks": {
        "metrics/mean-iou": "min = 0.9",
        "metrics/pixel-accuracy": "min = 0.9",
        "metrics/dice": "min = 0.9",
        "metrics/boundary-f1": "min = 0.9",
        "parity/pixel-agreement": "min = 0.99",
    },
    "answer": {
        "metrics/exact-match": "min = 0.9",
        "metrics/answer-f1": "min = 0.9",
        "metrics/no-answer-accuracy": "min = 0.9",
        "metrics/best-answer-f1": "min = 0.9",
    },
}
OPTIONS = {  # that some need
    "metrics/top-k-accuracy": "k = 1",
    "metrics/precision-at-k": "k = 2",
    "fairness/statistical-parity-difference": 'privileged = "a"',
    "fairness/disparate-impact": 'privileged = "a"',
    "fairness/true-positive-rate-difference": 'privileged = "a"',
    "fairness/average-odds-difference": 'privileged = "a"',
    "fairness/average-abs-odds-difference": 'privileged = "a"',
}
TOGETHER = {"generalized-entropy", "theil"}  # those of `fairness` that are of rows, and not of all groups together
PERTURBED = 'perturb = "robustness/upper-case"'
GROUPED = 'by = { use = "fairness/column", column = "group" }'
HEAD = """
format = 1
name = "sound"
[data.d]
use = "datasets/file"
path = "d.parquet"
[backends.old]
use = "replay/file"
path = "old"
[backends.new]
use = "replay/file"
path = "new"
"""


@dataclass(frozen=True)
class Asked:
    """One check: a measure, what is expected of it, and the keys beside."""

    measure: str
    expect: str
    beside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return " ".join((self.measure, self.expect, *self.beside)).replace('"', "'")

    def __str__(self) -> str:
        options = f", {OPTIONS[self.measure]}" if self.measure in OPTIONS else ""
        lines = [f'name = "{self.name}"', f'measure = {{ use = "{self.measure}"{options} }}', *self.beside]
        return "\n".join(["[[check]]", *lines, f"expect = {{ {self.expect} }}\n"])


def contributed() -> Mapping[str, Metric | Comparison]:
    metrics = {f"metrics/{one.name}": one for one in mqa_metrics.mqa_metrics()}
    fairness = {f"fairness/{one.name}": one for one in mqa_fairness.mqa_metrics()}
    return metrics | fairness | {f"parity/{one.name}": one for one in mqa_parity.mqa_comparisons()}


def of_a_metric(measure: str, bound: str) -> Iterator[Asked]:
    together = measure.startswith("fairness/") and measure.partition("/")[2] not in TOGETHER
    everywhere = (GROUPED,) if together else ()
    for beside in {everywhere, (*everywhere, PERTURBED), (GROUPED,), (GROUPED, PERTURBED)}:
        yield Asked(measure, bound, beside)
        for other in ("max_drop = 0.1", "max_rise = 0.1"):
            yield Asked(measure, other, (*beside, *(() if PERTURBED in beside else ('against = { backend = "old" }',))))
    if not together:
        yield Asked(measure, "max_gap = 0.2", (GROUPED,))


def of_a_comparison(measure: str, bound: str) -> Iterator[Asked]:
    for beside in ((), (GROUPED,), (PERTURBED,), (PERTURBED, "against = { perturb = false }"), (GROUPED, PERTURBED)):
        yield Asked(measure, bound, beside)
    yield Asked(measure, "max_gap = 0.2", (GROUPED,))


EVERY = [
    asked
    for measure, bound in BOUNDS.items()
    for asked in (of_a_comparison if measure.startswith("parity/") else of_a_metric)(measure, bound)
]


class Sound(Project):
    """A project whose backends answer every row rightly, perturbed or not, and are 0.99 sure of it."""

    def fill(self, rows: int, **answers: Any) -> None:
        """Write so many rows of each of two groups, half of them positive."""
        places = np.arange(2 * rows)
        positive, ids = (places // 2) % 2, [f"row-{place}" for place in places]
        labels = np.array(["negative", "positive"])[positive]
        texts = [f"This is text number {place}" for place in places]
        self.table("d", id=ids, text=texts, label=labels, group=np.array(["a", "b"])[places % 2])
        sure = {"label": labels, "negative": np.where(positive, 0.01, 0.99), "positive": np.where(positive, 0.99, 0.01)}
        self.mqa("rows", "suite.toml", "--out", f"rows-{rows}")
        for view in (self.folder / f"rows-{rows}").glob("*.parquet"):
            for backend in ("old", "new"):
                (self.folder / backend).mkdir(exist_ok=True)
                self.table(f"{backend}/{view.stem}", id=ids, **(answers or sure))

    def judged(self, asked: list[Asked], rows: int, head: str = HEAD) -> dict[str, Any]:
        """The results of these checks on so many rows a group, by name and backend."""
        self.write("".join(map(str, asked)), head)
        (self.folder / "new").mkdir(exist_ok=True)
        (self.folder / "old").mkdir(exist_ok=True)
        self.fill(rows)
        done = self.run("--json", "-")
        assert done.code in (0, 4), done.err
        return {f"{one['check']} on {one['backend']}": one for one in done.json["results"]}


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    return Sound(tmp_path)


def test_every_built_in_measure_of_predictions_is_asked():
    assert contributed().keys() == {
        *BOUNDS,
        *VECTORS,
        NEVER,
        TOKENS,
        *(name for asked in OTHERS.values() for name in asked),
    }


def test_a_sound_model_passes_every_bound_with_a_hundred_rows_or_with_as_many_as_the_report_names(sound):
    results = sound.judged(EVERY, 100)
    assert {one["check"] for one in results.values()} == {asked.name for asked in EVERY}
    is_open = {name: one for name, one in results.items() if one["verdict"] != "PASS"}
    assert all(one["verdict"] == "INCONCLUSIVE" for one in is_open.values())
    needed = {name: one["evidence"].get("required_rows") for name, one in is_open.items()}
    assert all(needed.values()), needed
    again = [asked for asked in EVERY if asked.name in {one["check"] for one in is_open.values()}]
    assert len(again) < len(EVERY) / 20
    if again:
        more = sound.judged(again, max(needed.values()))
        assert {name: one["note"] for name, one in more.items() if one["verdict"] != "PASS"} == {}


def test_of_rates_that_are_nowhere_above_0_no_rows_show_a_ratio(sound):
    odds, kept = Asked(NEVER, "min = 0.5", (GROUPED,)), Asked(NEVER, "max_drop = 0.1", (GROUPED, PERTURBED))
    results = sound.judged([odds, kept], 100)
    ratio = results[f"{odds.name} on new"]
    assert ratio["numbers"]["value"]["estimate"] == 1
    assert ratio["verdict"] == "INCONCLUSIVE"
    assert ratio["note"].endswith("so more rows like these do not settle it")
    assert ratio["evidence"]["never_settles"] is True
    assert "required_rows" not in ratio["evidence"]
    assert results[f"{kept.name} on new"]["verdict"] == "PASS"


BOX = {"x0": 0.0, "y0": 0.0, "y1": 9.0}
LISTS = {  # of the parts of a row, by its number
    "boxes": lambda place: [{**BOX, "x1": 9.0 + place % 5, "label": "ab"[place % 2]}],
    "masks": lambda place: encode_masks(np.array([[0, 1, 1], [0, 0, place % 2]]), ("a", "b")),
    "instances": lambda place: [
        {"label": "ab"[place % 2], **encode_mask(np.array([[0, 1, 1], [1, 0, place % 2]], bool))}
    ],
    "ranking": lambda place: [f"i{place % 5}", f"i{5 + place % 7}"],
    "spans": lambda place: [
        {"start": 0, "end": 4, "label": "PER"},
        {"start": 8, "end": 9 + place % 2, "label": "LOC"},
    ],
    "tokens": lambda place: [{"token": "a", "margin": 0.9, "loss": 0.01 + place % 7 / 100, "rank": 1}],
}


def make_answers(schema: str, rows: int) -> dict[str, Any]:
    """Predictions without a mistake, and the targets that they are equal to, by column."""
    places = np.arange(rows)
    if schema in LISTS:
        return {schema: [LISTS[schema](place) for place in places.tolist()]}
    if schema == "value":
        return {"value": places / rows}
    if schema == "labels":
        given = np.stack([places % 2 == 0, places % 3 == 0], axis=1)
        labels = [[name for name, has in zip("ab", row, strict=True) if has] for row in given.tolist()]
        return {"labels": labels, **{name: np.where(has, 0.99, 0.01) for name, has in zip("ab", given.T, strict=True)}}
    assert schema == "answer"
    answers = [f"number row-{place}" if place % 3 else "" for place in places]
    candidates = [[{"answer": text or "This", "score": 0.9 if text else 0.05}] for text in answers]
    return {"answer": answers, "candidates": candidates, "no_answer_score": [0.05 if one else 0.9 for one in answers]}


@pytest.mark.slow
@pytest.mark.parametrize("schema", OTHERS)
def test_a_sound_model_of_another_schema_passes_with_enough_rows(sound, schema):
    answers = make_answers(schema, 800)
    ids = [f"row-{place}" for place in range(800)]
    sound.table("d", id=ids, text=[f"This is text number {one}" for one in ids], target=answers[schema])
    for backend in ("old", "new"):
        (sound.folder / backend).mkdir()
        sound.table(f"{backend}/d", id=ids, **answers)
    checks = [Asked(measure, bound) for measure, bound in OTHERS[schema].items()]
    sound.write(
        "".join(map(str, checks)),
        HEAD.replace('path = "old"', f'path = "old"\nschema = "{schema}"').replace(
            'path = "new"', f'path = "new"\nschema = "{schema}"'
        ),
    )
    done = sound.run("--json", "-")
    assert done.out, done.err
    found = {f"{one['check']} on {one['backend']}": (one["verdict"], one["note"]) for one in done.json["results"]}
    assert {name: one for name, one in found.items() if one[0] != "PASS"} == {}
