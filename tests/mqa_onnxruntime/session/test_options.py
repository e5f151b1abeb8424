"""The options of the backend: written once, taken by each of its functions, checked before anything is opened."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mqa_onnxruntime.execution_providers import CPU, CUDA
from mqa_onnxruntime.session.backend import OnnxExportOptions, SessionOptions
from mqa_registry import DataError, RunContext

NAMES = [option.name for option in fields(SessionOptions)]


def test_export_options_are_those_of_an_export_alone(backend):
    exporting = {"opset", "precision", "per_channel", "calibration_data", "export_timeout", "custom_ops"}
    assert {option.name for option in fields(OnnxExportOptions)} == exporting < set(NAMES)
    assert (backend.options, backend.export_options) == (SessionOptions, OnnxExportOptions)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_explained_in_the_help(backend, name):
    assert f"`{name}`" in backend.documentation
    assert backend.documentation.startswith("ONNX Runtime, on the model's export or on a given `.onnx`.\n\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"export_timeout": 0}, "`export_timeout` is 0, and an export needs some seconds"),
        ({"export_timeout": -0.5}, "`export_timeout` is -0.5"),
        ({"threads": 0}, "threads"),
        ({"path": Path("m.onnx"), "opset": 20}, "`opset` is for an export, and `m.onnx` is one already"),
        ({"path": Path("m.onnx"), "precision": "float16"}, "`precision` is for an export"),
        ({"per_channel": True}, "`per_channel` is for int8"),
        (
            {"calibration_data": Path("rows.csv"), "precision": "int8-dynamic"},
            "`calibration_data` is for `int8-static`",
        ),
        ({"inputs": {"x": "y"}, "constants": {"x": 1}}, "`x` is in `inputs` and in `constants`"),
        ({"batch_axis": {"x": -1}}, "`batch_axis` of `x` is -1"),
        ({"outputs": {"a": "y", "b": "y"}}, "`outputs` gives two outputs the name `y`"),
    ],
)
def test_options_that_do_not_go_together_are_refused_at_once(options, message):
    with pytest.raises(DataError, match=message):
        SessionOptions(**options)


def test_a_timeout_below_a_second_and_options_of_an_export_without_a_file_are_fine():
    options = SessionOptions(export_timeout=0.5, opset=20, precision="int8-static", per_channel=True)
    assert (options.export_precision.precision, options.export_precision.per_channel) == ("int8-static", True)
    assert options.interface.is_default


def test_gpu_options_become_a_provider_request(tmp_path):
    context = RunContext(exports=tmp_path, device="cpu")
    request = SessionOptions(providers=[CPU], tf32=True).provider_request(context)
    assert (request.providers, request.tf32, request.cuda_graph) == ((CPU,), True, False)
    with pytest.raises(DataError, match=f"`cuda_graph` is for `{CUDA}`"):
        SessionOptions(providers=[CPU], cuda_graph=True).provider_request(context)
