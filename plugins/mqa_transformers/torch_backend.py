"""The backend `transformers/torch`: the module itself, run by PyTorch."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mqa_registry import Backend, DataError, NotRunError, RunnerFacts, SuggestedBackend, check_threads
from mqa_transformers.device import requested_device, resolve_device
from mqa_transformers.precision import Dtype, cast_module
from mqa_transformers.runner import TorchRunner
from mqa_transformers.torchscript import Script, is_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mqa_registry import Device, Model, ModelUnderTest, Runner

LIBRARIES = ("torch", "transformers", "tokenizers")

BATCH_BUDGETS = {"cpu": 1024, "cuda": 32768}  # tokens in one batch, padding included, by kind of device


@dataclass(frozen=True, kw_only=True)
class TorchOptions:
    """How PyTorch runs the model.

    `dtype` is the precision of weights and arithmetic, `threads` how many a CPU may use for one operation. `tf32` lets a
    GPU multiply in TensorFloat-32.
    """

    dtype: Dtype = "float32"
    threads: int | None = None
    tf32: bool = False


class TorchBackend(Backend[TorchOptions]):
    """PyTorch, eager, on the device that the command line asks for."""

    name = "torch"
    run_modes = ("forward", "generation", "streaming")

    def identity(self, model_under_test: ModelUnderTest, options: TorchOptions) -> dict[str, str]:
        check_threads(options.threads)
        device = requested_device(model_under_test.run_context)
        identity = {name: version(name) for name in LIBRARIES} | _device_facts(device) | {"dtype": options.dtype}
        if options.tf32 and device.kind == "cuda":
            identity["tf32"] = "on"
        return identity if options.threads is None else identity | {"threads": str(options.threads)}

    def suggest(self, model: Model, file: Path | None) -> SuggestedBackend | None:
        """PyTorch, for every model that it can build."""
        return SuggestedBackend(name="torch", about="PyTorch") if file is None and model.file is None else None

    @contextmanager
    def open(self, model_under_test: ModelUnderTest, options: TorchOptions) -> Iterator[Runner]:
        identity = self.identity(model_under_test, options)
        device = resolve_device(model_under_test.run_context)
        original = model_under_test.model.module
        _check_evaluation_mode(original)
        module = cast_module(original, str(device), options.dtype)
        yield TorchRunner(
            module,
            original=original,
            sample=model_under_test.sample,
            device=str(device),
            threads=options.threads,
            budget=BATCH_BUDGETS[device.kind],
            identity=identity | _device_facts(device),
            facts=_facts(model_under_test, module, device, options),
        )


def _device_facts(device: Device) -> dict[str, str]:
    return {"device": str(device), "device_name": device.name}


def _facts(model_under_test: ModelUnderTest, module: Any, device: Device, options: TorchOptions) -> RunnerFacts:
    """What reports and probes read of a runner."""
    import torch

    size = model_under_test.model.about.get("bytes")  # of the files of weights, where the model's source gives it
    attention = getattr(getattr(module, "config", None), "_attn_implementation", None)
    return RunnerFacts(
        device=str(device),
        device_name=device.name,
        precision=options.dtype,
        threads=options.threads or torch.get_num_threads(),
        tf32=options.tf32 and device.kind == "cuda",
        bytes=size if isinstance(size, int) else None,
        unread_inputs=tuple(_unread_inputs(model_under_test)),
        details={} if attention is None else {"attention": attention},
    )


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
