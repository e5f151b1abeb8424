"""The task `forward`: any model, as it stands."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError, ModelUnderTest, RunContext
from mqa_transformers.loading import silence_transformers
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.forward import Forward, ForwardOptions
from mqa_transformers.torch_backend import TorchBackend, TorchOptions


def build_model(folder):
    context = RunContext(folder / "exports", device="cpu")
    return ModelUnderTest(
        AutoSource().load(Forward(), context, AutoOptions(id=folder)), Forward(), context, ForwardOptions()
    )


def run_model(model_under_test, examples):
    """The outputs and the vectors for these rows in one batch."""
    rows = model_under_test.codec.encode(examples)
    with TorchBackend().open(model_under_test, TorchOptions()) as runner:
        outputs = runner.run(model_under_test.codec.collate(rows))
    return outputs, model_under_test.codec.decode(outputs, rows).column("vector").to_pylist()


@pytest.fixture(scope="session")
def t5(tmp_path_factory, bert):
    """An encoder and decoder with BERT's tokenizer."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("models") / "t5"
    config = T5Config(vocab_size=80, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0)
    torch.manual_seed(7)
    with silence_transformers():
        T5ForConditionalGeneration(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((bert / name).read_text())
    return folder


@pytest.fixture(scope="session")
def vit(tmp_path_factory):
    """A model of images, without a tokenizer."""
    import torch
    from transformers import ViTConfig, ViTModel

    folder = tmp_path_factory.mktemp("models") / "vit"
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=8, patch_size=4
    )
    torch.manual_seed(7)
    with silence_transformers():
        ViTModel(config).save_pretrained(folder)
    return folder


def test_texts_go_through_the_models_own_class_and_tokenizer(bert):
    outputs, vectors = run_model(build_model(bert), [{"text": "good movie"}, {"text": "the movie was bad"}])
    assert outputs["logits"].shape == (2, 2)
    np.testing.assert_allclose(vectors, outputs["logits"], rtol=1e-6)


def test_a_text_for_a_model_without_a_tokenizer_is_refused(vit):
    with pytest.raises(DataError, match="the model has no tokenizer to make its inputs of a text"):
        build_model(vit).codec.encode([{"text": "good movie"}])


def test_an_encoder_and_decoder_gets_a_start_for_its_decoder(t5):
    model_under_test = build_model(t5)
    (row,) = model_under_test.codec.encode([{"text": "good movie"}])
    assert row["decoder_input_ids"][0] == 0
    assert list(row["decoder_input_ids"][1:]) == list(row["input_ids"][:-1])
    outputs, _ = run_model(model_under_test, [{"text": "good movie"}])
    assert outputs["logits"].shape[-1] == 80


def test_padding_changes_no_vector(t5):
    model_under_test = build_model(t5)
    (single,) = run_model(model_under_test, [{"text": "bad"}])[1]
    batched = run_model(model_under_test, [{"text": "bad"}, {"text": "the movie was good"}])[1][0]
    np.testing.assert_allclose(batched, single, atol=1e-5)


def test_arrays_go_to_the_model_as_they_are(vit):
    pixels = np.random.default_rng(7).normal(size=(2, 3, 8, 8)).astype(np.float32)
    outputs, vectors = run_model(build_model(vit), [{"inputs": {"pixel_values": one.tolist()}} for one in pixels])
    name = next(iter(outputs))
    assert len(vectors[0]) == outputs[name][0].size


def test_a_row_without_text_and_arrays_is_refused(vit):
    with pytest.raises(DataError, match="neither `inputs` nor a `text`"):
        build_model(vit).codec.encode([{}])


def test_rows_of_different_ranks_are_refused(vit):
    codec = build_model(vit).codec
    with pytest.raises(DataError, match="other numbers of axes"):
        codec.collate([{"x": np.zeros(3)}, {"x": np.zeros((3, 1))}])


def test_an_image_costs_more_than_a_word(vit):
    cost = build_model(vit).codec.cost
    assert cost({"input_ids": np.zeros(12, np.int64)}) == 12
    assert cost({"pixel_values": np.zeros((3, 224, 224), np.float32)}) == 588


def test_an_output_of_a_row_that_is_padded_in_front_is_its_end(bert):
    model_under_test = build_model(bert)
    model_under_test.model.processor.padding_side = "left"
    rows = [{"attention_mask": np.ones(length)} for length in (1, 3)]
    outputs = {"last_hidden_state": np.arange(6.0).reshape(2, 3, 1)}
    assert model_under_test.codec.decode(outputs, rows)["vector"].to_pylist() == [[2.0], [3.0, 4.0, 5.0]]


def test_the_full_cost_counts_the_tokens_before_truncation(bert):
    codec = build_model(bert).codec
    texts = [{"text": "good"}, {"text": "good movie " * 99}]
    sizes = codec.full_costs(texts, codec.encode(texts))
    assert codec.limit == 64
    assert sizes == [3, 200]


def test_texts_of_a_fixed_length_are_cut_and_padded_to_it(t5):
    codec = build_model(t5).codec.with_length(6)
    examples = [{"text": "bad"}, {"text": "the movie was good " * 9}]
    rows = codec.encode(examples)
    assert {name: array.shape for row in rows for name, array in row.items()} == dict.fromkeys(rows[0], (6,))
    assert [row["attention_mask"].tolist() for row in rows] == [[1, 1, 1, 0, 0, 0], [1] * 6]
    assert (codec.length, codec.full_costs(examples, rows)) == (6, [3, 38])


def test_padding_to_a_fixed_length_changes_no_vector(bert, t5):
    for folder in (bert, t5):
        model_under_test = build_model(folder)
        ((single,), (padded,)) = (
            run_model(one, [{"text": "bad"}])[1] for one in (model_under_test, model_under_test.with_length(9))
        )
        np.testing.assert_allclose(padded, single, atol=1e-5)


def test_arrays_and_models_without_a_tokenizer_have_no_fixed_length(bert, vit):
    row = {"inputs": {"input_ids": [5, 6, 7], "attention_mask": [1, 1, 1]}}
    assert build_model(bert).codec.with_length(9).encode([row])[0]["input_ids"].tolist() == [5, 6, 7]
    assert build_model(vit).codec.with_length(9) is None
