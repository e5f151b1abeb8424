"""Sizes of a configuration that no weights have are refused before anything is built of them."""

from __future__ import annotations

import os

import pytest

from mqa_registry import DataError


@pytest.mark.parametrize(
    "asked",
    [
        {"num_labels": 10**7, "id2label": None, "label2id": None},
        {"num_hidden_layers": 10**7},
        {"num_hidden_layers": 2000},
        {"vocab_size": 10**8},
        {"hidden_size": 10**12},
        {"type_vocab_size": 10**10},
        {"text_config": {"num_hidden_layers": 10**9}},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_sizes_that_no_weight_has_are_refused(configure, opened, asked):
    with pytest.raises(DataError, match="its weights have not so many"):
        opened(configure(**asked))


def test_a_length_that_needs_no_weights_may_be_any(configure, opened):
    opened(configure(max_length=10**9, rope_theta=10**7))


def test_a_pipe_among_the_files_of_a_model_is_refused_and_not_waited_for(folder, opened):
    os.mkfifo(folder / "vocab.txt")
    with pytest.raises(DataError, match="is a pipe or a device"):
        opened(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_pipe_in_place_of_a_file_of_a_model_is_refused(folder, opened, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(DataError):
        opened(folder)
