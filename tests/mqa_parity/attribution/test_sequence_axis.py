"""A decoder as wide as its encoder, which is padded: what is wrong behind the longest text has a place all the same."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mqa_onnxruntime.export.exporters import export
from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.attribution.dynamic_axes import COMBINED_BATCHES, combine_batches, disambiguate_sequence_axis
from mqa_parity.attribution.paired_run import PairedRun, ReferenceRun
from mqa_registry import RunnerFacts

WIDTH, LENGTHS = 12, (3, 5, 8)
TOKENS = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "use_cache": False}
SIDES = ("encoder", "decoder")
BART = {"d_model": 32, "init_std": 0.2} | {
    f"{side}_{part}": size for side in SIDES for part, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 64))
}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}

# The classes, and a weight of the decoder of which this row has a say at the tenth position alone, or from there on.
MODELS = {
    "bart": ("BartForConditionalGeneration", "BartConfig", BART, "model.decoder.embed_positions", 12),
    "t5": (
        "T5ForConditionalGeneration",
        "T5Config",
        T5,
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
        10,
    ),
}


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    mask = (np.arange(WIDTH) < np.array(LENGTHS)[:, None]).astype(np.int64)
    words, spoken = (rng.integers(3, 64, mask.shape) for _ in SIDES)
    return {"input_ids": words * mask, "attention_mask": mask, "decoder_input_ids": spoken}


@pytest.fixture(params=["t5", pytest.param("bart", marks=pytest.mark.slow)])
def exported(request, batch, tmp_path):
    """A model, its export for any widths, and where a fault is that shows at late positions of the decoder alone."""
    import torch
    import transformers

    name, config, settings, module, row = MODELS[request.param]
    torch.manual_seed(7)
    model = getattr(transformers, name)(getattr(transformers, config)(**settings, **TOKENS)).eval()
    given = batch | {"decoder_input_ids": batch["decoder_input_ids"][:, :5]}
    export(model, given, dict.fromkeys(given, (0, 1)), tmp_path, None)
    return model, tmp_path / "model.onnx", module, row


def damaged(path, weight, row):
    graph = onnx.load(str(path))
    tensor = next(one for one in graph.graph.initializer if one.name == weight)
    array = numpy_helper.to_array(tensor).copy()
    array[row, 1] += 3
    tensor.CopyFrom(numpy_helper.from_array(array, weight))
    return graph


@pytest.mark.slow
def test_a_fault_behind_the_longest_text_is_named(exported, batch, reference, candidate):
    model, path, module, row = exported
    truth, faulty = replace(reference(model), sample=lambda: batch), damaged(path, f"{module}.weight", row)
    found = attribute_difference(truth, candidate(faulty, origin=path), [batch], mask="attention_mask")
    assert (found.kind, found.module) == ("weights", module)
    assert attribute_difference(truth, candidate(path), [batch], mask="attention_mask") is None


def network(batch, dtype):
    """An encoder whose padding is nobody's, and a decoder that reads all it says."""
    mask = batch["attention_mask"]
    heard = np.tanh(batch["input_ids"].astype(dtype) / 64)[..., None] * np.ones(4, dtype)
    said = np.tanh(batch.get("decoder_input_ids", batch["input_ids"]).astype(dtype) / 64)[..., None]
    whole = (heard * mask[..., None]).sum(1)
    return {
        "heard": heard,
        "said": said + whole[:, None],
        "keys": np.stack([heard] * WIDTH, axis=1),  # as many heads as there are positions
        "alike": whole @ whole.T,
    }


@dataclass
class Plain:
    """A model in numpy; `widest` is the most positions that it takes."""

    dtype: Any = np.float32
    change: Any = lambda outputs, mask: outputs
    widest: int = WIDTH + 1
    facts: RunnerFacts = field(default_factory=RunnerFacts)

    def run(self, batch):
        if batch["attention_mask"].shape[1] > self.widest:
            raise ValueError("too many positions")
        return self.change(network(batch, self.dtype), batch["attention_mask"])

    @contextmanager
    def variant(self, *, dtype="", optimization=""):
        yield Plain(np.dtype(dtype).type if dtype else self.dtype, self.change, self.widest)

    def module_names(self):
        return []

    def module_outputs(self, batch, modules):
        return {}


def late(outputs, mask):
    outputs["said"][:, -1] += np.float32(0.1)
    return outputs


