"""The steps of a generation, for probes: with the same tokens, two models can be held against each other step by step."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import NotRunError, trace_generation
from tests.execution.inference.decoding.decoders import SEEN, Decoder, PromptCodec, generation, write
from tests.stand_ins import make_codec

PROMPTS = [[1, 2, 3], [4]]


def trace(decoder, **options):
    codec = PromptCodec(generation())
    rows = codec.encode([{"tokens": prompt} for prompt in PROMPTS])
    return trace_generation(codec, decoder.run, rows, steps=4, **options)


def test_steps_are_those_of_a_generation():
    steps = trace(Decoder())
    tokens, _ = write(PROMPTS, max_new_tokens=4)
    assert np.stack([step.tokens for step in steps], axis=1).tolist() == tokens
    assert [step.outputs[SEEN.output].shape[1] for step in steps] == [3, 4, 5, 6]
    np.testing.assert_array_equal(steps[1].inputs[SEEN.input], steps[0].outputs[SEEN.output])


def test_given_tokens_are_fed_whatever_is_most_probable():
    forced = np.array([[7, 8, 1, 2], [1, 1, 1, 1]])
    steps = trace(Decoder(), tokens=forced)
    assert [step.inputs["input_ids"].ravel().tolist() for step in steps[1:]] == [[7, 1], [8, 1], [1, 1]]


def test_a_decoder_that_loses_its_cache_differs_from_the_second_step_on():
    """The first step has no cache to lose: one forward pass would show nothing."""

    class Forgets(Decoder):
        def run(self, batch):
            past = batch[SEEN.input]
            return super().run({**batch, SEEN.input: past * 0.5})

    reference = trace(Decoder())
    tokens = np.stack([step.tokens for step in reference], axis=1)
    candidate = trace(Forgets(), tokens=tokens)
    differences = [
        float(np.abs(one.outputs["logits"][:, -1] - other.outputs["logits"][:, -1]).max())
        for one, other in zip(reference, candidate, strict=True)
    ]
    assert differences[0] == 0
    assert min(differences[1:]) > 1e-3


def test_the_inputs_of_a_step_of_one_model_can_be_run_by_another():
    """Then only the fault of that step shows, and none that was carried on in a cache."""
    for step in trace(Decoder()):
        np.testing.assert_allclose(Decoder().run(step.inputs)["logits"], step.outputs["logits"], rtol=1e-12)


def test_a_task_that_generates_nothing_has_no_steps():
    with pytest.raises(NotRunError, match="generates no tokens"):
        trace_generation(make_codec(), dict, [], steps=1)
