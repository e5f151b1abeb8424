"""`mqa parity` of two ONNX files, without PyTorch."""

from __future__ import annotations

import numpy as np
import onnx


def scale_weight(parity, factor):
    def change(graph):
        (weight,) = [one for one in graph.initializer if one.name.startswith("second") and len(one.dims) == 2]
        weight.CopyFrom(
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(factor), weight.name)
        )

    parity.damage(change)


def test_a_file_is_compared_with_another_without_pytorch(files, parity):
    done = files()
    assert done.exit_code == 0, done.output
    report = parity.report()
    assert set(report["environment"]["backends"]) == {"reference", "onnx"}
    assert report["results"][0]["numbers"]["ratio"]["estimate"] <= 1


def test_a_wrong_weight_is_attributed_to_its_module(files, parity):
    scale_weight(parity, 1.001)
    done = files()
    assert done.exit_code == 1, done.output
    assert "times as far from float64 as the reference file in float32" in " ".join(done.stdout.split())
    assert parity.report()["first_divergence"]["module"] == "second"


def test_where_the_file_has_no_such_precision_a_tolerance_decides(files, parity):
    from onnxruntime.quantization import quantize_dynamic

    parity.damage(lambda graph: graph.ClearField("value_info"))  # with which the quantizer disagrees
    quantize_dynamic(parity.folder / "model.onnx", parity.folder / "model.onnx")
    done = files()
    assert done.exit_code == 4, done.output
    assert "the reference file has no int8, and so no error to compare the file's with" in " ".join(done.stdout.split())
    assert files("--tolerance", "1", "0").exit_code == 0
    assert files("--tolerance", "1e-6", "0").exit_code == 1
