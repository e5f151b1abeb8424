"""Which execution providers really start here: what ONNX Runtime lists is no more than what it was built with."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqa_onnxruntime.capture import captured, said
from mqa_onnxruntime.fitting import built_for, has_gpu, libraries, lost_driver, major, new_driver
from mqa_onnxruntime.placement import assigned
from mqa_onnxruntime.providers import CPU, CUDA, ON_GPU, RECORD, SILENT
from mqa_onnxruntime.reasons import COLOURS, reason_in, told
from mqa_registry import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# The library of TensorRT, with the version that ONNX Runtime was built for: the next one's has another name.
TENSORRT = re.compile(r"libnvinfer\w*\.so\.(?P<major>\d+)")

# What mends a CUDA whose libraries are all there, by what it says; nothing known where it says something else.
FAILURES = {
    "CUDA failure 100:": "let CUDA see the GPU that the driver lists: look at how this container was started",
    "CUDA failure 802:": "start the service `nvidia-fabricmanager`, which GPUs need that are connected by NVSwitch",
    "CUDA failure": "",
}


def providers() -> Iterator[Finding]:
    """Which execution providers start, and run a model."""
    import onnxruntime

    seen = [f"{each.ep_name} on {each.device.type.name}" for each in onnxruntime.get_ep_devices()]
    yield Finding("ok", "devices", ", ".join(seen) or "none")
    with tempfile.TemporaryDirectory() as folder:
        path = _tiny_model(Path(folder))
        # From the plainest to the most demanding, so that one that crashes takes none with it that would have run.
        for name in reversed(onnxruntime.get_available_providers()):
            yield _tried(name, path)


def _tried(provider: str, path: Path) -> Finding:
    """One provider, by a session of its own."""
    with tempfile.TemporaryFile() as log:
        try:
            wrong = _run(provider, path, log)
        except Exception as error:
            wrong = told(error)
        heard = COLOURS.sub("", said(log))
    if not wrong:
        return Finding("ok", provider, "starts, and runs a model")
    because = reason_in(heard) or wrong
    aside = "" if provider not in ON_GPU or has_gpu() else "; no driver lists an NVIDIA GPU here"
    return Finding(
        "problem" if _expected(provider) else "note",
        provider,
        f"does not start: {because}{aside}",
        _mend(provider, because),
        heard,
    )


def _run(provider: str, path: Path, log: IO[bytes]) -> str:
    """Why this provider does not run a product of two numbers, or nothing."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    options.add_session_config_entry(RECORD, "1")
    names = [provider] if provider == CPU else [provider, CPU]
    with captured(log):
        if provider in ON_GPU:
            onnxruntime.preload_dlls()
        session = onnxruntime.InferenceSession(str(path), options, providers=names, enable_fallback=0)
        (found,) = session.run(None, {"x": np.full((1, 1), 3, np.float32)})
    landed = session.get_providers()[0]
    if landed != provider:
        return f"the session landed on `{landed}`"
    if provider not in assigned(session):
        return "it takes no node of a product of matrices"
    return "" if found.tolist() == [[6.0]] else f"it says that 2 · 3 is {found.tolist()}"


def _tiny_model(folder: Path) -> Path:
    """Twice its input, as a product of matrices."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy")
    two = helper.make_tensor("two", TensorProto.FLOAT, [1, 1], [2.0])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "two"], ["y"])], "double", [x], [y], [two])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "double.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _expected(provider: str) -> bool:
    """Whether mqa would use this provider here without being asked for it by name."""
    return provider == CPU or (provider == CUDA and has_gpu())


def _mend(provider: str, because: str) -> str:
    """What is missing, as a line to type; nothing where there is no GPU to run on anyway."""
    if provider not in ON_GPU or not has_gpu():
        return ""
    cuda = major(built_for())
    if found := TENSORRT.search(because):
        return (
            f'pip install "tensorrt-cu{cuda}<{int(found["major"]) + 1}",'
            " and let LD_LIBRARY_PATH name the folder of its libraries"
        )
    if "libcuda.so" in because:
        return lost_driver(cuda)
    if "driver" in because.lower():
        return new_driver(cuda)
    return next((mend for sign, mend in FAILURES.items() if sign in because), libraries())
