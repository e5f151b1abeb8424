"""The plugins that mqa brings keep the rules that every plugin is held to."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mqa_registry.testing import Trial, conformance
from tests.test_architecture import PLUGINS

pytestmark = pytest.mark.slow  # more than 3,000 rules, and a fresh process for each plugin

SUITES = Path(__file__).parents[2] / "suites"
MODELS = SUITES / "models"
TORCH = {"use": "transformers/torch"}
EARNERS = {"use": "tabular/skops", "id": str(MODELS / "adult-earners" / "model.skops")}
EARNERS_TASK = {"use": "tabular/classification", "missing": "?"}
PEOPLE = pq.read_table(SUITES / "data" / "adult.parquet").slice(0, 6).drop_columns(["income"]).to_pylist()
EARNER_EXAMPLES = [{"columns": person} for person in PEOPLE]


def of_transformers(folder):
    return Trial(model={"use": "transformers/auto", "id": str(MODELS / folder)}, backend=TORCH)


BEST, LEAST = Trial(perfect=1.0, worst=0.0), Trial(perfect=0.0, worst=1.0)
OF_GROUP = Trial(options={"privileged": "one"})
AGE = {"column": "age"}

test_audio = conformance(
    "audio", trials={"speech-f1": BEST, "onset-f1": Trial(perfect=1.0), "detection-error": Trial(perfect=0.0)}
)
test_data = conformance("data")
test_datasets = conformance(
    "datasets", trials={"file": Trial(options={"path": str(SUITES / "data" / "sentiment.parquet")})}
)
test_fairness = conformance(
    "fairness",
    trials={
        **dict.fromkeys(
            ("statistical-parity-difference", "disparate-impact", "true-positive-rate-difference"), OF_GROUP
        ),
        **dict.fromkeys(("average-odds-difference", "average-abs-odds-difference"), OF_GROUP),
        **dict.fromkeys(("generalized-entropy", "theil", "between-group-entropy"), Trial(perfect=0.0)),
        "swap-words": Trial(options={"lexicon": str(Path(__file__).with_name("lexicon.toml"))}),
        "column": Trial(options={"column": "country"}),
        "crossed": Trial(options={"columns": ["country", "target"]}),
        "ranges": Trial(options={**AGE, "edges": [30, 50]}),
        "quantiles": Trial(options=AGE),
        "clusters": Trial(options={"column": "vector", "n_clusters": 2}),
    },
)
test_metrics = conformance(
    "metrics",
    trials={
        **dict.fromkeys(("accuracy", "balanced-accuracy", "precision", "recall", "f1", "auroc"), BEST),
        **dict.fromkeys(("span-precision", "span-recall", "span-f1", "token-accuracy"), BEST),
        **dict.fromkeys(("box-map", "box-recall", "instance-map", "instance-recall", "mean-iou", "pixel-accuracy", "dice"), BEST),
        **dict.fromkeys(("exact-match", "answer-f1", "no-answer-accuracy", "masked-top-k"), BEST),
        **dict.fromkeys(("ndcg", "recall-at-k", "hit-rate", "mrr", "map", "true-positive-rate"), BEST),
        **dict.fromkeys(("brier", "ece", "hamming-loss", "ranking-loss", "false-positive-rate"), LEAST),
        **dict.fromkeys(("masked-loss", "mae", "mse", "rmse", "median-absolute-error", "mean-error"), Trial(perfect=0.0)),
        **dict.fromkeys(("best-answer-f1", "top-k-accuracy", "boundary-f1", "r2", "explained-variance"), Trial(perfect=1.0)),
        **dict.fromkeys(("mcc", "pearson", "spearman"), Trial(perfect=1.0, worst=-1.0)),
        "pseudo-perplexity": Trial(perfect=1.0),
        "log-loss": Trial(perfect=0.0),
        "label-ranking-average-precision": Trial(perfect=1.0),
    },
)  # fmt: skip
test_mqa = conformance("mqa")
test_onnx = conformance("onnx")
test_onnxruntime = conformance(
    "onnxruntime",
    trials={
        "session": Trial(
            model={**EARNERS, "task": EARNERS_TASK},
            options={"path": str(MODELS / "adult-earners" / "model.onnx")},
            examples=EARNER_EXAMPLES,
        )
    },
)
test_parity = conformance("parity")
test_performance = conformance("performance")
test_ray = conformance("ray")
test_recommendation = conformance("recommendation")
test_replay = conformance("replay")
test_robustness = conformance("robustness")
test_tabular = conformance(
    "tabular",
    trials={
        "swapped-columns": Trial(options={"first": "age", "second": "income"}),
        "shift": Trial(options={"deviations": {"age": 12.0}}),
        "noise": Trial(options={"deviations": {"age": 12.0}}),
        "classification": Trial(
            model=EARNERS, options={"missing": "?"}, backend={"use": "tabular/estimator"}, examples=EARNER_EXAMPLES
        ),
        "estimator": Trial(model={**EARNERS, "task": EARNERS_TASK}, examples=EARNER_EXAMPLES),
    },
)
test_torch = conformance("torch")
test_transformers = conformance(
    "transformers",
    trials={
        "text-classification": of_transformers("reviews-minilm"),
        "image-classification": of_transformers("fashion-resnet"),
        "torch": Trial(
            model={"use": "transformers/auto", "id": str(MODELS / "reviews-minilm"), "task": "text-classification"}
        ),
    },
)
test_vision = conformance("vision")


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_every_plugin_that_mqa_brings_is_tried(name):
    assert f"test_{name}" in globals()
