"""Decoders in numpy, sound and damaged, step by step: what is found, where, and whether other tokens are ties."""

from __future__ import annotations

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.generation.probe import GenerationOptions, GenerationParity
from mqa_registry import Generation, NotRunError, ProbeContext, State, ViewContext
from mqa_registry.types import Rows
from tests.execution.inference.decoding.decoders import PromptCodec

VOCABULARY, WIDTH, LAYERS, STEPS = 12, 6, 2, 5
STATES = tuple(State(f"present.{n}.value", f"past_key_values.{n}.value", (0, WIDTH)) for n in range(LAYERS))
PROMPTS = [np.random.default_rng(n).integers(1, VOCABULARY, 1 + n % 7).tolist() for n in range(10)]
RNG = np.random.default_rng(5)
TABLE, HEAD = RNG.normal(size=(VOCABULARY, WIDTH)), RNG.normal(size=(WIDTH, VOCABULARY))
WEIGHTS = RNG.normal(size=(LAYERS, WIDTH, WIDTH))


def keep(values, layer, past):
    return values


def decode(batch, dtype, *, read=keep, write=keep, compute=keep, logits=lambda values: values):
    """Two layers of uniform attention with a cache. Each fault changes values: as read, as given, or as computed."""
    mask = batch["attention_mask"]
    hidden, outputs = TABLE.astype(dtype)[batch["input_ids"]], {}
    for layer in range(LAYERS):
        past = read(batch[f"past_key_values.{layer}.value"].astype(dtype), layer, None)
        new = compute(hidden @ WEIGHTS[layer].astype(dtype), layer, past.shape[1])
        values = np.concatenate([past, new], axis=1)
        sums = np.cumsum(values * mask[..., None].astype(dtype), axis=1)
        counts = np.maximum(np.cumsum(mask, axis=1), 1)[..., None].astype(dtype)
        hidden = hidden + np.tanh((sums / counts)[:, past.shape[1] :])
        outputs[f"present.{layer}.value"] = write(values, layer, mask)
    return {"logits": logits(hidden @ HEAD.astype(dtype)), **outputs}


@pytest.fixture
def observe(numpy_runner):
    def observe(*, reference=decode, mode=None, precision="", rows=8, steps=STEPS, **faults):
        candidate = numpy_runner(compute=partial(reference, **faults), precision=precision)
        table = pa.table({"id": [f"row {n}" for n in range(len(PROMPTS))], "tokens": PROMPTS})
        views = [
            ViewContext(name, Rows(table, ("tokens",)), opened=lambda runner=runner: runner)
            for name, runner in (("onnx", candidate), ("torch", numpy_runner(compute=reference)))
        ]
        codec = PromptCodec(mode or Generation(max_new_tokens=9, states=STATES, end_tokens=()))
        model_under_test = SimpleNamespace(codec=codec, model=SimpleNamespace(about={}))
        context = ProbeContext(views[0], np.random.default_rng(7), views[1], model_under_test)
        return GenerationParity().observe(context, GenerationOptions(rows=rows, steps=steps))

    return observe


def judged(table):
    """The numbers, and where the two differ first."""
    probe = GenerationParity()
    return probe.numbers(table), probe.evidence(table).details["first_divergence"]


def scaled(at, factor=1.01):
    return lambda values, layer, _: values * np.asarray(factor, values.dtype) if layer == at else values


def test_a_sound_decoder_errs_no_more_than_its_reference(observe):
    table = observe()
    numbers, first = judged(table)
    assert max(numbers[name] for name in ("ratio", "first_step", "later_steps", "caches")) <= 1
    assert (numbers["mismatches"], first) == (0, None)
    assert numbers["same_tokens"].tolist() == [True] * 8
    assert numbers["damaged_tokens"].tolist() == [0.0] * 8
    assert set(table.column("step").to_pylist()) == set(range(1, STEPS + 1))


def test_a_cache_that_is_read_wrongly_shows_from_the_second_step_on(observe):
    numbers, first = judged(observe(read=scaled(1)))
    assert numbers["first_step"] <= 1
    assert min(numbers["later_steps"], numbers["caches"], numbers["ratio"]) > 10
    assert (first["kind"], first["step"], first["array"], first["layer"]) == ("cached step", 2, "present.1.value", 1)


def test_a_cache_that_is_given_wrongly_shows_in_the_first_step_without_its_logits(observe):
    numbers, first = judged(observe(write=scaled(0)))
    assert numbers["first_step"] <= 1
    assert (first["kind"], first["step"], first["layer"]) == ("cache output", 1, 0)


