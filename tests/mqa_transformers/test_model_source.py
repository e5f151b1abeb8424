"""`transformers/auto`: what it says of a model before the model is built."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mqa_registry import DataError
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.text_classification import TextClassification


def test_a_folder_is_a_model_with_its_labels_in_the_order_of_its_outputs(bert, opened):
    model = opened(bert)
    assert model.labels == ("negative", "positive")
    assert model.about == {
        "id": str(bert),
        "architecture": "BertForSequenceClassification",
        "weights": "safetensors",
        "remote_code": False,
        "max_positions": 64,
        "bytes": (bert / "model.safetensors").stat().st_size,
        "pad_token_id": 0,
        "vocab_size": json.loads((bert / "config.json").read_text())["vocab_size"],
    }


def test_a_source_imports_no_model_library(bert):
    code = f"""
import sys
from pathlib import Path
from mqa_registry import RunContext, ModelUnderTest
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.text_classification import TextClassification, TextClassificationOptions
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
context = RunContext(exports=Path("exports"))
task = TextClassification()
model = AutoSource().load(task, context, AutoOptions(id=Path({str(bert)!r})))
TorchBackend().identity(ModelUnderTest(model, task, context, TextClassificationOptions()), TorchOptions())
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


class Segmentation(TextClassification):
    """A task that needs a head which no source loads."""

    needs = "segmentation"


def test_a_task_for_an_unknown_head_is_refused(bert, context):
    with pytest.raises(DataError, match="loads no models for `segmentation`") as refused:
        AutoSource().load(Segmentation(), context, AutoOptions(id=bert))
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
def test_the_task_is_inferred_from_the_configuration(configure, context, keys, task):
    folder = configure(**keys)
    assert AutoSource().infer_task(context, AutoOptions(id=folder)) == task
