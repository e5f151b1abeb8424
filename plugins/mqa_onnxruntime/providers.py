"""Which execution provider is to run the model, and which one really does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

from mqa_onnxruntime.capture import captured, said
from mqa_onnxruntime.reasons import mend_of, reason_in, starts_nowhere, told
from mqa_registry import DataError, NotRunError, find_device

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mqa_registry import Conditions, Device

Optimization = Literal["all", "extended", "basic", "disabled"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
ON_GPU = (CUDA, "TensorrtExecutionProvider")

DISTRIBUTIONS = ("onnxruntime-gpu", "onnxruntime")
LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}
RECORD = "session.record_ep_graph_assignment_info"  # has a session remember which provider got which nodes
SILENT = 4  # fatal errors alone; what goes wrong comes as an exception anyway


@dataclass(frozen=True)
class Asked:
    """What is to run the model. `binding`: the first provider and no other, else it was not run as asked.

    `tf32` lets CUDA multiply in TensorFloat-32, `graph` has it capture what it does, to do it again at once.
    """

    providers: tuple[str, ...]
    device: Device
    binding: bool
    tf32: bool = False
    graph: bool = False


def asked_for(conditions: Conditions, providers: Sequence[str] | None) -> Asked:
    """What the suite and the command line ask for, known without ONNX Runtime; `auto` is what the machine seems to have."""
    if providers is None:
        device = find_device(conditions.device, cuda=runtime()[0] == "onnxruntime-gpu")
        preferred = (CPU,) if device.kind == "cpu" else (CUDA, CPU)
        return Asked(preferred, device, binding=conditions.device != "auto")
    if not providers:
        raise DataError("`providers` is empty", hint=f'leave it out, or name one, as in `["{CPU}"]`')
    on_gpu = providers[0] in ON_GPU
    gpu = conditions.device if conditions.device.startswith("cuda") else "cuda"
    # The CPU always stands behind the others, named or not.
    names = tuple(dict.fromkeys([*providers, CPU]))
    return Asked(names, find_device(gpu if on_gpu else "cpu"), binding=True)


def check_allowed(conditions: Conditions, asked: Asked) -> None:
    """That the suite does not ask for another provider than the CPU where the command line asks for the CPU."""
    if conditions.device == "cpu" and asked.providers[0] != CPU:
        raise NotRunError(
            f"the suite asks for `{asked.providers[0]}`, and the command line for `--device cpu`",
            hint="leave one of the two out",
        )


def runtime() -> tuple[str, str]:
    """The installed distribution of ONNX Runtime and its version."""
    for name in DISTRIBUTIONS:
        try:
            return name, version(name)
        except PackageNotFoundError:
            continue
    raise NotRunError("ONNX Runtime is not installed", hint="`pip install onnxruntime-gpu`, on macOS `onnxruntime`")


def open_session(
    path: Path, asked: Asked, optimization: Optimization, threads: int | None, library: Path | None = None
) -> tuple[Any, str]:
    """A session for an ONNX file, and why its first provider is not the first asked for, where that is so.

    `library` is code that is run: it brings operators of its own.
    Raises a NotRunError where the file cannot be run, or not by the provider that must.
    """
    try:
        session, reason = _opened(path, asked, optimization, threads, library)
    except NotRunError as error:
        if asked.binding or asked.providers == (CPU,):
            raise
        session, _ = _opened(path, replace(asked, providers=(CPU,)), optimization, threads, library)
        reason = told(error.__cause__) if isinstance(error.__cause__, Exception) else error.message
    landed = session.get_providers()[0]
    if landed == asked.providers[0]:
        return session, ""
    if not asked.binding:
        return session, reason
    because = f": {reason}" if reason else ""
    raise _unfulfilled(asked, f"the session landed on `{landed}`{because}")


def _unfulfilled(asked: Asked, instead: str) -> NotRunError:
    return NotRunError(
        f"`{asked.providers[0]}` was asked for, and {instead}",
        hint=f"`mqa doctor` shows what mends it: ONNX Runtime {runtime()[1]}, CUDA, cuDNN and driver must fit",
    )


def _opened(
    path: Path, asked: Asked, optimization: Optimization, threads: int | None, library: Path | None
) -> tuple[Any, str]:
    """A session, in silence, and what was said of a provider that did not start."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        message = f"ONNX Runtime opens no file whose path is not UTF-8: `{path}`"
        raise NotRunError(message, hint="name it, and the folders above it, otherwise") from None
    with tempfile.TemporaryFile() as log:
        try:
            with captured(log):
                session = _session(path, asked, optimization, threads, library)
        except NotRunError:
            raise
        except Exception as error:
            if starts_nowhere(error):
                raise _unfulfilled(asked, f"does not start: {told(error)}") from error
            message = f"ONNX Runtime {runtime()[1]} cannot run `{path}`: {told(error)}"
            raise NotRunError(message, hint=mend_of(error)) from error
        return session, reason_in(said(log))


def _session(path: Path, asked: Asked, optimization: Optimization, threads: int | None, library: Path | None) -> Any:
    import onnxruntime

    if asked.device.kind == "cuda":
        onnxruntime.preload_dlls()
    absent = [name for name in asked.providers if name not in onnxruntime.get_available_providers()]
    if absent:
        raise NotRunError(
            f"this ONNX Runtime has no `{absent[0]}`",
            hint=f"it has {', '.join(f'`{name}`' for name in onnxruntime.get_available_providers())}",
        )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[optimization])
    options.log_severity_level = SILENT
    options.add_session_config_entry(RECORD, "1")
    options.intra_op_num_threads = threads or 0
    if library is not None:
        options.register_custom_ops_library(str(library))
    # Threads that wait actively gain a tenth on an idle machine, and cost a third where others need the cores too.
    named = [(name, _provider_options(name, asked)) for name in asked.providers]
    return onnxruntime.InferenceSession(str(path), options, providers=named, enable_fallback=0)


def _provider_options(name: str, asked: Asked) -> dict[str, str]:
    """float32 means float32, unless asked otherwise: TensorFloat-32 keeps 10 of its 23 bits."""
    if name not in ON_GPU:
        return {}
    device = {"device_id": str(asked.device.index)}
    if name != CUDA:
        return device
    return device | {"use_tf32": str(int(asked.tf32)), "enable_cuda_graph": str(int(asked.graph))}
