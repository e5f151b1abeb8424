"""Weights are safetensors inside the checkpoint, of the sizes that its configuration says; anything else is refused, a pickle without a flag."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import pickle

import pytest

from mqa_registry import DataError
from mqa_transformers.weights import check_sizes, find_weights


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.file),)


def find(folder, *, allow_pickle=False, **config):
    return find_weights(folder, config, allow_pickle=allow_pickle)


EMPTY = b"\x02" + bytes(7) + b"{}"  # the smallest file of safetensors


def index(folder, *names):
    content = {"weight_map": {f"weight.{number}": name for number, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def test_a_single_safetensors_file_is_preferred(tmp_path):
    for name in ("model.safetensors", "pytorch_model.bin"):
        (tmp_path / name).write_bytes(EMPTY)
    index(tmp_path, "part.safetensors")
    assert find(tmp_path, allow_pickle=True) == (("model.safetensors",), False)


def test_all_files_that_an_index_names_are_the_weights(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.safetensors", "sub/a.safetensors"):
        (tmp_path / name).write_bytes(EMPTY)
    index(tmp_path, "sub/a.safetensors", "b.safetensors", "b.safetensors")
    assert find(tmp_path) == (("model.safetensors.index.json", "b.safetensors", "sub/a.safetensors"), False)


def test_the_configuration_may_name_the_file(tmp_path):
    (tmp_path / "other.safetensors").write_bytes(EMPTY)
    assert find(tmp_path, transformers_weights="other.safetensors") == (("other.safetensors",), False)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "sub/../../x.safetensors", "..\\x"])
def test_weights_outside_of_the_folder_are_refused(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    index(folder, name)
    with pytest.raises(DataError, match="outside of itself"):
        find(folder)


def test_a_configuration_cannot_name_weights_outside_of_the_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.safetensors").touch()
    with pytest.raises(DataError, match="outside of itself"):
        find(folder, transformers_weights="../secret.safetensors")


def pickled(folder, name):
    folder.joinpath(name).write_bytes(pickle.dumps({"weight": [0.0]}))
    return name


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("name", ["x.bin", "x.pt", "x.safetensors", "x", "x.SAFETENSORS"])
def test_a_pickle_in_an_index_of_safetensors_is_refused(tmp_path, name, allow_pickle):
    (tmp_path / "good.safetensors").write_bytes(EMPTY)
    index(tmp_path, "good.safetensors", pickled(tmp_path, name))
    with pytest.raises(DataError, match="is a pickle, and is named as weights in safetensors"):
        find(tmp_path, allow_pickle=allow_pickle)


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("name", ["x.bin", "x.safetensors", "adapter_model.bin"])
def test_a_pickle_that_the_configuration_names_is_refused(tmp_path, name, allow_pickle):
    pickled(tmp_path, name)
    with pytest.raises(DataError, match="is a pickle, and is named as weights in safetensors"):
        find(tmp_path, allow_pickle=allow_pickle, transformers_weights=name)


def test_safetensors_of_another_suffix_are_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(EMPTY)
    with pytest.raises(DataError, match=r"does not end in `\.safetensors`"):
        find(tmp_path, transformers_weights="x.bin")


def test_weights_that_the_configuration_names_have_no_fallback(tmp_path):
    pickled(tmp_path, "pytorch_model.bin")
    with pytest.raises(DataError, match=r"there is no `x\.safetensors`"):
        find(tmp_path, allow_pickle=True, transformers_weights="x.safetensors")


def test_a_pickle_that_would_run_code_is_refused_even_with_the_flag(folder, context, task, tmp_path):
    from mqa_transformers.model_source import AutoOptions, AutoSource

    (folder / "model.safetensors").unlink()
    ran = tmp_path / "ran"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Runs(ran)))
    model = AutoSource().load(task, dataclasses.replace(context, allow_pickle=True), AutoOptions(id=folder))
    with pytest.raises(DataError) as refused:
        _ = model.module
    assert "weights_only" not in refused.value.message + refused.value.hint
    assert not ran.exists()


def test_a_missing_shard_is_named(tmp_path):
    index(tmp_path, "part-1.safetensors")
    with pytest.raises(DataError, match=r"lacks the weights file `part-1\.safetensors`"):
        find(tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"weight_map": {}}', '{"weight_map": ["a"]}', "nonsense"])
def test_an_empty_index_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(DataError):
        find(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no weights"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_a_pickle_needs_a_flag(tmp_path, name):
    (tmp_path / name).write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(DataError, match="pickle") as refused:
        find(tmp_path)
    assert "--allow-pickle" in refused.value.hint
    assert find(tmp_path, allow_pickle=True)[1]


def test_an_allowed_pickle_is_loaded_and_reported(folder, context, task, make_model_under_test):
    import torch
    from safetensors.torch import load_file

    from mqa_transformers.model_source import AutoOptions, AutoSource

    safe = make_model_under_test(folder).model.module.state_dict()
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    model = AutoSource().load(task, dataclasses.replace(context, allow_pickle=True), AutoOptions(id=folder))
    assert model.about["weights"] == "pickle"
    assert all(torch.equal(value, safe[name]) for name, value in model.module.state_dict().items())


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_labels": 10**7, "id2label": None, "label2id": None},
        {"num_hidden_layers": 10**7},
        {"num_hidden_layers": 2000},
        {"vocab_size": 10**8},
        {"hidden_size": 10**12},
        {"type_vocab_size": 10**10},
        {"text_config": {"num_hidden_layers": 10**9}},
    ],
    ids=lambda sizes: next(iter(sizes)),
)
def test_sizes_that_no_weight_has_are_refused(configure, opened, sizes):
    with pytest.raises(DataError, match="no weight is that large"):
        opened(configure(**sizes))


def test_a_size_without_weights_is_not_checked(configure, opened):
    opened(configure(max_length=10**9, rope_theta=10**7))


@pytest.mark.parametrize(
    ("key", "size", "is_refused"),
    [
        ("num_hidden_layers", 1000, False),
        ("num_hidden_layers", 1001, True),
        ("n_blocks", 1001, True),
        ("depth", 1001, True),
        ("vocab_size", 1_000_000, False),
        ("vocab_size", 1_000_001, True),
        ("d_model", 1_000_001, True),
        ("n_heads", 1_000_001, True),
        ("max_length", 10**9, False),
    ],
)
def test_only_unusually_large_sizes_are_checked(tmp_path, key, size, is_refused):
    (tmp_path / "model.safetensors").write_bytes(EMPTY)
    files = ("model.safetensors",)
    if not is_refused:
        check_sizes(tmp_path, {key: size}, files, is_pickled=False)
        return
    with pytest.raises(DataError, match=f"`{key}` is {size:,}, and no weight is that large"):
        check_sizes(tmp_path, {key: size}, files, is_pickled=False)


def test_a_size_that_a_weight_has_is_accepted(tmp_path):
    header = json.dumps({f"layer.{n}": {"shape": [2_000_000, 3]} for n in range(2000)}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    config = {"vocab_size": 2_000_000, "num_layers": 2000}
    check_sizes(tmp_path, config, ("model.safetensors",), is_pickled=False)
    for key, size in config.items():
        with pytest.raises(DataError, match=f"`{key}`"):
            check_sizes(tmp_path, {key: size + 1}, ("model.safetensors",), is_pickled=False)
