"""Whether ONNX Runtime, CUDA, cuDNN, the driver and PyTorch were made for one another."""

from __future__ import annotations

import ctypes
import tempfile
from importlib.metadata import packages_distributions, version
from typing import TYPE_CHECKING, Any, Literal

from mqa_onnxruntime.capture import captured, said
from mqa_onnxruntime.providers import runtime
from mqa_registry import Finding, find_device

if TYPE_CHECKING:
    from collections.abc import Iterator

# The oldest NVIDIA driver for each CUDA, as the release notes of CUDA have it for Linux.
DRIVERS = {12: 525, 13: 580}
CUDNN = 9  # the cuDNN that ONNX Runtime is built for, since 1.18.1
MODULE = "onnxruntime"


def packages() -> Iterator[Finding]:
    """Whether one distribution of ONNX Runtime is installed, whole, and no other over it."""
    names = sorted(set(packages_distributions().get(MODULE, ())))
    if not names:
        yield Finding("problem", MODULE, "is not installed", "pip install onnxruntime-gpu")
    elif len(names) > 1:
        listed = " and ".join(f"{name} {version(name)}" for name in names)
        keep = next((name for name in names if name.endswith("-gpu")), names[0])
        mend = f"pip uninstall -y {' '.join(names)} && pip install {keep}=={version(keep)}"
        yield Finding("problem", MODULE, f"{listed} have written over each other's files", mend)
    else:
        yield _whole(names[0])


def _whole(name: str) -> Finding:
    import onnxruntime

    wanted, found = version(name), onnxruntime.__version__
    if wanted != found:
        mend = f"pip install --force-reinstall --no-deps {name}=={wanted}"
        return Finding("problem", name, f"is installed as {wanted}, and its files are of {found}", mend)
    made = f"built for CUDA {built_for()}" if built_for() else "built without CUDA"
    if not built_for() and has_gpu():
        mend = f"pip uninstall -y {name} && pip install onnxruntime-gpu=={wanted}"
        return Finding("warning", name, f"{wanted}, {made}: it leaves this machine's GPU alone", mend)
    return Finding("ok", name, f"{wanted}, {made}")


def cuda() -> Iterator[Finding]:
    """Whether driver, cuDNN and PyTorch are of the CUDA that ONNX Runtime was built for."""
    if not built_for():
        yield Finding("ok", "CUDA", "ONNX Runtime is built without it")
        return
    yield _driver()
    yield _cudnn()
    yield _pytorch()


def _driver() -> Finding:
    """The newest CUDA that the NVIDIA driver knows, against the one that ONNX Runtime was built for."""
    try:
        known = _asked("libcuda.so.1", "cuDriverGetVersion")
    except OSError as error:
        return Finding(_level(), "NVIDIA driver", f"is not there: {error}", lost_driver(major(built_for())) * has_gpu())
    words = f"knows CUDA up to {known // 1000}.{known % 1000 // 10}"
    if known // 1000 >= major(built_for()):
        return Finding("ok", "NVIDIA driver", words)
    wrong = f"{words}, and ONNX Runtime is built for {built_for()}"
    return Finding("problem", "NVIDIA driver", wrong, new_driver(major(built_for())))


def _cudnn() -> Finding:
    """The cuDNN that ONNX Runtime would load."""
    import onnxruntime

    with tempfile.TemporaryFile() as log:
        with captured(log):
            onnxruntime.preload_dlls()
        heard = said(log)
    try:
        # Left out of the process where its CUDA is not there: it stands on that.
        found = _asked(f"libcudnn.so.{CUDNN}", "cudnnGetVersion", by_pointer=False)
    except OSError as error:
        return Finding(_level(), "cuDNN", f"cannot be loaded: {error}", libraries() * has_gpu(), heard)
    return Finding("ok", "cuDNN", f"{found // 10000}.{found % 10000 // 100}.{found % 100}")


def _asked(library: str, function: str, *, by_pointer: bool = True) -> int:
    """The version that a library of NVIDIA's tells; an OSError where it cannot be loaded."""
    loaded = ctypes.CDLL(library)
    if not by_pointer:
        loaded[function].restype = ctypes.c_size_t
        return int(loaded[function]())
    number = ctypes.c_int()
    loaded[function](ctypes.byref(number))
    return number.value


def _pytorch() -> Finding:
    """The CUDA that PyTorch was built for: in one process, the two share what libraries have the same name."""
    import torch

    ours, theirs = built_for(), torch.version.cuda
    plain = str(torch.__version__).partition("+")[0]
    mend = f'pip install --force-reinstall "torch=={plain}+cu{major(ours)}0", from the index of PyTorch'
    if theirs is None and has_gpu():
        return Finding("warning", "PyTorch", "is built without CUDA, and so the reference runs on the CPU", mend)
    if theirs is None:
        return Finding("ok", "PyTorch", "is built without CUDA")
    if major(theirs) == major(ours):
        return Finding("ok", "PyTorch", f"is built for CUDA {theirs}, as ONNX Runtime is")
    words = f"is built for CUDA {theirs}, and ONNX Runtime for {ours}: both want the cuDNN that is loaded first"
    return Finding(_level(), "PyTorch", words, mend)


def built_for() -> str:
    """The CUDA that ONNX Runtime was built for, such as `13.0`; nothing where it was built without."""
    from onnxruntime.capi import build_and_package_info as built

    found: Any = getattr(built, "cuda_version", "")
    return str(found or "")


def major(cuda: str) -> int:
    """The first number of a version of CUDA."""
    return int(cuda.partition(".")[0] or 0)


def has_gpu() -> bool:
    """Whether a driver lists an NVIDIA GPU."""
    return find_device("auto").kind == "cuda"


def libraries() -> str:
    """The line that installs the CUDA and cuDNN that ONNX Runtime was built for."""
    name, number = runtime()
    return f'pip install "{name}[cuda,cudnn]=={number}"'


def new_driver(cuda: int) -> str:
    """What to do about a driver that is too old for a CUDA, or missing."""
    least = f" {DRIVERS[cuda]} or newer" if cuda in DRIVERS else ""
    return f"install an NVIDIA driver{least}, which CUDA {cuda} needs"


def lost_driver(cuda: int) -> str:
    """What to do about a driver that lists a GPU, and whose part for CUDA is missing."""
    return f"{new_driver(cuda)}; in a container, let NVIDIA_DRIVER_CAPABILITIES name `compute`"


def _level() -> Literal["problem", "note"]:
    """What is missing for a GPU is a problem where there is one."""
    return "problem" if has_gpu() else "note"
