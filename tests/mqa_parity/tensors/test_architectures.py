"""`parity/tensors` on tiny models of several architectures: what is healthy passes, each injected fault is far off."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import RunnerFacts
from mqa_transformers.loading import silence_transformers
from mqa_transformers.runner import TorchRunner
from tests.stand_ins import make_codec

TENSORS = TensorParity()

SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 64, "vocab_size": 64}
TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
ARCHITECTURES = {
    "bert": ("BertModel", "BertConfig", SIZES | {"initializer_range": 0.3}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", SIZES | {"num_key_value_heads": 1, "initializer_range": 0.3}),
    "t5": (
        "T5ForConditionalGeneration",
        "T5Config",
        {"vocab_size": 64, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
    ),
    "deberta-v2": (
        "DebertaV2ForSequenceClassification",
        "DebertaV2Config",
        SIZES
        | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 4, "initializer_range": 0.3},
    ),
}


@pytest.fixture(scope="module")
def models():
    """Modules with random weights, by architecture and the way they attend; not to be changed."""
    import torch
    import transformers

    made = {}

    def make(architecture, attention="eager"):
        if (architecture, attention) not in made:
            name, config, settings = ARCHITECTURES[architecture]
            torch.manual_seed(7)
            with silence_transformers():
                whole = getattr(transformers, config)(**settings, **TOKENS, attn_implementation=attention)
                made[architecture, attention] = getattr(transformers, name)(whole).eval()
        return made[architecture, attention]

    return make


def codec(architecture):
    def encode(examples):
        return [{"input_ids": np.array([3 + ord(letter) % 60 for letter in one["text"]])} for one in examples]

    def collate(rows):
        width = max(len(row["input_ids"]) for row in rows)
        ids = np.array([np.pad(row["input_ids"], (0, width - len(row["input_ids"]))) for row in rows])
        batch = {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}
        return batch | ({"decoder_input_ids": ids} if architecture == "t5" else {})

    return make_codec(encode, collate, cost=lambda row: len(row["input_ids"]), padding_mask="attention_mask")


def runner(module, dtype="float32"):
    one = TorchRunner(module, module, None, "cpu", 1, 512, {}, RunnerFacts(precision="float32", tf32=False))
    return one if dtype == "float32" else one.variant(dtype=dtype).__enter__()


@pytest.fixture
def compare(context):
    """The numbers of a candidate beside a reference of that architecture."""

    def run(architecture, candidate, reference, **options):
        return TENSORS.numbers(
            TENSORS.observe(
                context(candidate, runner(reference), codec=codec(architecture)), TensorOptions(rows=16, **options)
            )
        )

    return run


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_another_attention_implementation_passes(compare, models, architecture):
    attention = "eager" if architecture == "deberta-v2" else "sdpa"
    found = compare(architecture, runner(models(architecture, attention)), models(architecture))
    assert found["mismatches"] == 0
    assert 0 < found["ratio"] < 4


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "deberta-v2"])
def test_another_attention_implementation_in_half_precision_passes(compare, models, architecture, dtype):
    found = compare(architecture, runner(models(architecture, "sdpa"), dtype), models(architecture))
    assert found["mismatches"] == 0
    assert 0 < found["ratio"] < 10


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_another_precision_passes_against_pytorch_in_it(compare, models, architecture, dtype):
    found = compare(architecture, runner(models(architecture), dtype), models(architecture))
    assert found["mismatches"] == 0
    assert found["max_abs"] > 1e-4
    assert 0 < found["ratio"] <= 1


def rougher_gelu(torch, module):
    act = next(part for part in module.modules() if type(part).__name__.startswith("GELU"))
    act.forward = lambda x: torch.nn.functional.gelu(x, approximate="tanh")


def larger_eps(torch, module):
    norms = [part for part in module.modules() if "Norm" in type(part).__name__]
    for name in {"eps", "variance_epsilon"} & set(vars(norms[1])):
        setattr(norms[1], name, 1e-2)


def one_weight(torch, module):
    weight = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][3].weight
    weight.data[0] += 0.01


def transposed(torch, module):
    weight = next(p.weight for p in module.modules() if isinstance(p, torch.nn.Linear) and p.weight.shape == (32, 32))
    weight.data = weight.data.T.contiguous()


def rounded(torch, module):
    weight = next(part for part in module.modules() if isinstance(part, torch.nn.Linear)).weight
    step = weight.abs().max() / 127
    weight.data = (weight / step).round() * step


FAULTS = [
    (architecture, fault)
    for architecture in ARCHITECTURES
    for fault in (rougher_gelu, larger_eps, one_weight, transposed, rounded)
    if fault is not rougher_gelu or architecture in {"bert", "deberta-v2"}
]


@pytest.mark.parametrize(("architecture", "fault"), FAULTS, ids=lambda one: getattr(one, "__name__", one))
def test_a_fault_is_far_off(compare, models, architecture, fault):
    import torch

    module = copy.deepcopy(models(architecture))
    with torch.no_grad():
        fault(torch, module)
    found = compare(architecture, runner(module), models(architecture))
    assert found["mismatches"] == 0
    assert found["ratio"] > 30


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_dropped_mask_is_detected_in_padded_rows(compare, models, architecture):
    class Unmasked(TorchRunner):
        def run(self, batch):
            return super().run(batch | {"attention_mask": np.ones_like(batch["attention_mask"])})

    blind = Unmasked(**vars(runner(models(architecture))))
    found = compare(architecture, blind, models(architecture))
    # A causal model never looks at padding on its right.
    assert (found["ratio"] > 1000) == (architecture != "llama")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nan_in_one_weight_is_a_mismatch(compare, models, architecture):
    module = copy.deepcopy(models(architecture))
    next(part for part in module.modules() if "Norm" in type(part).__name__).weight.data[0] = math.nan
    found = compare(architecture, runner(module), models(architecture))
    assert found["mismatches"] > 0
    assert found["ratio"] == math.inf
