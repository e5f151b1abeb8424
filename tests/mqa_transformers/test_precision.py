"""float64 means float64: no step of a module, whatever it asks for, is done in anything narrower."""

from __future__ import annotations

import copy
import math
import warnings

import numpy as np
import pytest

from mqa_registry import NotRunError
from mqa_transformers.instrumentation import named_tensors
from mqa_transformers.loading import silence_transformers
from mqa_transformers.precision import arithmetic, cast_module

WORDS = 64
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 64}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
HALVES = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}


def tokens(**more):
    import torch

    ids = torch.arange(3, 3 + 18).reshape(2, 9) % WORDS
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return {"input_ids": ids, "attention_mask": mask} | dict.fromkeys(more, ids)


def image():
    import torch

    return {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16)}


def sound():
    import torch

    return {"input_features": torch.linspace(-1, 1, 2 * 8 * 100).reshape(2, 8, 100)} | {
        "decoder_input_ids": tokens()["input_ids"]
    }


# Per architecture the model's class, its configuration, its inputs, and whether a cast of the weights leaves some of it
# in float32.
ARCHITECTURES = {
    "bert": ("BertForSequenceClassification", "BertConfig", SIZES, tokens, False),
    "llama": ("LlamaForCausalLM", "LlamaConfig", SIZES | {"num_key_value_heads": 1}, tokens, True),
    "t5": (
        "T5ForConditionalGeneration",
        "T5Config",
        {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
        lambda: tokens(decoder_input_ids=True),
        True,
    ),
    "modernbert": ("ModernBertForSequenceClassification", "ModernBertConfig", SIZES, tokens, True),
    "deberta-v2": (
        "DebertaV2ForSequenceClassification",
        "DebertaV2Config",
        SIZES | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 4},
        tokens,
        True,
    ),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", SIZES | {"num_key_value_heads": 1}, tokens, True),
    "vit": ("ViTForImageClassification", "ViTConfig", SIZES | {"image_size": 16, "patch_size": 4}, image, False),
    "whisper": (
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        HALVES
        | {"d_model": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "num_mel_bins": 8, "max_source_positions": 50},
        sound,
        False,
    ),
}


def made(architecture, **more):
    import torch
    import transformers

    name, config, settings, _, _ = ARCHITECTURES[architecture]
    words = {} if architecture == "vit" else {"vocab_size": WORDS} | SPECIAL
    torch.manual_seed(7)
    with silence_transformers():
        return getattr(transformers, name)(getattr(transformers, config)(**settings, **words, **more)).eval()


def cast_weights(module):
    """A copy whose weights, and nothing else, are float64."""
    copied = copy.deepcopy(module).double()
    if getattr(copied.config, "_experts_implementation", None):
        copied.set_experts_implementation("eager")
    return copied


def wide(inputs):
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}


