"""A checkpoint: its digest changes with whatever a prediction depends on, and what is no checkpoint is named for what it is."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_transformers.checkpoint import open_checkpoint


@pytest.fixture
def digest(context):
    return lambda folder: open_checkpoint(folder, context).digest()


def test_models_that_differ_in_one_weight_alone_never_share_a_digest(bert, folder, digest):
    """Same configuration, same file size, same time stamps."""
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    before = weights.stat()
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (weights.stat().st_size, weights.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert digest(folder) != digest(bert)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]),
    place=st.floats(0, 1, exclude_max=True),
    flipped=st.integers(1, 255),
)
def test_every_byte_of_a_used_file_changes_the_digest(folder, context, name, place, flipped):
    known = open_checkpoint(folder, context)
    before, content = known.digest(), (folder / name).read_bytes()
    damaged = bytearray(content)
    damaged[int(place * len(content))] ^= flipped
    (folder / name).write_bytes(damaged)
    assert known.digest() != before
    (folder / name).write_bytes(content)
    assert known.digest() == before


def test_a_copy_elsewhere_has_the_same_digest(bert, folder, digest):
    assert digest(folder) == digest(bert)


def test_a_renamed_file_changes_the_digest(folder, digest):
    before = digest(folder)
    (folder / "tokenizer.json").rename(folder / "tokeniser.json")
    assert digest(folder) != before


def test_an_export_of_the_model_into_its_own_folder_leaves_its_digest_alone(folder, digest):
    before = digest(folder)
    for name in ("model.onnx", "model.onnx.data", "model.mqa.json", "model.trace.json"):
        (folder / name).write_text("{}")
    assert digest(folder) == before


def test_a_file_of_the_processor_that_is_added_changes_the_digest(folder, digest):
    before = digest(folder)
    (folder / "added_tokens.json").write_text("{}")
    assert digest(folder) != before


@pytest.mark.parametrize("name", ["README.md", ".gitattributes", "model.onnx", "training_args.bin", "optimizer.pt"])
def test_notes_and_other_weight_formats_do_not_change_the_digest(folder, digest, name):
    before = digest(folder)
    (folder / name).write_text("something")
    assert digest(folder) == before


def test_code_is_in_the_digest_only_where_it_is_run(folder, configure, digest, context):
    (folder / "modeling.py").write_text("first = 1")
    plain = digest(folder)
    (folder / "modeling.py").write_text("second = 2")
    assert digest(folder) == plain
    configure(auto_map={"AutoModel": "modeling.Model"})
    trusting = dataclasses.replace(context, trust_remote_code=True)
    second = open_checkpoint(folder, trusting).digest()
    (folder / "modeling.py").write_text("third = 3")
    assert open_checkpoint(folder, trusting).digest() != second


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"0": "a", "2": "b"}, "does not number its labels"),
        ({"1": "a", "2": "b"}, "does not number its labels"),
        (["a", "b"], "does not number its labels"),
        ("ab", "does not number its labels"),
        (7, "does not number its labels"),
        ({"0": "a", "1": "a"}, "one label twice"),
    ],
)
def test_ambiguous_labels_are_refused(configure, opened, labels, message):
    with pytest.raises(DataError, match=message):
        opened(configure(id2label=labels))


def test_labels_are_ordered_by_number_not_by_their_order_in_the_file(configure, opened):
    labels = {str(number): f"class {number}" for number in reversed(range(12))}
    assert opened(configure(id2label=labels)).labels == tuple(f"class {number}" for number in range(12))


def test_missing_labels_have_the_default_names_of_transformers(configure, opened):
    assert opened(configure(id2label=None)).labels == ("LABEL_0", "LABEL_1")
    assert opened(configure(num_labels=3)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_padding_takes_the_first_positions_of_some_models(configure, opened):
    folder = configure(model_type="roberta", max_position_embeddings=514, pad_token_id=1)
    assert opened(folder).about["max_positions"] == 512


def test_the_default_padding_token_of_those_models_is_one(configure, opened):
    folder = configure(model_type="roberta", max_position_embeddings=514, pad_token_id=None)
    assert opened(folder).about["max_positions"] == 512


@pytest.mark.parametrize(
    ("config", "pad_token_id", "has_no_pad_token"),
    [
        ({"pad_token_id": 3}, 3, None),
        ({"pad_token_id": None}, None, None),  # left out: what the class says
        ({"pad_token_id": -1}, None, True),
        ({"pad_token_id": 5000}, None, True),
        ({"pad_token_id": None, "text_config": {"pad_token_id": 2, "vocab_size": 9}}, 2, None),
    ],
)
def test_the_padding_token_is_that_of_the_configuration(configure, opened, config, pad_token_id, has_no_pad_token):
    about = opened(configure(vocab_size=100, **config)).about
    assert (about.get("pad_token_id"), about.get("has_no_pad_token")) == (pad_token_id, has_no_pad_token)


def test_the_vocabulary_size_is_that_of_the_configuration(configure, opened):
    assert opened(configure(vocab_size=123)).about["vocab_size"] == 123
    assert opened(configure(vocab_size=None, text_config={"vocab_size": 45})).about["vocab_size"] == 45
    assert "vocab_size" not in opened(configure(vocab_size=None, text_config=None)).about


def test_a_model_without_a_limit_on_its_input_has_no_such_fact(configure, opened):
    assert "max_positions" not in opened(configure(max_position_embeddings=None)).about


def test_a_folder_without_a_model_is_refused(tmp_path, opened):
    with pytest.raises(DataError, match=r"there is no `config\.json`"):
        opened(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": NaN', "[" * 100_000, "\x00\xff"])
def test_a_configuration_that_is_no_json_object_is_refused(folder, opened, content):
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"config\.json"):
        opened(folder)


def test_an_adapter_without_its_base_is_refused(folder, opened):
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "other/model"}))
    with pytest.raises(DataError, match="adapter"):
        opened(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_code_of_the_model_needs_a_flag_and_is_reported(folder, task, context, opened, file):
    content = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    (folder / file).write_text(json.dumps(content | {"auto_map": {"AutoTokenizer": "code.Tokenizer"}}))
    with pytest.raises(DataError, match="brings code of its own") as refused:
        opened(folder)
    assert file in refused.value.message
    assert "--trust-remote-code" in refused.value.hint
    assert open_checkpoint(folder, dataclasses.replace(context, trust_remote_code=True)).has_code


@pytest.mark.parametrize(
    "asked",
    [
        {"attn_implementation": "somebody/kernel"},
        {"_attn_implementation": "somebody/kernel@v1:forward"},
        {"_attn_implementation": {"": "somebody/kernel"}},
        {"text_config": {"attn_implementation": "somebody/kernel"}},
        {"experts_implementation": "somebody/kernel"},
    ],
)
def test_an_attention_kernel_of_the_hub_needs_the_flag(configure, opened, asked):
    with pytest.raises(DataError, match="brings code of its own"):
        opened(configure(**asked))


@pytest.mark.parametrize("name", ["eager", "sdpa"])
def test_an_attention_of_transformers_needs_no_flag(configure, opened, name):
    assert opened(configure(_attn_implementation=name)).module.config._attn_implementation == name


def test_an_unreadable_file_is_refused(folder, opened):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(DataError, match="holds no weights"):
        opened(folder)


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90592\n"


@pytest.fixture
def refused(context):
    def said(path):
        with pytest.raises(DataError) as refusal:
            open_checkpoint(path, context)
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


def test_a_folder_of_models_gets_a_hint_with_their_names(folder, refused, tmp_path):
    shutil.copytree(folder, tmp_path / "runs" / "checkpoint-500")
    assert refused(tmp_path / "runs")[1] == "name a folder inside that has one: `MODEL/checkpoint-500`"


def test_the_format_of_a_file_is_named(refused, tmp_path):
    file = tmp_path / "model.ckpt"
    file.write_bytes(pickle.dumps({}))
    message, hint = refused(file)
    assert message == "`MODEL` is a pickle, and a transformers model is a folder"
    assert "`torch/factory`" in hint


def test_a_pipe_among_the_files_of_a_model_is_refused_without_waiting(folder, opened):
    os.mkfifo(folder / "vocab.txt")
    with pytest.raises(DataError, match="is a pipe or a device"):
        opened(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_pipe_in_place_of_a_file_of_a_model_is_refused(folder, opened, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(DataError):
        opened(folder)


@pytest.mark.parametrize(
    "suffix",
    [
        ".md",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".pkl",
        ".h5",
        ".msgpack",
        ".gguf",
        ".onnx",
        ".data",
        ".py",
        ".safetensors",
    ],
)
def test_files_that_are_not_loaded_do_not_change_the_digest(bert, folder, digest, suffix):
    (folder / f"other{suffix}").write_bytes(b"x")
    assert digest(folder) == digest(bert)


def test_a_hint_names_at_most_three_folders(tmp_path, refused):
    for number in range(5):
        (tmp_path / "runs" / f"step-{number}").mkdir(parents=True)
        (tmp_path / "runs" / f"step-{number}" / "config.json").write_text('{"model_type": "bert"}')
    assert refused(tmp_path / "runs")[1].count("`MODEL/step-") == 3
