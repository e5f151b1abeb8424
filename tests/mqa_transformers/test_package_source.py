"""The model source `transformers/package`: a folder of an installed package, without importing any of it."""

from __future__ import annotations

import shutil

import pytest

from mqa_registry import DataError, RunContext, UsageError
from mqa_transformers.package_source import PackageOptions, PackageSource
from mqa_transformers.tasks.text_classification import TextClassification


@pytest.fixture
def context(tmp_path):
    return RunContext(tmp_path / "exports", device="cpu")


@pytest.fixture
def package(tmp_path, bert, monkeypatch):
    """An installed distribution `tiny-bert`, whose code must not run, with a model in `tiny_bert/model`."""
    site = tmp_path / "site"
    shutil.copytree(bert, site / "tiny_bert" / "model")
    (site / "tiny_bert" / "__init__.py").write_text("raise RuntimeError('imported')", "utf-8")
    (site / "tiny_bert-1.0.dist-info").mkdir()
    (site / "tiny_bert-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-bert\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    return "tiny-bert"


def test_a_model_of_a_package_is_that_of_its_folder(package, bert, context):
    from mqa_transformers.model_source import AutoOptions, AutoSource

    options = PackageOptions(package=package, folder="tiny_bert/model")
    model = PackageSource().load(TextClassification(), context, options)
    assert model.digest == AutoSource().load(TextClassification(), context, AutoOptions(id=bert)).digest
    assert model.labels == ("negative", "positive")
    assert model.about["id"] == "tiny-bert: tiny_bert/model"
    assert PackageSource().infer_task(context, options) == "transformers/text-classification"


@pytest.mark.parametrize("folder", ["tiny_bert/other", "../..", "/tmp"])
def test_a_folder_that_the_package_has_not_is_refused(package, context, folder):
    with pytest.raises(DataError, match="the package `tiny-bert` has no folder"):
        PackageSource().load(TextClassification(), context, PackageOptions(package=package, folder=folder))


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(context):
    options = PackageOptions(package="no-such-model", folder="x")
    with pytest.raises(UsageError, match="the package `no-such-model` is not installed") as refused:
        PackageSource().load(TextClassification(), context, options)
    assert "pip install" in refused.value.hint
