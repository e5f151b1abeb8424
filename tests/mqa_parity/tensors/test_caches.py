"""Keys and values of a decoder are compared like any output, where the candidate gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import RunnerFacts
from mqa_transformers.runner import TorchRunner
from tests.stand_ins import make_codec

TENSORS = TensorParity()

TOKENS = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "use_cache": False}
SIZES = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
MODELS = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}),
    "bart": ("BartForConditionalGeneration", "BartConfig", SIZES | {"d_model": 32, "encoder_ffn_dim": 64}),
    "t5": ("T5ForConditionalGeneration", "T5Config", {"d_model": 32, "d_kv": 16, "num_layers": 2, "num_heads": 2}),
}  # fmt: skip
LAYER = {
    "gpt2": "past_key_values.layers.1.values",
    "bart": "past_key_values.self_attention_cache.layers.1.values",
    "t5": "past_key_values.cross_attention_cache.layers.1.values",
}


@pytest.fixture(scope="module")
def made():
    """A decoder with random weights, as PyTorch runs it, asked for no keys and values."""
    import torch
    import transformers

    known = {}

    def make(name):
        if name not in known:
            model, config, settings = MODELS[name]
            torch.manual_seed(7)
            known[name] = getattr(transformers, model)(getattr(transformers, config)(**settings, **TOKENS)).eval()
        module = known[name]
        return TorchRunner(module, module, dict, "cpu", 1, 256, {}, RunnerFacts(precision="float32", tf32=False))

    return make


def collate(rows, *, encoder):
    width = max(len(row["input_ids"]) for row in rows)
    ids = np.array([np.pad(row["input_ids"], (0, width - len(row["input_ids"]))) for row in rows])
    batch = {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}
    return batch | ({"decoder_input_ids": ids} if encoder else {})


@pytest.fixture
def compare(context):
    def run(name, candidate, reference):
        codec = make_codec(
            encode=lambda examples: [{"input_ids": np.array([3 + ord(s) % 60 for s in one["text"]])} for one in examples],
            collate=lambda rows: collate(rows, encoder=name != "gpt2"),
            cost=lambda row: len(row["input_ids"]),
            padding_mask="attention_mask",
        )  # fmt: skip
        table = TENSORS.observe(context(candidate, reference, codec=codec), TensorOptions(rows=12, attribute=False))
        return TENSORS.numbers(table), TENSORS.evidence(table)

    return run


@dataclass
class Edited:
    """A runner whose outputs are changed on their way."""

    right: Any
    change: Any
    budget: int = 256
    facts: ClassVar[RunnerFacts] = RunnerFacts(precision="float32")
    identity: ClassVar[dict[str, str]] = {}

    def run(self, batch):
        return self.change(dict(self.right.run(batch)))


@pytest.mark.parametrize("name", MODELS)
def test_keys_and_values_are_compared_where_they_are_given(compare, made, name):
    found, shown = compare(name, made(name).with_cache_outputs(["past_key_values."]), made(name))
    assert found["mismatches"] == 0
    assert found["ratio"] <= 1
    assert {"logits", LAYER[name]} <= set(shown.details["outputs"])


@pytest.mark.parametrize(
    ("name", "layer"),
    [("gpt2", "present.1.value"), ("bart", "present.0.decoder.key"), ("t5", "present.1.encoder.value")],
)
def test_keys_and_values_under_the_names_of_optimum_are_compared(compare, made, name, layer):
    right = made(name).with_cache_outputs(["present."])
    found, shown = compare(name, right, made(name))
    assert (found["mismatches"], layer in shown.details["outputs"]) == (0, True)
    found, shown = compare(name, Edited(right, lambda found: found | {layer: found[layer] * 1.001}), made(name))
    assert found["ratio"] > 100
    assert next(iter(shown.details["outputs"])) == layer


@pytest.mark.parametrize("name", MODELS)
def test_keys_and_values_are_not_computed_where_the_file_gives_none(compare, made, name):
    found, shown = compare(name, made(name).with_cache_outputs(["logits"]), made(name))
    assert found["mismatches"] == 0
    assert not [output for output in shown.details["outputs"] if output.startswith("past")]


@pytest.mark.parametrize("name", MODELS)
def test_wrong_values_of_one_layer_are_found(compare, made, name):
    wrong = Edited(
        made(name).with_cache_outputs(["past_key_values."]),
        lambda found: found | {LAYER[name]: found[LAYER[name]] * 1.001},
    )
    found, shown = compare(name, wrong, made(name))
    assert found["ratio"] > 100
    assert next(iter(shown.details["outputs"])) == LAYER[name]


def test_a_missing_key_or_value_is_a_mismatch(compare, made):
    def without(found):
        del found[LAYER["gpt2"]]
        return found

    found, shown = compare("gpt2", Edited(made("gpt2").with_cache_outputs(["past_key_values."]), without), made("gpt2"))
    assert found["mismatches"] == 1
    assert shown.remarks[0] == f"`{LAYER['gpt2']}`: the candidate has no such output, in 1 of 1 parts"


def test_a_model_without_any_is_run_as_it_is():
    import torch

    module = torch.nn.Linear(2, 2)
    runner = TorchRunner(module, module, dict, "cpu", 1, 256, {}, RunnerFacts(precision="float32", tf32=False))
    given = {"input": np.ones((1, 2), np.float32)}
    assert np.array_equal(
        runner.with_cache_outputs(["past_key_values."]).run(given)["output"], runner.run(given)["output"]
    )
