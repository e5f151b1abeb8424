"""Which execution provider is to run a model: what the suite, the command line and the machine ask for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mqa_registry import DataError, NotRunError, find_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Device, RunContext

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
GPU_PROVIDERS = (CUDA, "TensorrtExecutionProvider")

DISTRIBUTIONS = ("onnxruntime-gpu", "onnxruntime")
TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # at 0, CUDA's libraries use no TensorFloat-32, whatever they are told


@dataclass(frozen=True)
class ProviderRequest:
    """The providers that are to run a model, the first of them preferred, and its device.

    `required`: another provider than the first is refused. `tf32` lets CUDA multiply in TensorFloat-32, `cuda_graph` has
    it capture the work for inputs of one shape and replay it.
    """

    providers: tuple[str, ...]
    device: Device
    required: bool
    tf32: bool = False
    cuda_graph: bool = False

    def uses_tf32(self) -> bool:
        """Whether products are in TensorFloat-32. TensorRT has no option for it, and uses it unless CUDA forbids it."""
        if self.providers[0] not in GPU_PROVIDERS or os.environ.get(TF32_OVERRIDE) == "0":
            return False
        return self.tf32 or self.providers[0] != CUDA

    def check_cuda_graph(self) -> None:
        """Raise a DataError where CUDA graphs are asked of another provider; a machine without a GPU ignores them."""
        if self.cuda_graph and self.required and self.providers[0] != CUDA:
            raise DataError(
                f"`cuda_graph` is for `{CUDA}`, and `{self.providers[0]}` is to run the model",
                hint="leave one of the two out",
            )

    def check_device(self, context: RunContext) -> None:
        """Raise a NotRunError where the suite asks for another provider than the CPU, and the command line for the CPU."""
        if context.device == "cpu" and self.providers[0] != CPU:
            raise NotRunError(
                f"the suite asks for `{self.providers[0]}`, and the command line for `--device cpu`",
                hint="leave one of the two out",
            )

    def provider_options(self, name: str) -> dict[str, str]:
        """The options of one provider. float32 means float32 unless asked otherwise: TF32 keeps 10 of its 23 bits."""
        if name not in GPU_PROVIDERS:
            return {}
        device = {"device_id": str(self.device.index)}
        if name != CUDA:
            return device
        return device | {"use_tf32": str(int(self.tf32)), "enable_cuda_graph": str(int(self.cuda_graph))}


def resolve_providers(
    context: RunContext, providers: Sequence[str] | None, *, tf32: bool = False, cuda_graph: bool = False
) -> ProviderRequest:
    """What is to run the model, found without loading ONNX Runtime.

    `providers` are those that the suite names; None leaves the choice to the device of the command line, and `auto` to
    what the machine seems to have.
    """
    if providers is None:
        device = find_device(context.device, cuda=runtime_distribution()[0] == "onnxruntime-gpu")
        preferred = (CPU,) if device.kind == "cpu" else (CUDA, CPU)
        return ProviderRequest(preferred, device, context.device != "auto", tf32, cuda_graph)
    if not providers:
        raise DataError("`providers` is empty", hint=f'leave it out, or name one, as in `["{CPU}"]`')
    gpu = context.device if context.device.startswith("cuda") else "cuda"
    device = find_device(gpu if providers[0] in GPU_PROVIDERS else "cpu")
    names = tuple(dict.fromkeys([*providers, CPU]))  # the CPU always stands behind the others
    return ProviderRequest(names, device, required=True, tf32=tf32, cuda_graph=cuda_graph)


def cpu_request() -> ProviderRequest:
    """The CPU and nothing else."""
    return ProviderRequest((CPU,), find_device("cpu"), required=True)


def runtime_distribution() -> tuple[str, str]:
    """The installed distribution of ONNX Runtime and its version."""
    for name in DISTRIBUTIONS:
        try:
            return name, version(name)
        except PackageNotFoundError:
            continue
    raise NotRunError("ONNX Runtime is not installed", hint="`pip install onnxruntime-gpu`, on macOS `onnxruntime`")
