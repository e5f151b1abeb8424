"""Texts as wide as the model itself: what is padding there, and what is one of its numbers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mqa_parity.blaming import blame

WIDTH = 32  # what a text is padded to, and the size of the model
LENGTHS = (3, 5, 8)
PLACE = 20  # a number of the pooled vector, and a position that no text has


@pytest.fixture
def wide():
    """Texts that were padded to one width before they came here."""
    rng = np.random.default_rng(3)
    mask = (np.arange(WIDTH) < np.array(LENGTHS)[:, None]).astype(np.int64)
    return {"input_ids": np.where(mask, rng.integers(5, 99, mask.shape), 1), "attention_mask": mask}


@pytest.mark.parametrize("architecture", ["bert", "pooled"])
def test_a_fault_in_a_vector_as_long_as_the_texts_is_named(lab, reference, candidate, wide, architecture):
    found = lab(architecture)
    graph = onnx.load(str(found.path))
    name = "bert.pooler.dense.bias" if architecture == "bert" else "pooler.dense.bias"
    tensor = next(one for one in graph.graph.initializer if one.name == name)
    array = numpy_helper.to_array(tensor).copy()
    array[PLACE] += 0.3
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    told = blame(reference(found.module), candidate(graph, origin=found.path), [wide], mask="attention_mask")
    assert told is not None
    assert (told.kind, told.module) == ("weights", name.removesuffix(".bias"))
