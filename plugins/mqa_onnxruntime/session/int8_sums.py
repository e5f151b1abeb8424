"""Sums of products in 8 bits, which ONNX Runtime keeps in 16 bits on some processors."""

from __future__ import annotations

from functools import cache

import numpy as np

LENGTH = 64  # of the rows that are multiplied


def int8_facts(precision: object) -> dict[str, str]:
    """The fact `int8_sums` of a model in 8 bits on a CPU: `saturating` where sums of its products do; else none."""
    return {"int8_sums": "saturating"} if str(precision).startswith("int8") and sums_saturate() else {}


@cache
def sums_saturate() -> bool:
    """Whether ONNX Runtime's sum of the largest products of unsigned and signed 8 bits is too small on this CPU.

    On x86 with AVX2 or AVX-512 and no VNNI, two such products are added in 16 bits, which saturates. A quantized model then
    gives other numbers than on other processors. See "When and why do I need to try U8U8?" in ONNX Runtime's page on quantization,
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
    """
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.full((LENGTH, 1), 127, np.int8), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "weight"], ["sums"])],
        "sums",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, [1, LENGTH])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, [1, 1])],
        [weight],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    [sums] = session.run(None, {"rows": np.full((1, LENGTH), 255, np.uint8)})
    return int(sums[0, 0]) != LENGTH * 255 * 127
