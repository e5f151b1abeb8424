"""The diagnoses of `mqa doctor`: whether ONNX Runtime, CUDA, cuDNN, the driver and PyTorch fit, and which providers start.

Those providers that ONNX Runtime lists are those it was built with; whether one starts is tested by starting it.
"""

from __future__ import annotations

import ctypes
import re
import tempfile
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mqa_onnxruntime.captured_output import capture_output, read_log
from mqa_onnxruntime.execution_providers import CPU, CUDA, GPU_PROVIDERS, placed_nodes, runtime_distribution
from mqa_onnxruntime.runtime_errors import first_line, provider_failure, without_colours
from mqa_onnxruntime.session.factory import RECORD_PLACEMENT, create_session
from mqa_registry import Finding, find_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# The oldest NVIDIA driver for each CUDA, from the release notes of CUDA for Linux.
MIN_DRIVERS = {12: 525, 13: 580}
CUDNN = 9  # the cuDNN that ONNX Runtime is built for, since 1.18.1
PACKAGE = "onnxruntime"

# The library of TensorRT, with the version that ONNX Runtime was built for: the next one's has another name.
TENSORRT = re.compile(r"libnvinfer\w*\.so\.(?P<major>\d+)")

# What fixes a CUDA whose libraries are all there, by its message; empty where no fix is known.
CUDA_FIXES = {
    "CUDA failure 100:": "let CUDA see the GPU that the driver lists: look at how this container was started",
    "CUDA failure 802:": "start the service `nvidia-fabricmanager`, which GPUs need that are connected by NVSwitch",
    "CUDA failure": "",
}


def check_packages() -> Iterator[Finding]:
    """Whether one distribution of ONNX Runtime is installed, whole, and no other over it."""
    names = sorted(set(packages_distributions().get(PACKAGE, ())))
    if not names:
        yield Finding("problem", PACKAGE, "is not installed", "pip install onnxruntime-gpu")
    elif len(names) > 1:
        listed = " and ".join(f"{name} {version(name)}" for name in names)
        keep = next((name for name in names if name.endswith("-gpu")), names[0])
        fix = f"pip uninstall -y {' '.join(names)} && pip install {keep}=={version(keep)}"
        yield Finding("problem", PACKAGE, f"{listed} have written over each other's files", fix)
    else:
        yield _check_installation(names[0])


def _check_installation(name: str) -> Finding:
    import onnxruntime

    expected, actual = version(name), onnxruntime.__version__
    if expected != actual:
        fix = f"pip install --force-reinstall --no-deps {name}=={expected}"
        return Finding("problem", name, f"is installed as {expected}, and its files are of {actual}", fix)
    build = f"built for CUDA {cuda_version()}" if cuda_version() else "built without CUDA"
    if not cuda_version() and has_gpu():
        fix = f"pip uninstall -y {name} && pip install onnxruntime-gpu=={expected}"
        return Finding("warning", name, f"{expected}, {build}: it leaves this machine's GPU alone", fix)
    return Finding("ok", name, f"{expected}, {build}")


def check_cuda() -> Iterator[Finding]:
    """Whether driver, cuDNN and PyTorch are of the CUDA that ONNX Runtime was built for."""
    if not cuda_version():
        yield Finding("ok", "CUDA", "ONNX Runtime is built without it")
        return
    yield _check_driver()
    yield _check_cudnn()
    yield _check_pytorch()


def _check_driver() -> Finding:
    """The newest CUDA that the NVIDIA driver knows, against the one that ONNX Runtime was built for."""
    try:
        supported = _library_version("libcuda.so.1", "cuDriverGetVersion")
    except OSError as error:
        return Finding(
            _level(), "NVIDIA driver", f"is not there: {error}", missing_driver_fix(major(cuda_version())) * has_gpu()
        )
    message = f"knows CUDA up to {supported // 1000}.{supported % 1000 // 10}"
    if supported // 1000 >= major(cuda_version()):
        return Finding("ok", "NVIDIA driver", message)
    message = f"{message}, and ONNX Runtime is built for {cuda_version()}"
    return Finding("problem", "NVIDIA driver", message, new_driver_fix(major(cuda_version())))


