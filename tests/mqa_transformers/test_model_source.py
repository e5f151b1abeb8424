"""`transformers/auto`: what it says of a model before the model is built."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from mqa_registry import DataError
from mqa_transformers.model_source import auto, infer_task


def test_a_folder_is_a_model_with_its_labels_in_the_order_of_its_outputs(bert, opened):
    model = opened(bert)
    assert model.labels == ("negative", "positive")
    assert model.about == {
        "id": str(bert),
        "architecture": "BertForSequenceClassification",
        "weights": "safetensors",
        "remote_code": False,
        "positions": 64,
        "bytes": (bert / "model.safetensors").stat().st_size,
        "pad_token": 0,
        "vocabulary": json.loads((bert / "config.json").read_text())["vocab_size"],
    }


def test_knowing_a_model_loads_no_model_library(bert):
    code = f"""
import sys
from pathlib import Path
import mqa_transformers
from mqa_registry import RunContext, ModelUnderTest
task, source = next(mqa_transformers.mqa_tasks()), next(mqa_transformers.mqa_models())
backend = next(mqa_transformers.mqa_backends())
context = RunContext(exports=Path("exports"))
model = source.function(task, context, id=Path({str(bert)!r}))
backend.identity(ModelUnderTest(model, task, context, {{}}))
print(*sorted({{"torch", "transformers", "tokenizers", "huggingface_hub"}} & set(sys.modules)), model.digest)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:-1] == []
    assert done.stdout.startswith("sha256:")


def test_the_commit_of_a_snapshot_is_in_the_report(bert, tmp_path, opened):
    snapshot = tmp_path / "models--acme--reviews/snapshots/0123abcd"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(bert)
    assert opened(snapshot).about["commit"] == "0123abcd"


def test_a_folder_has_no_revision(bert, opened):
    with pytest.raises(DataError, match="has no revision `v1`"):
        opened(bert, revision="v1")


def test_a_task_that_needs_what_cannot_be_loaded_is_refused(bert, task, context):
    with pytest.raises(DataError, match="loads no models for `segmentation`") as refused:
        auto(dataclasses.replace(task, needs="segmentation"), context, id=bert)
    assert "`text-classification`" in refused.value.hint


@pytest.mark.parametrize(
    ("keys", "task"),
    [
        ({}, "transformers/text-classification"),
        ({"architectures": ["ViTForImageClassification"]}, "transformers/forward"),
        ({"architectures": ["GPT2LMHeadModel"]}, "transformers/forward"),
        ({"architectures": None}, "transformers/forward"),
        ({"problem_type": "regression"}, "transformers/forward"),
        ({"problem_type": "multi_label_classification"}, "transformers/forward"),
        ({"id2label": {"0": "score"}}, "transformers/forward"),
    ],
)
def test_a_model_tells_the_task_that_takes_it(configure, context, keys, task):
    folder = configure(**keys)
    assert infer_task(context, id=folder) == task
