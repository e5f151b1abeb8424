"""A model's folder: its digest changes with whatever its answers depend on, and with nothing else."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_transformers.folder import open_folder


@pytest.fixture
def digest(conditions):
    return lambda folder: open_folder(folder, conditions).digest()


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
def test_any_byte_of_any_file_that_matters_changes_the_digest(folder, conditions, name, place, flipped):
    known = open_folder(folder, conditions)
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
def test_notes_and_other_forms_of_the_model_leave_the_digest(folder, digest, name):
    before = digest(folder)
    (folder / name).write_text("something")
    assert digest(folder) == before


def test_code_counts_only_where_it_is_run(folder, configure, digest, conditions):
    (folder / "modeling.py").write_text("first = 1")
    plain = digest(folder)
    (folder / "modeling.py").write_text("second = 2")
    assert digest(folder) == plain
    configure(auto_map={"AutoModel": "modeling.Model"})
    trusting = dataclasses.replace(conditions, trust_remote_code=True)
    second = open_folder(folder, trusting).digest()
    (folder / "modeling.py").write_text("third = 3")
    assert open_folder(folder, trusting).digest() != second


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
def test_labels_that_cannot_be_told_apart_are_refused(configure, opened, labels, message):
    with pytest.raises(DataError, match=message):
        opened(configure(id2label=labels))


def test_labels_come_by_number_not_by_place_in_the_file(configure, opened):
    labels = {str(number): f"class {number}" for number in reversed(range(12))}
    assert opened(configure(id2label=labels)).labels == tuple(f"class {number}" for number in range(12))


def test_labels_that_nobody_named_are_those_that_transformers_makes_up(configure, opened):
    assert opened(configure(id2label=None)).labels == ("LABEL_0", "LABEL_1")
    assert opened(configure(num_labels=3)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_padding_takes_the_first_positions_of_some_models(configure, opened):
    folder = configure(model_type="roberta", max_position_embeddings=514, pad_token_id=1)
    assert opened(folder).about["positions"] == 512


def test_those_models_pad_with_one_where_their_configuration_leaves_it_out(configure, opened):
    folder = configure(model_type="roberta", max_position_embeddings=514, pad_token_id=None)
    assert opened(folder).about["positions"] == 512


@pytest.mark.parametrize(
    ("config", "pad_token", "unpadded"),
    [
        ({"pad_token_id": 3}, 3, None),
        ({"pad_token_id": None}, None, None),  # left out: what the class says
        ({"pad_token_id": -1}, None, True),
        ({"pad_token_id": 5000}, None, True),
        ({"pad_token_id": None, "text_config": {"pad_token_id": 2, "vocab_size": 9}}, 2, None),
    ],
)
def test_a_configuration_names_the_padding_token_or_does_not(configure, opened, config, pad_token, unpadded):
    about = opened(configure(vocab_size=100, **config)).about
    assert (about.get("pad_token"), about.get("unpadded")) == (pad_token, unpadded)


def test_a_model_says_how_many_tokens_it_has(configure, opened):
    assert opened(configure(vocab_size=123)).about["vocabulary"] == 123
    assert opened(configure(vocab_size=None, text_config={"vocab_size": 45})).about["vocabulary"] == 45
    assert "vocabulary" not in opened(configure(vocab_size=None, text_config=None)).about


def test_a_model_without_a_bound_on_its_input_says_none(configure, opened):
    assert "positions" not in opened(configure(max_position_embeddings=None)).about


def test_a_folder_without_a_model_is_refused(tmp_path, opened):
    with pytest.raises(DataError, match=r"there is no `config\.json`"):
        opened(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": NaN', "[" * 100_000, "\x00\xff"])
def test_a_configuration_that_is_no_json_object_is_refused(folder, opened, content):
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"config\.json"):
        opened(folder)


def test_an_adapter_is_refused_for_its_base_is_not_in_the_digest(folder, opened):
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "other/model"}))
    with pytest.raises(DataError, match="adapter"):
        opened(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_code_of_the_model_needs_a_flag_and_is_reported(folder, task, conditions, opened, file):
    content = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    (folder / file).write_text(json.dumps(content | {"auto_map": {"AutoTokenizer": "code.Tokenizer"}}))
    with pytest.raises(DataError, match="brings code of its own") as refused:
        opened(folder)
    assert file in refused.value.message
    assert "--trust-remote-code" in refused.value.hint
    assert open_folder(folder, dataclasses.replace(conditions, trust_remote_code=True)).code


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
def test_attention_from_the_hub_is_code_too(configure, opened, asked):
    with pytest.raises(DataError, match="brings code of its own"):
        opened(configure(**asked))


@pytest.mark.parametrize("name", ["eager", "sdpa"])
def test_an_attention_of_transformers_is_no_code(configure, opened, name):
    assert opened(configure(_attn_implementation=name)).module.config._attn_implementation == name


def test_an_unreadable_file_is_refused(folder, opened):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(DataError, match="holds no weights"):
        opened(folder)
