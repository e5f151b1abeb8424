"""What ONNX Runtime says when it does not run something, in one line for a person."""

from __future__ import annotations

import pytest

from mqa_onnxruntime.runtime_errors import first_line, provider_failure


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("nothing of use\n", ""),
        ("Failed to load libcublasLt.so.13: cannot open shared object file\nmore\n", "libcublasLt.so.13: cannot open "),
        (
            "\x1b[1;31m2026 [E:onnxruntime:Default, x.cc:1 f()] FAIL : Failed to load library a.so with error: b.so\n",
            "b.so",
        ),
        ("\x1b[0;93m2026 [W:onnxruntime:Default, x.cc:1 f] Failed to create X.\x1b[m\n", "Failed to create X."),
        (
            "[W:onnxruntime:Default, x.cc:1 f()] No registered plugin\n[W:onnxruntime:Default, x.cc:1 f] Failed to create X.",
            "Failed to create X.",
        ),
    ],
)
def test_the_reason_is_the_most_specific_line(text, reason):
    assert provider_failure(text).startswith(reason)
    assert "\x1b" not in provider_failure(text)
    assert bool(provider_failure(text)) == bool(reason)


CALL = (
    "/src/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, common::Status> onnxruntime::CudaCall(ERRTYPE,"
    " const char*, int) [with ERRTYPE = cudaError; bool THRW = true; SUCCTYPE = cudaError; std::conditional_t<THRW, void,"
    " common::Status> = void] "
)
PARSED = (
    "/src/core/providers/cuda/info.cc:63 static onnxruntime::Info onnxruntime::Info::FromProviderOptions(const"
    " onnxruntime::ProviderOptions&) [ONNXRuntimeError] : 1 : FAIL : provider_options_utils.h:187 Parse Failed to parse"
    ' provider option "device_id": '
)
NO_GPU = "CUDA failure 100: no CUDA-capable device is detected"
ASIDE = " ; GPU=-1 ; hostname=secret ; file=/src/core/x.cc ; line=70 ; expr=cudaGetDeviceCount(&num_devices); "
WRONG_NUMBER = "Invalid device ID: 3, must be between 0 (inclusive) and 1 (exclusive)."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CALL}{CALL}{NO_GPU}{ASIDE}\n\n\n", NO_GPU),
        (f"{PARSED}{NO_GPU}{ASIDE}\n", NO_GPU),
        (f"{PARSED}{WRONG_NUMBER}\n", f'Failed to parse provider option "device_id": {WRONG_NUMBER}'),
        ("[ONNXRuntimeError] : 1 : FAIL : Load model from /a b/x.onnx failed:/src/g.cc:1 f(int) Bad.\nmore", "Bad."),
        ("", "RuntimeError"),
    ],
)
def test_an_error_of_cuda_is_shown_without_source_location_and_host_name(text, expected):
    assert first_line(RuntimeError(text)) == expected


ADD = "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Add node. Name:'/m/Add_1' Status Message: "
APART = "Attempting to broadcast an axis by a dimension other than 1. 4 by 12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{ADD}/src/ops.h:583 void Iterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || axis == n was false. {APART}\n",
            f"node `/m/Add_1` (Add): {APART}",
        ),
        (f"{ADD}helper.h:59 Compute MatMul dimension mismatch", "node `/m/Add_1` (Add): MatMul dimension mismatch"),
        (f"{ADD}index 9 is out of bounds", "node `/m/Add_1` (Add): index 9 is out of bounds"),
    ],
)
def test_a_failing_node_is_named_without_the_source_and_the_condition(text, expected):
    assert first_line(RuntimeError(text)) == expected