def _check_cudnn() -> Finding:
    """The cuDNN that ONNX Runtime would load."""
    import onnxruntime

    with tempfile.TemporaryFile() as log:
        with capture_output(log):
            onnxruntime.preload_dlls()
        printed = read_log(log)
    try:
        # It cannot be loaded where the CUDA that it is linked to is not there.
        found = _library_version(f"libcudnn.so.{CUDNN}", "cudnnGetVersion", by_pointer=False)
    except OSError as error:
        return Finding(_level(), "cuDNN", f"cannot be loaded: {error}", libraries_fix() * has_gpu(), printed)
    return Finding("ok", "cuDNN", f"{found // 10000}.{found % 10000 // 100}.{found % 100}")


def _library_version(library: str, function: str, *, by_pointer: bool = True) -> int:
    """The version that a library of NVIDIA reports; an OSError where it cannot be loaded."""
    loaded = ctypes.CDLL(library)
    if not by_pointer:
        loaded[function].restype = ctypes.c_size_t
        return int(loaded[function]())
    number = ctypes.c_int()
    loaded[function](ctypes.byref(number))
    return number.value


def _check_pytorch() -> Finding:
    """The CUDA that PyTorch was built for: in one process, the two share what libraries have the same name."""
    import torch

    ours, theirs = cuda_version(), torch.version.cuda
    plain = str(torch.__version__).partition("+")[0]
    fix = f'pip install --force-reinstall "torch=={plain}+cu{major(ours)}0", from the index of PyTorch'
    if theirs is None and has_gpu():
        return Finding("warning", "PyTorch", "is built without CUDA, and so the reference runs on the CPU", fix)
    if theirs is None:
        return Finding("ok", "PyTorch", "is built without CUDA")
    if major(theirs) == major(ours):
        return Finding("ok", "PyTorch", f"is built for CUDA {theirs}, as ONNX Runtime is")
    message = f"is built for CUDA {theirs}, and ONNX Runtime for {ours}: both use the cuDNN that is loaded first"
    return Finding(_level(), "PyTorch", message, fix)


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
    """Start one provider, in a new session."""
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
    return "" if product.tolist() == [[6.0]] else f"it computes 2 · 3 as {product.tolist()}"


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
    """Whether mqa uses this provider on this machine without a request for it by name."""
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


def cuda_version() -> str:
    """The CUDA that ONNX Runtime was built for, such as `13.0`; nothing where it was built without."""
    from onnxruntime.capi import build_and_package_info

    version: Any = getattr(build_and_package_info, "cuda_version", "")
    return str(version or "")


def major(cuda: str) -> int:
    """The first number of a version of CUDA."""
    return int(cuda.partition(".")[0] or 0)


def has_gpu() -> bool:
    """Whether a driver lists an NVIDIA GPU."""
    return find_device("auto").kind == "cuda"


def libraries_fix() -> str:
    """The line that installs the CUDA and cuDNN that ONNX Runtime was built for."""
    name, number = runtime_distribution()
    return f'pip install "{name}[cuda,cudnn]=={number}"'


def new_driver_fix(cuda: int) -> str:
    """The fix for a driver that is too old for a CUDA, or missing."""
    minimum = f" {MIN_DRIVERS[cuda]} or newer" if cuda in MIN_DRIVERS else ""
    return f"install an NVIDIA driver{minimum}, which CUDA {cuda} needs"


def missing_driver_fix(cuda: int) -> str:
    """The fix for a driver that lists a GPU, and whose part for CUDA is missing."""
    return f"{new_driver_fix(cuda)}; in a container, let NVIDIA_DRIVER_CAPABILITIES name `compute`"


def _level() -> Literal["problem", "note"]:
    """What is missing for a GPU is a problem where the machine has one."""
    return "problem" if has_gpu() else "note"