def narrow_steps(run):
    """What runs in less than float64: the operations that take or give such a tensor, but for casts to float64."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    less = {torch.float32, torch.float16, torch.bfloat16, torch.complex64}
    steps = []

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
            cast = isinstance(result, torch.Tensor) and result.dtype == torch.float64 and func.overloadpacket in casts
            if any(tensor.dtype in less for tensor in tensors) and not cast:
                steps.append(str(func))
            return result

    casts = {torch.ops.aten.to, torch.ops.aten._to_copy}
    with Counting():
        run()
    return steps


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_step_runs_in_float64(architecture):
    import torch

    *_, inputs, casts = ARCHITECTURES[architecture]
    original = made(architecture)
    module, cast = cast_module(original, "cpu", "float64"), cast_weights(original)

    def throughout():
        with arithmetic("float64"):
            return module(**wide(inputs()))

    def weights_alone():
        with torch.no_grad():
            return cast(**wide(inputs()))

    assert narrow_steps(throughout) == []
    assert bool(narrow_steps(weights_alone)) >= casts  # or the count would see nothing
    assert {tensor.dtype for tensor in named_tensors(throughout()).values()} == {torch.float64}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_widened_on_use_give_the_outputs_of_a_float64_copy(architecture):
    import torch

    original, inputs = made(architecture), wide(ARCHITECTURES[architecture][3]())
    module, cast = cast_module(original, "cpu", "float64"), cast_weights(original)
    with arithmetic("float64"):
        ours, copied = (named_tensors(one(**inputs)) for one in (module, cast))
    assert all(torch.equal(ours[name], tensor) for name, tensor in copied.items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_float64_module_shares_its_weights(architecture):
    original = made(architecture)
    module = cast_module(original, "cpu", "float64")
    ours, theirs = (dict(one.named_parameters()) for one in (module, original))
    assert ours.keys() == theirs.keys()
    assert all(weight.data_ptr() == theirs[name].data_ptr() for name, weight in ours.items())


def layers():
    """PyTorch's own layers, by kind: some compare the types of weights and inputs before they do anything."""
    from torch import nn

    return {
        "lstm": (nn.LSTM(16, 8, 2, batch_first=True, bidirectional=True), (2, 8, 16)),
        "gru": (nn.GRU(16, 8, batch_first=True), (2, 8, 16)),
        "encoder": (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (2, 8, 16)),
        "convolution": (nn.Conv2d(4, 4, 3, padding="same"), (2, 4, 9, 9)),
        "transposed": (nn.ConvTranspose2d(4, 4, 3), (2, 4, 9, 9)),
        "batch norm": (nn.BatchNorm2d(4), (2, 4, 9, 9)),
        "group norm": (nn.GroupNorm(2, 4), (2, 4, 9, 9)),
        "prelu": (nn.PReLU(), (2, 8, 16)),
        "parametrized": (nn.utils.parametrizations.weight_norm(nn.Linear(16, 4)), (2, 8, 16)),
    }