def test_a_damaged_prefill_shows_in_the_first_logits_and_names_the_layer(observe):
    numbers, first = judged(
        observe(compute=lambda values, layer, past: values * values.dtype.type(1.1 if layer and not past else 1))
    )
    assert numbers["first_step"] > 10
    assert (first["kind"], first["step"], first["array"]) == ("prefill", 1, "present.1.value")


def test_what_a_cache_holds_at_padding_is_not_compared(observe):
    numbers, first = judged(observe(write=lambda values, _, mask: np.where(mask[..., None] == 0, 99, values)))
    assert (numbers["caches"] <= 1, first) == (True, None)


def pair(batch, dtype, *, gap, lean=0.0):
    """A decoder that finds 3 the most probable token, by so much more than 4; with `lean`, 4 has gained so much."""
    outputs = decode(batch, dtype)
    outputs["logits"][..., 3], outputs["logits"][..., 4] = 9 + gap, 9 + lean
    return outputs


@pytest.mark.parametrize(("gap", "damaged"), [(4e-6, 0.0), (0.25, 1.0)])
def test_another_token_is_a_tie_where_errors_that_are_allowed_decide_it(observe, gap, damaged):
    numbers, _ = judged(observe(reference=partial(pair, gap=gap), lean=2 * gap))
    assert not numbers["same_tokens"].any()
    assert set(numbers["damaged_tokens"]) == {damaged}


def lead(batch, dtype, *, favoured=3):
    """A decoder that always writes 3, or another token that is far less probable."""
    outputs = decode(batch, dtype)
    outputs["logits"][..., 3] = 20
    outputs["logits"][..., favoured] += 40
    return outputs


def test_another_token_that_the_reference_finds_improbable_is_damage(observe):
    table = observe(reference=lead, favoured=5)
    numbers, _ = judged(table)
    assert set(numbers["damaged_tokens"]) == {1.0}
    evidence = GenerationParity().evidence(table)
    assert [one.details for one in evidence.examples] == [{"token": 1, "tie": False}] * 5
    assert all(one.margin > 10 for one in evidence.examples)
    assert "of 8 rows, 8 get other tokens, 0 of them at a tie" in evidence.remarks[-1]


def test_tokens_after_the_end_of_a_text_do_not_count(observe):
    def later(batch, dtype, *, favoured=3):
        """Another token is favoured at every step that reads a cache."""
        cached = batch[STATES[0].input].shape[1] > 0
        return lead(batch, dtype, favoured=favoured if cached else 3)

    for ends, is_same in (((3,), True), ((), False)):
        mode = Generation(max_new_tokens=9, states=STATES, end_tokens=ends)
        numbers, _ = judged(observe(reference=later, favoured=5, mode=mode))
        assert set(numbers["same_tokens"]) == {is_same}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values * np.nan, "NaN or Inf in other places than the reference"),
        (lambda values: values[..., :-1], f"shape ({VOCABULARY - 1},) instead of ({VOCABULARY},)"),
        (lambda values: 1 // 0, "the candidate crashes: "),
    ],
)
def test_what_cannot_be_compared_is_a_mismatch_and_infinitely_far(observe, change, words):
    table = observe(logits=change)
    numbers, _ = judged(table)
    assert numbers["mismatches"] > 0
    assert (numbers["ratio"], numbers["first_step"]) == (math.inf, math.inf)
    assert not numbers["same_tokens"].any()
    assert set(numbers["damaged_tokens"]) == {1.0}
    assert any(text.startswith(words) for text in table.column("mismatch").to_pylist())


def test_tokens_decide_where_pytorch_does_not_have_the_precision(observe):
    numbers, first = judged(observe(reference=lead, favoured=5, precision="int8"))
    assert math.isnan(numbers["ratio"])
    assert first is None
    assert not numbers["same_tokens"].any()
    assert np.isnan(numbers["damaged_tokens"]).all()


def test_a_decoder_without_a_cache_has_logits_alone(observe):
    def whole(batch, dtype, **faults):
        rows = len(batch["input_ids"])
        empty = {state.input: np.zeros((rows, 0, WIDTH), np.float32) for state in STATES}
        return {"logits": decode({**batch, **empty}, dtype, **faults)["logits"]}

    numbers, first = judged(observe(reference=whole, mode=Generation(max_new_tokens=3)))
    assert (numbers["ratio"] <= 1, math.isnan(numbers["caches"]), first) == (True, True, None)


def test_no_more_steps_are_run_than_the_task_generates(observe):
    table = observe(mode=Generation(max_new_tokens=2, states=STATES))
    assert set(table.column("step").to_pylist()) == {1, 2}


def test_a_task_that_generates_nothing_is_refused(observe):
    with pytest.raises(NotRunError, match="generates no tokens"):
        observe(mode=SimpleNamespace(first_step=dict, states=()))
