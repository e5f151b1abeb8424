"""Loading: every weight of the module comes from the folder, and nothing is said on the way."""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings

import pytest

from mqa_registry import DataError, MqaError, NotRunError
from mqa_transformers import loading, loading_info
from mqa_transformers.model_source import AutoOptions, AutoSource


def test_the_module_is_in_float32_and_evaluation_mode(bert, opened):
    import torch

    module = opened(bert).module
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert not any(part.training for part in module.modules())


def test_weights_stored_in_half_precision_are_widened(rewrite, opened):
    import torch

    module = opened(rewrite(lambda weights: weights.update({n: w.half() for n, w in weights.items()}))).module
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}


def test_loading_prints_nothing_and_restores_the_settings_of_transformers(bert, opened, capfd):
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model = opened(bert)
        _ = model.module, model.processor
    assert capfd.readouterr() == ("", "")
    assert not heard
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)


def without_head(weights):
    for name in [name for name in weights if "classifier" in name]:
        del weights[name]


def test_missing_weights_of_a_head_are_refused(rewrite, configure, opened):
    rewrite(without_head)
    model = opened(configure(architectures=["BertModel"]))
    with pytest.raises(DataError, match=r"no weights for `classifier\.bias`, `classifier\.weight`, which") as refused:
        _ = model.module
    assert "saved from `BertModel`" in refused.value.hint


def test_a_surplus_layer_in_the_configuration_is_refused(configure, opened):
    with pytest.raises(DataError, match=r"no weights for the layers `bert\.encoder\.layer\.2` of its conf") as refused:
        _ = opened(configure(num_hidden_layers=3)).module
    assert "config.json" in refused.value.hint


def test_missing_layers_are_counted_and_a_head_of_numbered_parts_is_one_layer(configure, opened):
    with pytest.raises(DataError, match=r"the layers `bert\.encoder\.layer\.2`, `bert\.encoder\.layer\.3` and 8 more"):
        _ = opened(configure(num_hidden_layers=12)).module


def test_a_layer_is_missing_where_all_its_weights_are():
    names = ["bert.layer.0.weight", "bert.layer.1.weight", "bert.layer.1.bias", "bert.layer.10.weight", "head.weight"]
    assert loading_info.find_missing_layers(names[1:], names) == ["bert.layer.1", "bert.layer.10"]
    assert loading_info.find_missing_layers(["bert.layer.1.bias", "head.weight"], names) == []


def test_a_layer_that_the_configuration_leaves_out_is_refused(configure, opened):
    with pytest.raises(DataError, match=r"does not have: .*layer\.1\."):
        _ = opened(configure(num_hidden_layers=1)).module


def test_weights_of_a_part_that_the_task_leaves_out_are_harmless(bert, rewrite, opened):
    import torch

    module = opened(rewrite(lambda weights: weights.update({"cls.bias": torch.zeros(3)}))).module
    assert all(torch.equal(v, opened(bert).module.state_dict()[n]) for n, v in module.state_dict().items())


def test_weights_of_another_shape_are_refused(configure, opened):
    labels = {"0": "a", "1": "b", "2": "c"}
    with pytest.raises(DataError, match=r"another shape .*`classifier\.bias`, `classifier\.weight`"):
        _ = opened(configure(id2label=labels, label2id=None)).module


def test_an_unmerged_adapter_is_refused(rewrite, opened):
    import torch

    added = {"bert.encoder.layer.0.attention.self.query.lora_A.default.weight": torch.ones(4, 32)}
    with pytest.raises(DataError, match=r"does not have: .*lora_A") as refused:
        _ = opened(rewrite(lambda weights: weights.update(added))).module
    assert "adapters merged" in refused.value.hint


@pytest.mark.parametrize("damage", [b"", b"garbage" * 99, b"\xff" * 8 + b"{}", b"\x02" + b"\x00" * 7 + b"{x"])
def test_a_damaged_weights_file_is_an_error_of_one_line(folder, opened, damage):
    (folder / "model.safetensors").write_bytes(damage)
    with pytest.raises(DataError, match=r"cannot be loaded as a model|is named as weights in safetensors") as refused:
        _ = opened(folder).module
    assert "\n" not in refused.value.message


def test_a_truncated_weights_file_is_an_error_of_one_line(folder, opened):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1000])
    with pytest.raises(DataError, match="cannot be loaded"):
        _ = opened(folder).module


@pytest.mark.parametrize(
    "keys",
    [
        {"model_type": "frobnicate"},
        {"model_type": None},
        {"model_type": "vit"},
        {"hidden_size": "many"},
        {"num_attention_heads": 0},
        {"hidden_size": 33},
    ],
)
def test_a_configuration_of_another_architecture_is_an_error_of_one_line(configure, opened, keys):
    model = opened(configure(**keys))
    with pytest.raises(DataError) as refused:
        _ = model.module
    assert "\n" not in refused.value.message
    assert str(model.about["id"]) in refused.value.message


def test_a_missing_package_is_not_an_error_of_the_model(bert, opened, monkeypatch):
    def refuse(*_):
        raise ImportError("it needs `sentencepiece`")

    monkeypatch.setattr(loading, "_from_pretrained", refuse)
    with pytest.raises(NotRunError, match="it needs `sentencepiece`"):
        _ = opened(bert).module


def test_a_tokenizer_without_files_is_refused(folder, opened):
    """transformers would make one up, of five tokens, and every text would be unknown to it."""
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer: there is no `tokenizer\.json` and no `vocab\.txt`"):
        _ = opened(folder).processor


@pytest.mark.parametrize("content", ["{}", "no json", '{"version": "1.0", "model": {"type": "WordPiece"}}'])
def test_a_damaged_tokenizer_is_an_error_of_one_line(folder, opened, content):
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(MqaError, match="cannot be loaded as a tokenizer") as refused:
        _ = opened(folder).processor
    assert "\n" not in refused.value.message


def test_a_tokenizer_gives_only_the_inputs_of_the_model(folder, opened):
    """BERT's tokenizer also serves DistilBERT, which has no token types."""
    assert "token_type_ids" in opened(folder).processor.model_input_names
    config = {"model_type": "distilbert", "id2label": {"0": "a", "1": "b"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert opened(folder).processor.model_input_names == ["input_ids", "attention_mask"]


CODE = """
from pathlib import Path
from transformers import BertConfig, BertForSequenceClassification
Path(__file__).with_suffix(".ran").touch()
class Custom(BertForSequenceClassification):
    config_class = BertConfig
"""


def test_code_of_a_model_runs_only_with_the_flag(configure, task, context, opened, *, monkeypatch, tmp_path):
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("sys.path", [*sys.path])
    folder = configure(auto_map={"AutoModelForSequenceClassification": "custom.Custom"})
    (folder / "custom.py").write_text(CODE)
    with pytest.raises(DataError, match="brings code of its own"):
        opened(folder)
    assert not list(tmp_path.rglob("*.ran"))
    model = AutoSource().load(task, dataclasses.replace(context, trust_remote_code=True), AutoOptions(id=folder))
    assert type(model.module).__name__ == "Custom"
    assert model.about["remote_code"]
    assert list(tmp_path.rglob("*.ran"))