@pytest.mark.parametrize("kind", layers())
@pytest.mark.parametrize("form", ["module", "script", "export"])
def test_every_layer_takes_weights_widened_on_use(kind, form):
    import torch

    layer, shape = layers()[kind]
    x = torch.linspace(-1, 1, math.prod(shape), dtype=torch.float64).reshape(shape)
    if (kind, form) == ("encoder", "script"):
        pytest.skip("PyTorch's fast path does not survive being traced")
    copied = copy.deepcopy(layer.eval()).double()
    module = cast_module(program(layer, x.float(), form), "cpu", "float64")
    with arithmetic("float64"):
        ours, theirs = (list_tensors(one(x)) for one in (module, copied))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def program(module, x, form):
    """A module in one of the forms that PyTorch has for programs."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is called outdated
        if form == "script":
            return torch.jit.trace(module, x, check_trace=False)
        return torch.export.export(module, (x,)).module() if form == "export" else module


def list_tensors(outputs):
    import torch

    return [outputs] if isinstance(outputs, torch.Tensor) else [one for part in outputs for one in list_tensors(part)]


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_casting_only_the_weights_is_as_inexact_as_float32(architecture):
    import torch

    original = made(architecture)
    module, inputs = cast_module(original, "cpu", "float64"), ARCHITECTURES[architecture][3]()
    with arithmetic("float64"):
        exact = module(**inputs).logits
    with torch.no_grad():
        half_done, single = cast_weights(original)(**inputs).logits, original(**inputs).logits
    error = (single - exact).abs().max()
    assert 1e-9 < error < 1e-5
    assert (half_done - exact).abs().max() > error / 20


def test_attention_implementations_agree_to_the_last_digits_of_float64():
    logits = []
    for kind in ("sdpa", "eager"):
        module = cast_module(made("llama", attn_implementation=kind), "cpu", "float64")
        with arithmetic("float64"):
            logits.append(module(**tokens()).logits)
    assert 0 < (logits[0] - logits[1]).abs().max() < 1e-14


def test_the_original_module_is_unchanged():
    import torch

    original = made("llama")
    before = copy.deepcopy(original.state_dict())
    buffers = {name: buffer.clone() for name, buffer in original.named_buffers()}
    with torch.inference_mode():
        expected = original(**tokens()).logits
    module = cast_module(original, "cpu", "float64")
    with arithmetic("float64"):
        module(**tokens())
    assert torch.get_default_dtype() == torch.float32
    assert all(torch.equal(tensor, before[name]) for name, tensor in original.state_dict().items())
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in original.named_buffers())
    with torch.inference_mode():
        assert torch.equal(original(**tokens()).logits, expected)


def test_after_a_failure_the_default_dtype_is_restored():
    import torch

    with pytest.raises(ZeroDivisionError), arithmetic("float64"):
        1 / 0  # noqa: B018 - any failure of a module
    assert torch.get_default_dtype() == torch.float32
    assert (torch.ones(2) / 3).dtype == torch.float32
    assert torch.ones(2).to(torch.float32).dtype == torch.float32


def test_a_model_that_requires_float32_is_not_run_in_float64():
    from transformers import GPT2Config, GPT2Model

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 16, "vocab_size": WORDS}
    with silence_transformers():
        config = GPT2Config(**sizes, reorder_and_upcast_attn=True, attn_implementation="eager", bos_token_id=1)
        module = cast_module(GPT2Model(config).eval(), "cpu", "float64")
    with pytest.raises(NotRunError, match="does not run in float64: Error with upcasting"), arithmetic("float64"):
        module(**tokens())


@pytest.mark.parametrize("form", ["script", "export"])
def test_a_program_with_float32_in_its_code_runs_in_float64(form):
    import torch

    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.LayerNorm(4)

        def forward(self, x):
            likely = torch.softmax(x.to(torch.float32), -1, dtype=torch.float32)
            return self.norm(likely * torch.arange(4, dtype=torch.float32).float())

    module, x = Named().eval(), torch.linspace(-1, 1, 8).reshape(2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is called outdated
        program = torch.jit.script(module) if form == "script" else torch.export.export(module, (x,)).module()
    copied = cast_module(program, "cpu", "float64")
    with arithmetic("float64"):
        exact = module.double()(x.double())

    def run():
        with arithmetic("float64"):
            return copied(x.double())

    assert narrow_steps(run) == []
    assert torch.equal(run(), exact)


@pytest.mark.parametrize(
    "step",
    [
        lambda torch, x: x.to(torch.float32) / 3,
        lambda torch, x: x.float() / 3,
        lambda torch, x: x.half() / 3,
        lambda torch, x: x.type(torch.bfloat16) / 3,
        lambda torch, x: torch.softmax(x, -1, dtype=torch.float32),
        lambda torch, x: torch.arange(3, dtype=torch.float32) / 3 + x,
        lambda torch, x: torch.arange(3) / 3 + x,
        lambda torch, x: torch.full((3,), 2.0, dtype=torch.float32).sqrt() * x,
        lambda torch, x: torch.full((3,), 2).sqrt() * x,
        lambda torch, x: torch.zeros_like(x, dtype=torch.float32) + x / 3,
        lambda torch, x: torch.tensor(2.0).sqrt() * x,
        lambda torch, x: torch.tensor(2.0, dtype=torch.float32).sqrt() * x,
        lambda torch, x: torch.stack([x.float(), x / 3]).mean(0),
        lambda torch, x: torch.zeros(3, dtype=torch.float32).copy_(x / 3),
        lambda torch, x: torch.view_as_complex(torch.stack([x.float(), x / 3], -1)).abs(),
        lambda torch, x: torch.fft.fft(x.float()).abs(),
        lambda torch, x: torch.nn.functional.scaled_dot_product_attention(*[x[None].float()] * 3)[0] / 3,
    ],
)
def test_every_requested_dtype_becomes_float64(step):
    import torch

    x = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
    with arithmetic("float64"):
        result = step(torch, x)
    with torch.no_grad():
        rough = step(torch, x).double()
    assert result.dtype == torch.float64
    assert result.double().float().double().sub(result).abs().max() > 0, "it has digits that float32 has not"
    torch.testing.assert_close(result, rough, rtol=0.02, atol=0.02)


def test_a_constant_of_a_module_is_widened_on_use():
    import torch

    constant = torch.tensor([0.1, 0.2])
    with arithmetic("float64"):
        product = constant * constant
    assert product.dtype == torch.float64
    np.testing.assert_array_equal(product.numpy(), constant.numpy().astype(np.float64) ** 2)
    assert constant.dtype == torch.float32


def test_integers_and_bits_are_not_widened():
    import torch

    with arithmetic("float64"):
        assert torch.arange(3).dtype == torch.int64
        assert (torch.arange(3) > 1).dtype == torch.bool
        assert torch.tensor([1], dtype=torch.int32).view(torch.float32).item() == 2.0**-149
