"""What a `config.json` says: positions, embeddings, padding and the start of a decoder, as transformers reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry import DataError
from mqa_transformers.configuration import Configuration, read_json


def config(**values):
    return Configuration(Path("config.json"), values)


@pytest.mark.parametrize(
    "model_type",
    [
        "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "mpnet", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
    ],
)  # fmt: skip
def test_some_models_reserve_positions_up_to_the_padding_token(model_type):
    assert config(model_type=model_type, max_position_embeddings=514).max_positions == 512
    assert config(model_type=model_type, max_position_embeddings=514, pad_token_id=0).max_positions == 513


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 1}, 512),
        ({"n_positions": 48}, 48),
        ({"n_positions": 48, "max_position_embeddings": 32}, 32),
        ({"model_type": "roberta", "max_position_embeddings": 2}, None),
        ({"max_position_embeddings": 0}, None),
        ({"max_position_embeddings": "many"}, None),
        ({}, None),
    ],
)
def test_other_models_reserve_no_positions(values, positions):
    assert config(**values).max_positions == positions


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"is_encoder_decoder": True, "decoder_start_token_id": 2, "bos_token_id": 5}, 2),
        ({"is_encoder_decoder": True, "bos_token_id": 5}, 5),
        ({"is_encoder_decoder": True}, 0),
        ({"is_encoder_decoder": False, "decoder_start_token_id": 2}, None),
        ({"decoder_start_token_id": 2}, None),
    ],
)
def test_an_encoder_decoder_has_a_start_token(values, start):
    assert config(**values).decoder_start_token_id == start


@pytest.mark.parametrize(
    ("values", "token", "has_none"),
    [
        ({"pad_token_id": 0, "vocab_size": 5}, 0, False),
        ({"pad_token_id": 5, "vocab_size": 5}, None, True),
        ({"pad_token_id": 5}, 5, False),
        ({"pad_token_id": None}, None, True),
        ({}, None, False),
        ({"text_config": {"pad_token_id": 2, "vocab_size": 3}}, 2, False),
        ({"text_config": {"pad_token_id": 3, "vocab_size": 3}}, None, False),
        ({"text_config": None}, None, False),
    ],
)
def test_a_padding_token_has_an_embedding(values, token, has_none):
    assert (config(**values).pad_token_id, config(**values).has_no_pad_token) == (token, has_none)


def test_labels_are_in_the_order_of_their_numbers():
    names = {str(number): f"class {number}" for number in reversed(range(12))}
    assert config(id2label=names).labels() == tuple(f"class {number}" for number in range(12))
    assert config(num_labels=3).labels() == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_classes_that_a_detector_does_not_use_have_no_name_of_their_own():
    names = {"0": "N/A", "1": "person", "2": "N/A"}
    assert config(id2label=names).labels() == ("LABEL_0", "person", "LABEL_2")


@pytest.mark.parametrize("names", [{"1": "a", "2": "b"}, {"0": "a", "2": "b"}, {"0": "a", "x": "b"}, ["a", "b"]])
def test_labels_that_are_not_numbered_from_zero_are_refused(names):
    with pytest.raises(DataError, match="does not number its labels from 0 up"):
        config(id2label=names).labels()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "holds no JSON object"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_without_a_json_object_is_refused(tmp_path, content, message):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_json(tmp_path / "config.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_json(tmp_path / "config.json")
