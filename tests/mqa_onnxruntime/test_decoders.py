"""A decoder of transformers and its export with a cache: the host's decoding against `generate`, and step by step.

The oracle is `generate` of transformers, run for each prompt alone, without padding.
"""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.graph.onnx_file import parse_model, read_onnx_file
from mqa_onnxruntime.session.backend import SessionBackend, SessionOptions
from mqa_registry import (
    BeamSearch,
    Generation,
    Greedy,
    Model,
    ModelUnderTest,
    RunContext,
    Sampling,
    cache_states,
    trace_generation,
)
from mqa_registry.execution.inference.decoding import generate
from mqa_registry.execution.inference.decoding.sampling import sampling_probabilities
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from tests.execution.inference.decoding.decoders import PromptCodec
from tests.stand_ins import make_task

pytestmark = pytest.mark.usefixtures("exports_here")
VOCABULARY, LAYERS, HEADS, WIDTH, NEW = 48, 2, 2, 8, 12
END = tuple(range(4))
STATES = cache_states(LAYERS, HEADS, WIDTH)
SAMPLE = ({"tokens": [5, 6, 7]}, {"tokens": [8, 9, 10, 11, 12]})
DECODINGS = {
    "greedy": (Greedy(), {}),
    "beams": (BeamSearch(beams=3), {"num_beams": 3}),
    "long": (
        BeamSearch(beams=4, length_penalty=2.0, early_stopping=True),
        {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True},
    ),
    "short": (BeamSearch(beams=2, length_penalty=-1.0), {"num_beams": 2, "length_penalty": -1.0}),
}


def random_decoder():
    """Weights that are large enough for its choices to be no ties."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=64, n_embd=HEADS * WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=0, eos_token_id=list(END), pad_token_id=0,
    )  # fmt: skip
    module = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(6)
    return module


def trained_decoder():
    """A decoder that was taught to count upwards by two."""
    import torch

    module = random_decoder().train()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.div_(6)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.02)
    for step in range(60):
        starts = torch.randint(4, VOCABULARY, (32, 1), generator=torch.Generator().manual_seed(step))
        ids = 4 + (starts - 4 + 2 * torch.arange(10)) % (VOCABULARY - 4)
        loss = module(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module.eval()


@pytest.fixture(scope="module", params=[random_decoder, trained_decoder], ids=["random", "trained"])
def module(request):
    return request.param()


@pytest.fixture(scope="module")
def prompts():
    rng = np.random.default_rng(2)
    return [rng.integers(4, VOCABULARY, size).tolist() for size in (3, 7, 1, 5)]


def generation(**changed):
    options = {"max_new_tokens": NEW, "end_tokens": END, "positions": "position_ids", "states": STATES}
    return Generation(**options | changed)


def under_test(module, folder, mode=None):
    codec = PromptCodec(mode or generation())
    task = make_task(lambda model: codec, schema="text", fields={"tokens": "tokens"}, sample=SAMPLE)
    model = Model(digest="decoder", module=lambda: module, processor=lambda: None)
    return ModelUnderTest(model, task, RunContext(exports=folder, device="cpu"))


@pytest.fixture(scope="module")
def torch_run(module, tmp_path_factory):
    with TorchBackend().open(under_test(module, tmp_path_factory.mktemp("torch")), TorchOptions()) as runner:
        yield runner.run


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file of the random decoder: what an exporter writes does not depend on the weights."""
    folder = tmp_path_factory.mktemp("exports")
    model_under_test = under_test(random_decoder(), folder)
    with SessionBackend().open(model_under_test, SessionOptions()) as runner:
        yield runner


def write(run, prompts, **changed):
    codec = PromptCodec(generation(**changed))
    rows = codec.encode([{"tokens": prompt} for prompt in prompts])
    outputs = generate(codec, codec.run_mode, run, rows, [bytes(prompt) for prompt in prompts])
    return [line[:n].tolist() for line, n in zip(outputs["tokens"], outputs["lengths"], strict=True)]


def trace(run, prompts, **options):
    codec = PromptCodec(generation())
    return trace_generation(codec, run, codec.encode([{"tokens": prompt} for prompt in prompts]), steps=5, **options)


