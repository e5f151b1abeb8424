"""Repositories of the hub: from its cache where a run is offline, with a clear word where they are not there."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from mqa_registry import DataError, NotRunError
from mqa_transformers.model_source import fetch_snapshot

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache of the hub in a folder of its own."""
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
        ("GatedRepoError", DataError, "open to some users"),
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
    files += ["pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "sub/config.json"]

    def fetched(**flags):
        fetch_snapshot("acme/reviews", None, dataclasses.replace(context, offline=False, **flags))
        return set(filter_repo_objects(files, ignore_patterns=requests["ignore_patterns"]))

    model = {"config.json", "model.safetensors", "vocab.txt", "spiece.model"}
    assert fetched() == model
    assert fetched(allow_pickle=True) == model | {"pytorch_model.bin"}
    assert fetched(trust_remote_code=True) == model | {"code.py", "sub/config.json"}


def test_a_mistyped_folder_gets_a_hint_with_the_nearest_name(cache, context, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    with pytest.raises(NotRunError) as refused:
        fetch_snapshot("my-modle", None, dataclasses.replace(context, offline=True))
    assert refused.value.hint == "did you mean the folder `my-model`?"
