"""`transformers/auto`: the facts of a model before it is built, and repositories of the hub from the cache."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest

from mqa_registry import DataError, NotRunError
from mqa_transformers.model_source import AutoOptions, AutoSource, fetch_snapshot
from mqa_transformers.tasks.text_classification import TextClassification

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def cached(cache, bert):
    """A model in the cache, at `main`."""
    home = cache / "models--acme--reviews"
    shutil.copytree(bert, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs/main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


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


def test_the_card_of_a_model_is_the_readme_in_its_folder_and_no_part_of_its_digest(cached, opened):
    before = opened(cached)
    assert before.card is None
    (cached / "README.md").write_text("# reviews", "utf-8")
    assert (opened(cached).card, opened(cached).digest) == (cached / "README.md", before.digest)


def test_a_source_imports_no_model_library(bert):
    code = f"""
import sys
from pathlib import Path
from mqa_registry import RunContext, ModelUnderTest
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.text_classification import TextClassification, TextClassificationOptions
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
        ({"architectures": ["ViTForImageClassification"]}, "transformers/image-classification"),
        (
            {"architectures": ["ViTForImageClassification"], "problem_type": "multi_label_classification"},
            "transformers/image-classification",
        ),
        ({"architectures": ["BertForMaskedLM"]}, "transformers/fill-mask"),
        ({"architectures": ["CLIPModel"]}, "transformers/zero-shot-image-classification"),
        ({"architectures": ["ViTModel"]}, "transformers/forward"),
        ({"architectures": ["GPT2LMHeadModel"]}, "transformers/forward"),
        ({"architectures": None}, "transformers/forward"),
        ({"problem_type": "regression"}, "transformers/forward"),
        ({"problem_type": "multi_label_classification"}, "transformers/text-classification"),
        ({"id2label": {"0": "score"}}, "transformers/text-classification"),
    ],
)
def test_the_task_is_inferred_from_the_configuration(configure, context, keys, task):
    folder = configure(**keys)
    assert AutoSource().infer_task(context, AutoOptions(id=folder)) == task


def test_an_offline_run_finds_a_model_in_the_cache(cached, context):
    assert fetch_snapshot("acme/reviews", None, context) == cached
    assert fetch_snapshot("acme/reviews", "main", context) == cached
    assert fetch_snapshot("acme/reviews", COMMIT, context) == cached


def test_an_environment_variable_makes_a_run_offline(cached, context, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch_snapshot("acme/reviews", None, dataclasses.replace(context, offline=False)) == cached


def test_a_model_from_the_cache_is_the_model_in_its_folder(cached, bert, opened):
    model = opened("acme/reviews", revision="main")
    assert model.digest == opened(bert).digest
    assert (model.about["id"], model.about["revision"], model.about["commit"]) == ("acme/reviews", "main", COMMIT)


def test_a_model_that_is_not_in_the_cache_is_not_run_offline(cache, context):
    with pytest.raises(NotRunError, match="`acme/other` is not in the cache of the hub") as refused:
        fetch_snapshot("acme/other", None, context)
    assert "hf download acme/other" in refused.value.hint


def test_a_revision_that_is_not_in_the_cache_is_named(cached, context):
    with pytest.raises(NotRunError, match="`acme/reviews` at `v9` is not in the cache"):
        fetch_snapshot("acme/reviews", "v9", context)


@pytest.mark.parametrize("name", ["a/b/c", "../../etc", "", "-x", "a b", "models/my--model/.."])
def test_an_impossible_repository_name_is_refused(cache, context, name):
    with pytest.raises(DataError, match="neither a folder"):
        fetch_snapshot(name, None, context)


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("RepositoryNotFoundError", DataError, "there is no `acme/reviews`"),
        ("RevisionNotFoundError", DataError, "has no revision `v1`"),
        ("GatedRepoError", DataError, "open only to some users"),
        ("HfHubHTTPError", NotRunError, "cannot be fetched from the hub: 404 error"),
    ],
)
def test_every_error_of_the_hub_is_one_line(cache, context, monkeypatch, *, kind, expected, words):
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*_, **__):
        # Its own `__init__` needs a response of the hub.
        texts = {"__init__": lambda self: None, "__str__": lambda self: "404 error\nand more"}
        raise type(kind, (getattr(errors, kind),), texts)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(expected, match=words):
        fetch_snapshot("acme/reviews", "v1", dataclasses.replace(context, offline=False))


def test_only_the_files_of_the_model_are_fetched(cache, context, monkeypatch, tmp_path):
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    requests = {}
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, **options: requests.update(options) or str(tmp_path)
    )
    files = ["config.json", "model.safetensors", "vocab.txt", "spiece.model", "README.md", "model.onnx", "code.py"]
    files += ["pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "sub/model.safetensors", "1_Pooling/config.json"]

    def fetched(**flags):
        fetch_snapshot("acme/reviews", None, dataclasses.replace(context, offline=False, **flags))
        return set(filter_repo_objects(files, ignore_patterns=requests["ignore_patterns"]))

    model = {"config.json", "model.safetensors", "vocab.txt", "spiece.model", "README.md", "1_Pooling/config.json"}
    assert fetched() == model
    assert fetched(allow_pickle=True) == model | {"pytorch_model.bin"}
    assert fetched(trust_remote_code=True) == model | {"code.py", "sub/model.safetensors"}


def test_a_mistyped_folder_gets_a_hint_with_the_nearest_name(cache, context, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    with pytest.raises(NotRunError) as refused:
        fetch_snapshot("my-modle", None, dataclasses.replace(context, offline=True))
    assert refused.value.hint == "did you mean the folder `my-model`?"