def padding(outputs, mask):
    outputs["heard"][mask == 0] = 7
    return outputs


def test_late_tokens_are_compared_and_padding_is_not(batch):
    assert attribute_difference(Plain(), Plain(change=late), [batch], mask="attention_mask").kind == "exporter"
    assert attribute_difference(Plain(), Plain(change=padding), [batch], mask="attention_mask") is None


@pytest.mark.parametrize("widest", [(WIDTH, WIDTH + 1), (WIDTH + 1, WIDTH)], ids=["model", "export"])
def test_every_position_is_compared_where_a_side_takes_no_wider_input(batch, widest):
    model, held = Plain(widest=widest[0]), Plain(change=late, widest=widest[1])
    assert attribute_difference(model, held, [batch], mask="attention_mask").kind == "exporter"


def last_head(outputs, mask):
    outputs["keys"][:, -1, 0] += np.float32(0.1)
    return outputs


def last_row(outputs, mask):
    outputs["alike"][:, -1] += np.float32(0.1)
    return outputs


@pytest.mark.parametrize("change", [last_head, last_row])
@pytest.mark.parametrize("widest", [WIDTH, WIDTH + 1])
def test_heads_and_rows_of_the_same_number_are_no_positions(batch, change, widest):
    many = {name: np.repeat(array, WIDTH // len(array), axis=0) for name, array in batch.items()}
    many["decoder_input_ids"] = many["decoder_input_ids"][:, :5]
    model, held = Plain(widest=widest), Plain(change=change, widest=widest)
    assert attribute_difference(model, held, [many], mask="attention_mask").kind == "exporter"
    assert attribute_difference(model, Plain(widest=widest), [many], mask="attention_mask") is None


def test_batches_of_other_widths_are_unchanged(batch):
    for spoken in (batch["decoder_input_ids"][:, :5], None):
        other = {name: array for name, array in batch.items() if name != "decoder_input_ids"}
        other |= {} if spoken is None else {"decoder_input_ids": spoken}
        case = PairedRun(ReferenceRun(Plain(), Plain(np.float64), other, "attention_mask"), Plain())
        assert disambiguate_sequence_axis(case, ()) is case
        assert (case.reference.valid == batch["attention_mask"].astype(bool)).all()


TEXT_WIDTH = 32  # what a text is padded to, and the size of the model
TEXT_LENGTHS = (3, 5, 8)
PLACE = 20  # a number of the pooled vector, and a position that no text has


@pytest.fixture
def wide():
    """Texts that were padded to one width before they came here."""
    rng = np.random.default_rng(3)
    mask = (np.arange(TEXT_WIDTH) < np.array(TEXT_LENGTHS)[:, None]).astype(np.int64)
    return {"input_ids": np.where(mask, rng.integers(5, 99, mask.shape), 1), "attention_mask": mask}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bert", "pooled"])
def test_a_fault_in_a_vector_as_long_as_the_texts_is_named(lab, reference, candidate, wide, architecture):
    found = lab(architecture)
    graph = onnx.load(str(found.path))
    name = "bert.pooler.dense.bias" if architecture == "bert" else "pooler.dense.bias"
    tensor = next(one for one in graph.graph.initializer if one.name == name)
    array = numpy_helper.to_array(tensor).copy()
    array[PLACE] += 0.3
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    told = attribute_difference(
        reference(found.module), candidate(graph, origin=found.path), [wide], mask="attention_mask"
    )
    assert told is not None
    assert (told.kind, told.module) == ("weights", name.removesuffix(".bias"))


def padded(rows, length):
    mask = np.ones((rows, length), np.int64)
    return {"input_ids": np.full((rows, length), rows), "attention_mask": mask}


def test_batches_of_several_lengths_are_one_batch_of_the_longest():
    found = combine_batches([padded(2, 3), padded(1, 5)], "attention_mask")
    assert found["input_ids"].tolist() == [[2] * 5, [2] * 5, [1] * 5]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1] * 5]


def test_batches_are_combined_as_far_as_memory_goes_and_their_shapes_agree():
    assert len(combine_batches([padded(3, 4)] * 9, "attention_mask")["input_ids"]) == 3 * COMBINED_BATCHES
    images = [{"x": np.zeros((2, 3, size, size))} for size in (8, 9)]
    assert combine_batches(images, "") is None
    assert combine_batches(images[:1] * 2, "")["x"].shape == (4, 3, 8, 8)
