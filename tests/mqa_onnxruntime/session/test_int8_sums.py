"""Whether the processor adds products of 8 bits in 16, held against the sums themselves."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mqa_onnxruntime.session.int8_sums import int8_facts, sums_saturate


def product(kind):
    """ONNX Runtime's product of 255s and of 127s, of which the weight is of the type `kind`."""
    weight = numpy_helper.from_array(np.full((64, 1), 127, kind), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "weight"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", 64])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, ["n", 1])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return set(session.run(None, {"rows": np.full((3, 64), 255, np.uint8)})[0].ravel().tolist())


def test_sums_of_unsigned_by_signed_saturate_or_are_exact_as_is_said():
    exact, saturated = 64 * 255 * 127, 32 * np.iinfo(np.int16).max
    assert product(np.int8) == {saturated if sums_saturate() else exact}
    assert product(np.uint8) == {exact}


@pytest.mark.parametrize("precision", ["float32", "float16", "", None])
def test_a_model_without_8_bits_has_no_such_fact(precision):
    assert int8_facts(precision) == {}


@pytest.mark.parametrize("precision", ["int8", "int8-dynamic", "int8-static"])
@pytest.mark.parametrize("saturate", [True, False])
def test_a_model_in_8_bits_has_the_fact_where_sums_saturate(precision, saturate, monkeypatch):
    monkeypatch.setattr("mqa_onnxruntime.session.int8_sums.sums_saturate", lambda: saturate)
    assert int8_facts(precision) == ({"int8_sums": "saturating"} if saturate else {})