def reference(module, prompts, **options):
    import torch

    written = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        mask = torch.ones_like(ids)
        whole = module.generate(ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, **options)
        written.append(whole[0, len(prompt) :].tolist())
    return written


@pytest.mark.parametrize("name", DECODINGS)
@pytest.mark.parametrize("states", [STATES, ()], ids=["cache", "no cache"])
def test_pytorch_writes_what_generate_writes(module, torch_run, prompts, name, states):
    decoding, options = DECODINGS[name]
    assert write(torch_run, prompts, decoding=decoding, states=states) == reference(module, prompts, **options)


def test_sampling_draws_from_the_distribution_of_transformers(torch_run, prompts):
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    sampling = Sampling(temperature=0.7, top_k=9, top_p=0.8)
    logits = trace(torch_run, prompts)[0].outputs["logits"][:, -1]
    scores = torch.from_numpy(logits)
    for warper in (TemperatureLogitsWarper(0.7), TopKLogitsWarper(9), TopPLogitsWarper(0.8)):
        scores = warper(None, scores)
    np.testing.assert_allclose(sampling_probabilities(logits, sampling), scores.softmax(-1).numpy(), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "decoding", [Greedy(), BeamSearch(beams=3), Sampling(seed=1)], ids=["greedy", "beams", "draws"]
)
def test_the_export_writes_what_the_model_writes(exported, prompts, tmp_path, decoding):
    with TorchBackend().open(under_test(random_decoder(), tmp_path), TorchOptions()) as runner:
        assert write(exported.run, prompts, decoding=decoding) == write(runner.run, prompts, decoding=decoding)


def test_the_export_takes_and_gives_its_cache_under_the_usual_names(exported):
    file = read_onnx_file(exported.source.path)
    caches = [f"past_key_values.{layer}.{side}" for layer in range(LAYERS) for side in ("key", "value")]
    assert [value.name for value in file.inputs] == ["input_ids", "attention_mask", "position_ids", *caches]
    assert list(file.outputs) == ["logits", *(name.replace("past_key_values", "present") for name in caches)]
    assert file.dynamic_axes["past_key_values.0.key"] == (0, 2)


def test_every_step_and_its_caches_are_alike_on_both(exported, prompts, tmp_path):
    with TorchBackend().open(under_test(random_decoder(), tmp_path), TorchOptions()) as runner:
        steps = trace(runner.run, prompts)
    tokens = np.stack([step.tokens for step in steps], axis=1)
    for one, other in zip(steps, trace(exported.run, prompts, tokens=tokens), strict=True):
        np.testing.assert_allclose(other.outputs["logits"][:, -1], one.outputs["logits"][:, -1], rtol=1e-3, atol=1e-4)
        valid = one.inputs["attention_mask"] != 0
        for state in STATES:  # at padding, a cache has what nothing reads
            pairs = [step.outputs[state.output].transpose(0, 2, 1, 3)[valid] for step in (one, other)]
            np.testing.assert_allclose(*pairs, rtol=1e-3, atol=1e-4)


def test_an_export_that_damages_its_cache_differs_from_the_second_step_on(exported, prompts, tmp_path):
    """The first step is sound, so that a comparison of one forward pass passes."""
    from onnx import helper, numpy_helper

    model = parse_model(exported.source.path)
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    model.graph.initializer.append(half)
    for node in model.graph.node:
        node.input[:] = ["damaged" if name == "past_key_values.1.value" else name for name in node.input]
    model.graph.node.insert(0, helper.make_node("Mul", ["past_key_values.1.value", "half"], ["damaged"], name="damage"))
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(model.SerializeToString())
    for weights in exported.source.path.parent.glob("*.data"):
        (tmp_path / weights.name).write_bytes(weights.read_bytes())
    steps = trace(exported.run, prompts)
    tokens = np.stack([step.tokens for step in steps], axis=1)
    with SessionBackend().open(under_test(random_decoder(), tmp_path), SessionOptions(path=damaged)) as runner:
        candidate = trace(runner.run, prompts, tokens=tokens)
    differences = [
        float(np.abs(one.outputs["logits"][:, -1] - other.outputs["logits"][:, -1]).max())
        for one, other in zip(steps, candidate, strict=True)
    ]
    assert differences[0] < 1e-5
    assert min(differences[1:]) > 1e-2
