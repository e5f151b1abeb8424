"""What holds no whole model is told for what it is, with a hint that can be followed."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest

from mqa_registry import DataError
from mqa_transformers.folder import open_folder

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90592\n"


@pytest.fixture
def refused(conditions):
    def said(path):
        with pytest.raises(DataError) as refusal:
            open_folder(path, conditions)
        return refusal.value.message.replace(str(path), "MODEL"), refusal.value.hint.replace(str(path), "MODEL")

    return said


@pytest.mark.parametrize("whole", [True, False])
def test_an_adapter_names_its_base(folder, refused, whole):
    if not whole:
        (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    message, hint = refused(folder)
    assert message == "`MODEL` holds an adapter for the model `org/base`, which is no whole model"
    assert "`merge_and_unload()`" in hint
    (folder / "adapter_config.json").write_text("{}")
    assert refused(folder)[0] == "`MODEL` holds an adapter, which is no whole model"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_that_git_lfs_did_not_fetch_is_named(folder, refused, name):
    (folder / name).write_text(LFS)
    message, hint = refused(folder)
    assert message == f"`MODEL/{name}` is a pointer of git-LFS in place of the file"
    assert hint.startswith("`git lfs pull`")


def test_the_transformer_of_sentence_transformers_is_the_folder_inside(folder, refused, tmp_path):
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "0_Transformer")
    (outer / "1_Pooling").mkdir()
    (outer / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (outer / "modules.json").write_text("[]")
    message, hint = refused(outer)
    assert "sentence-transformers" in message
    assert hint == "name that folder: `MODEL/0_Transformer`"


def test_a_folder_around_models_names_them(folder, refused, tmp_path):
    shutil.copytree(folder, tmp_path / "runs" / "checkpoint-500")
    assert refused(tmp_path / "runs")[1] == "name a folder inside that has one: `MODEL/checkpoint-500`"


def test_a_file_is_told_for_what_it_is(refused, tmp_path):
    file = tmp_path / "model.ckpt"
    file.write_bytes(pickle.dumps({}))
    message, hint = refused(file)
    assert message == "`MODEL` is a pickle, and a transformers model is a folder"
    assert "`torch/factory`" in hint
