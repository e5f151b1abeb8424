"""Which execution providers really start here: those that ONNX Runtime lists are those it was built with."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqa_onnxruntime.captured_output import capture_output, read_log
from mqa_onnxruntime.providers.compatibility import (
    cuda_version,
    has_gpu,
    libraries_fix,
    major,
    missing_driver_fix,
    new_driver_fix,
)
from mqa_onnxruntime.providers.placement import placed_nodes
from mqa_onnxruntime.providers.request import CPU, CUDA, GPU_PROVIDERS
from mqa_onnxruntime.providers.runtime_errors import first_line, provider_failure, without_colours
from mqa_onnxruntime.session.factory import RECORD_PLACEMENT, create_session
from mqa_registry import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# The library of TensorRT, with the version that ONNX Runtime was built for: the next one's has another name.
TENSORRT = re.compile(r"libnvinfer\w*\.so\.(?P<major>\d+)")

# What fixes a CUDA whose libraries are all there, by its message; empty where no fix is known.
CUDA_FIXES = {
    "CUDA failure 100:": "let CUDA see the GPU that the driver lists: look at how this container was started",
    "CUDA failure 802:": "start the service `nvidia-fabricmanager`, which GPUs need that are connected by NVSwitch",
    "CUDA failure": "",
}


def probe_providers() -> Iterator[Finding]:
    """Which execution providers start, and run a model."""
    import onnxruntime

    devices = [f"{each.ep_name} on {each.device.type.name}" for each in onnxruntime.get_ep_devices()]
    yield Finding("ok", "devices", ", ".join(devices) or "none")
    with tempfile.TemporaryDirectory() as folder:
        path = _tiny_model(Path(folder))
        # From the plainest to the most demanding, so that one that crashes takes none with it that would have run.
        for name in reversed(onnxruntime.get_available_providers()):
            yield _probe(name, path)


def _probe(provider: str, path: Path) -> Finding:
    """Start one provider, with a session of its own."""
    with tempfile.TemporaryFile() as log:
        try:
            failure = _run(provider, path, log)
        except Exception as error:
            failure = first_line(error)
        printed = without_colours(read_log(log))
    if not failure:
        return Finding("ok", provider, "starts, and runs a model")
    reason = provider_failure(printed) or failure
    no_gpu = "" if provider not in GPU_PROVIDERS or has_gpu() else "; no driver lists an NVIDIA GPU here"
    return Finding(
        "problem" if _is_expected(provider) else "note",
        provider,
        f"does not start: {reason}{no_gpu}",
        _fix(provider, reason),
        printed,
    )


def _run(provider: str, path: Path, log: IO[bytes]) -> str:
    """Why this provider does not run a product of two numbers; empty where it does."""
    import onnxruntime

    names = dict.fromkeys((provider, CPU))
    with capture_output(log):
        if provider in GPU_PROVIDERS:
            onnxruntime.preload_dlls()
        session = create_session(str(path), [(name, {}) for name in names], entries={RECORD_PLACEMENT: "1"})
        (product,) = session.run(None, {"x": np.full((1, 1), 3, np.float32)})
    actual = session.get_providers()[0]
    if actual != provider:
        return f"the session landed on `{actual}`"
    if provider not in placed_nodes(session):
        return "it takes no node of a product of matrices"
    return "" if product.tolist() == [[6.0]] else f"it says that 2 · 3 is {product.tolist()}"


def _tiny_model(folder: Path) -> Path:
    """A model that doubles its input, as a product of matrices."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy")
    two = helper.make_tensor("two", TensorProto.FLOAT, [1, 1], [2.0])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "two"], ["y"])], "double", [x], [y], [two])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "double.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _is_expected(provider: str) -> bool:
    """Whether mqa would use this provider here without being asked for it by name."""
    return provider == CPU or (provider == CUDA and has_gpu())


def _fix(provider: str, reason: str) -> str:
    """What installs what is missing, as a line to type; empty where there is no GPU."""
    if provider not in GPU_PROVIDERS or not has_gpu():
        return ""
    cuda = major(cuda_version())
    if found := TENSORRT.search(reason):
        return (
            f'pip install "tensorrt-cu{cuda}<{int(found["major"]) + 1}",'
            " and let LD_LIBRARY_PATH name the folder of its libraries"
        )
    if "libcuda.so" in reason:
        return missing_driver_fix(cuda)
    if "driver" in reason.lower():
        return new_driver_fix(cuda)
    return next((fix for sign, fix in CUDA_FIXES.items() if sign in reason), libraries_fix())
