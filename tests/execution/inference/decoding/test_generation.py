"""Tokens are generated alike in every batch, with a cache and without, and end where they must."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import BeamSearch, DataError, Generation, Greedy, NotRunError, Sampling
from mqa_registry.execution.inference.decoding import generate
from tests.execution.inference.decoding.decoders import VOCABULARY, Decoder, PromptCodec, generation, write

PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 1, 2], [3, 3]]
DECODINGS = [Greedy(), BeamSearch(beams=3), Sampling(temperature=0.9, top_k=6, top_p=0.95, seed=5)]
prompts = st.lists(st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=5), min_size=1, max_size=4)


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("states", [(), generation().states], ids=["no cache", "cache"])
@settings(max_examples=20)
@given(prompts)
def test_what_is_generated_for_a_row_depends_on_no_other_row(decoding, states, some):
    together, _ = write(some, decoding=decoding, states=states, end_tokens=(2,))
    assert together == [write([prompt], decoding=decoding, states=states, end_tokens=(2,))[0][0] for prompt in some]


@pytest.mark.parametrize("decoding", DECODINGS)
def test_a_cache_changes_nothing(decoding):
    cached, with_cache = write(PROMPTS, decoding=decoding, end_tokens=(2,))
    uncached, without = write(PROMPTS, decoding=decoding, end_tokens=(2,), states=())
    assert cached == uncached
    np.testing.assert_allclose(with_cache["score"], without["score"], rtol=1e-12)


def test_with_a_cache_each_later_step_is_fed_one_token_at_its_position():
    decoder = Decoder()
    tokens, _ = write([[4, 5, 6], [7]], decoder, max_new_tokens=3)
    first, second, third = decoder.fed
    assert first["input_ids"].tolist() == [[4, 5, 6], [0, 0, 7]]
    assert first["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
    assert first["seen_before"].shape == (2, 0, 5)
    assert second["input_ids"].tolist() == [[tokens[0][0]], [tokens[1][0]]]
    assert second["attention_mask"].tolist() == [[1, 1, 1, 1], [0, 0, 1, 1]]
    assert (second["position_ids"].tolist(), third["position_ids"].tolist()) == ([[3], [1]], [[4], [2]])
    assert third["seen_before"].shape == (2, 4, 5)


def test_without_a_cache_every_step_is_fed_the_whole_sequence():
    decoder = Decoder()
    (tokens,), _ = write([[4, 5]], decoder, states=(), max_new_tokens=3)
    assert decoder.fed[-1]["input_ids"].tolist() == [[4, 5, *tokens[:2]]]
    assert decoder.fed[-1]["position_ids"].tolist() == [[0, 1, 2, 3]]


def test_an_input_of_the_first_step_alone_is_not_fed_again():
    decoder = Decoder()
    write([[4, 5]], decoder, first_only=("attention_mask",), max_new_tokens=1)
    assert "attention_mask" in decoder.fed[0]
    with pytest.raises(KeyError, match="attention_mask"):
        write([[4, 5]], decoder, first_only=("attention_mask",), max_new_tokens=2)


def test_a_row_that_ends_leaves_the_batch_and_keeps_its_end_token():
    decoder = Decoder()
    tokens, outputs = write(PROMPTS, decoder, end_tokens=(2, 5))
    assert {line[-1] for line in tokens if len(line) < 6} <= {2, 5}
    sizes = [len(batch["input_ids"]) for batch in decoder.fed]
    assert sizes == [sum(len(line) > step for line in tokens) for step in range(len(sizes))]
    assert len(set(map(len, tokens))) > 1
    assert outputs["log_probabilities"].shape == outputs["tokens"].shape


def test_greedy_decoding_takes_the_most_probable_token_with_its_log_probability():
    decoder = Decoder()
    (tokens,), outputs = write([[1, 2]], decoder, max_new_tokens=1)
    logits = decoder.run(decoder.fed[0])["logits"][0, -1]
    assert tokens == [logits.argmax()]
    expected = logits.max() - np.log(np.exp(logits).sum())
    np.testing.assert_allclose([outputs["score"][0], outputs["log_probabilities"][0, 0]], expected)


@pytest.mark.parametrize("penalty", [0.0, 1.0, -1.0])
def test_a_beam_search_as_wide_as_the_tree_finds_the_best_sequence(penalty):
    """The oracle tries all sequences of three tokens, or fewer with an end token."""
    prompt, end = [1, 4], 3

    def score(sequence):
        text, total = list(prompt), 0.0
        for token in sequence:
            ids = np.array([text])
            batch = {"input_ids": ids, "position_ids": np.arange(len(text))[None], "attention_mask": np.ones_like(ids)}
            logits = Decoder().run(batch)["logits"][0, -1]
            total += logits[token] - np.log(np.exp(logits).sum())
            text.append(token)
        return total / len(sequence) ** penalty

    whole = [one for one in product(range(VOCABULARY), repeat=2) if one[0] != end]
    best = max([*whole, (end,)], key=score)
    search = BeamSearch(beams=VOCABULARY**2, length_penalty=penalty)
    (tokens,), outputs = write([prompt], decoding=search, end_tokens=(end,), max_new_tokens=2)
    assert tuple(tokens) == best
    assert outputs["score"][0] == pytest.approx(score(best))


def test_more_beams_never_score_less_here():
    scores = [write(PROMPTS, decoding=BeamSearch(beams=n), end_tokens=(2,))[1]["score"] for n in (1, 4)]
    assert (scores[1] >= scores[0] - 1e-9).all()
    assert (scores[1] > scores[0] + 1e-3).any()


def test_the_draws_of_a_row_follow_from_the_seed_and_from_the_row():
    draws = {seed: write(PROMPTS, decoding=Sampling(seed=seed))[0] for seed in range(3)}
    assert draws[0] == write(PROMPTS, decoding=Sampling(seed=0))[0]
    assert draws[0] != draws[1] != draws[2]
    assert draws[0][:2] == write(PROMPTS[:2][::-1], decoding=Sampling(seed=0))[0][::-1]


@pytest.mark.parametrize("decoding", DECODINGS)
def test_a_row_with_nan_ends_alone_and_has_no_score(decoding):
    tokens, outputs = write([[8, 1], [1, 2]], Decoder(poison=8), decoding=decoding)
    assert np.isnan(outputs["score"]).tolist() == [True, False]
    assert tokens[0] == []
    assert tokens[1] == write([[1, 2]], Decoder(poison=8), decoding=decoding)[0][0]


@pytest.mark.parametrize("decoding", DECODINGS)
def test_a_task_may_exclude_tokens(decoding):
    class NoRepeat(PromptCodec):
        def process_logits(self, logits, tokens):
            changed = logits.copy()
            for line, so_far in zip(changed, tokens, strict=True):
                line[list(so_far)] = -np.inf
            return changed

    codec = NoRepeat(generation(decoding=decoding))
    rows = codec.encode([{"tokens": prompt} for prompt in PROMPTS])
    outputs = generate(codec, codec.run_mode, Decoder().run, rows, [bytes([n]) for n in range(len(rows))])
    assert all(len(set(line)) == 6 for line in outputs["tokens"].tolist())


def test_a_model_without_the_cache_that_is_fed_back_is_refused():
    decoder = Decoder()

    def without_cache(batch):
        return {"logits": decoder.run(batch)["logits"]}

    codec = PromptCodec(generation())
    with pytest.raises(NotRunError, match="gives no output `seen_after`, which the next step takes as `seen_before`"):
        generate(codec, codec.run_mode, without_cache, codec.encode([{"tokens": [1]}]), [b""])


def test_prompts_that_are_padded_on_the_right_are_refused():
    class PadsRight(PromptCodec):
        def collate(self, rows):
            return {name: np.flip(array, axis=1) for name, array in super().collate(rows).items()}

    codec = PadsRight(generation())
    with pytest.raises(NotRunError, match="padded on the right"):
        generate(codec, codec.run_mode, Decoder().run, codec.encode([{"tokens": [1]}, {"tokens": [1, 2]}]), [b"", b""])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Generation(max_new_tokens=0), "`max_new_tokens` is 0"),
        (lambda: BeamSearch(beams=0), "`beams` is 0"),
        (lambda: Sampling(temperature=0.0), "`temperature` is 0, and it has to be above 0"),
        (lambda: Sampling(top_k=-1), "`top_k` is -1"),
        (lambda: Sampling(top_p=0.0), "`top_p` is 0"),
        (lambda: Sampling(top_p=1.5), "`top_p` is 1.5"),
    ],
)
def test_options_of_decoding_that_mean_nothing_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()
