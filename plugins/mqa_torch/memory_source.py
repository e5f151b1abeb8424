"""The model source `torch/memory`: a module in the memory of a Python program."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, Model, ModelSource, summarize_error
from mqa_torch.digest import digest_module
from mqa_torch.model_sources import set_evaluation_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import LiveModel, RunContext, Task

PROCESSORS = ("processor", "tokenizer", "image_processor", "feature_extractor")  # attributes of a pipeline


@dataclass(frozen=True, kw_only=True)
class MemoryOptions:
    """`digest` is that of the module and its processor: mqa sets it."""

    digest: str = ""


class MemorySource(ModelSource[MemoryOptions]):
    """A module in the memory of a Python program, which passes it: `run(suite, model=MODULE)`.

    It is a `torch.nn.Module`, a pipeline of transformers, or `LiveModel(MODULE, TOKENIZER)`. It is run in float32 and in
    evaluation mode, as a copy where it is not in those. Its predictions are stored by its weights, settings and loaded code,
    so that they are found again for an equal module, and for no other.
    """

    name = "memory"
    packages = ("torch",)
    takes = "a `torch.nn.Module`, a pipeline of one, or a `LiveModel` of a module and its tokenizer"

    def take(self, live: LiveModel) -> LiveModel | None:
        torch = sys.modules.get("torch")
        if torch is None:  # then nothing is a module of it
            return None
        module = live.model if isinstance(live.model, torch.nn.Module) else getattr(live.model, "model", None)
        if not isinstance(module, torch.nn.Module):
            return None
        module = getattr(module, "_orig_mod", module)  # what `torch.compile` made a module of
        if isinstance(module, torch.jit.ScriptModule):
            raise DataError(
                "TorchScript in memory does not show its code",
                hint="save it with `torch.jit.save`, and name the file: the source `torch/file`",
            )
        processor = live.processor if live.model is module else live.processor or _find_processor(live.model)
        module = _prepare(module)
        return replace(live, model=module, processor=processor, digest=digest_module(module, processor))

    def load(self, task: Task[Any], run_context: RunContext, options: MemoryOptions) -> Model:
        live: LiveModel = run_context.find_object(options.digest, "model")
        description = task.describe(live)
        if description is None:
            raise DataError(
                f"a `{type(live.model).__name__}` is no model for the task `{task.name}`",
                hint="leave the task out, and mqa finds one that fits",
            )
        about = {"id": type(live.model).__name__, "format": "module in memory", **description.about}
        return Model(
            digest=live.digest,
            module=lambda: _configure(live.model, description.config),
            processor=lambda: live.processor if description.processor is None else description.processor,
            labels=description.labels,
            about=about,
        )


def _find_processor(pipeline: Any) -> Any:
    """The processor of a pipeline: the one that makes its inputs of examples."""
    return next((one for name in PROCESSORS if (one := getattr(pipeline, name, None)) is not None), None)


def _prepare(module: Any) -> Any:
    """The module in float32, on the CPU and in evaluation mode: itself, or a copy; the caller's stays as it is."""
    import torch

    tensors = [*module.named_parameters(), *module.named_buffers()]
    if without := next((name for name, tensor in tensors if tensor.device.type == "meta"), ""):
        raise DataError(
            f"the weight `{without}` has no values: it is on the device `meta`", hint="load the weights first"
        )
    casts = any(
        tensor.device.type != "cpu" or (tensor.is_floating_point() and tensor.dtype != torch.float32)
        for _, tensor in tensors
    )
    if casts:
        return set_evaluation_mode(_copy(module, {}).to(device="cpu", dtype=torch.float32))
    if not any(part.training for part in module.modules()):
        return module
    return set_evaluation_mode(_copy_sharing_tensors(module))


def _configure(module: Any, config: Mapping[str, Any]) -> Any:
    """The module with these values of its configuration: itself, or a copy with the same weights."""
    if all(getattr(module.config, name, None) == value for name, value in config.items()):
        return module
    copied = _copy_sharing_tensors(module)
    for name, value in config.items():
        setattr(copied.config, name, value)
    return copied


def _copy_sharing_tensors(module: Any) -> Any:
    return _copy(module, {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())})


def _copy(module: Any, shared: dict[int, Any]) -> Any:
    """A copy of a module, but for what is shared by its id; a DataError where it cannot be copied."""
    try:
        return copy.deepcopy(module, shared)
    except Exception as error:
        raise DataError(
            f"the module cannot be copied, to run it in float32 and in evaluation mode: {summarize_error(error)}",
            hint="pass it in float32, on the CPU and after `module.eval()`",
        ) from error
