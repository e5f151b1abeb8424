"""The backend `transformers/torch`: the module itself, run by PyTorch as it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NotRunError, check_threads
from mqa_transformers.device import requested_device, resolve_device
from mqa_transformers.precision import Dtype, cast_module
from mqa_transformers.runner import TorchRunner
from mqa_transformers.torchscript import Script, is_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Device, ModelUnderTest, RunContext, Runner

LIBRARIES = ("torch", "transformers", "tokenizers")

BATCH_BUDGETS = {"cpu": 1024, "cuda": 32768}  # tokens in one batch, padding included, by kind of device


@dataclass(frozen=True)
class TorchOptions:
    """How PyTorch runs the model: precision, threads of one operation on a CPU, and TensorFloat-32 on a GPU."""

    dtype: Dtype
    threads: int | None
    tf32: bool

    def identity(self, context: RunContext) -> dict[str, str]:
        """What a prediction depends on beside model and example, as far as it is known without importing PyTorch."""
        check_threads(self.threads)
        device = requested_device(context)
        found = {name: version(name) for name in LIBRARIES} | _device_facts(device) | {"dtype": self.dtype}
        if self.tf32 and device.kind == "cuda":
            found["tf32"] = "on"
        return found if self.threads is None else found | {"threads": str(self.threads)}


@contextmanager
def torch_eager(
    model_under_test: ModelUnderTest, *, dtype: Dtype = "float32", threads: int | None = None, tf32: bool = False
) -> Iterator[Runner]:
    """PyTorch, eager, on the device that the command line asks for.

    `dtype` is the precision of weights and arithmetic, `threads` how many a CPU may use for one operation. `tf32` lets a
    GPU multiply in TensorFloat-32.
    """
    options = TorchOptions(dtype, threads, tf32)
    identity = options.identity(model_under_test.run_context)
    device = resolve_device(model_under_test.run_context)
    original = model_under_test.model.module
    _check_evaluation_mode(original)
    module = cast_module(original, str(device), dtype)
    yield TorchRunner(
        module,
        original=original,
        sample=model_under_test.sample,
        device=str(device),
        threads=threads,
        budget=BATCH_BUDGETS[device.kind],
        identity=identity | _device_facts(device),
        facts=_facts(model_under_test, module, device, options),
    )


def torch_identity(
    model_under_test: ModelUnderTest, *, dtype: Dtype = "float32", threads: int | None = None, tf32: bool = False
) -> dict[str, str]:
    """What a prediction depends on beside model and example, as far as it is known without importing PyTorch."""
    return TorchOptions(dtype, threads, tf32).identity(model_under_test.run_context)


def _device_facts(device: Device) -> dict[str, str]:
    return {"device": str(device), "device_name": device.name}


def _facts(model_under_test: ModelUnderTest, module: Any, device: Device, options: TorchOptions) -> dict[str, Any]:
    """What reports and probes read of a runner."""
    import torch

    size = model_under_test.model.about.get("bytes")  # of the files of weights, where the model's source says it
    facts = {
        **_device_facts(device),
        "precision": options.dtype,
        "threads": options.threads or torch.get_num_threads(),
        "attention": getattr(getattr(module, "config", None), "_attn_implementation", None),
        "tf32": options.tf32 and device.kind == "cuda",
        "bytes": size if isinstance(size, int) else None,
        "unread_inputs": _unread_inputs(model_under_test) or None,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _unread_inputs(model_under_test: ModelUnderTest) -> list[str]:
    """The arrays of a row that a TorchScript model does not take: its file may, under another name or in another form."""
    if not is_script(model_under_test.model.module):
        return []
    try:
        return Script(model_under_test.model.module).unread_inputs(model_under_test.sample())
    except DataError:  # there are no rows
        return []


def _check_evaluation_mode(module: Any) -> None:
    """A NotRunError in training mode, where dropout and the statistics of a batch would take part in a prediction."""
    training = [name or "the model itself" for name, part in module.named_modules() if part.training]
    if training:
        raise NotRunError(
            f"the model is not in evaluation mode: `{training[0]}` is in training mode, one of {len(training)} modules",
            hint="its source must call `.eval()` on it",
        )
