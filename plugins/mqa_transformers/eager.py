"""The backend `transformers/torch`: the module itself, run by PyTorch as it is."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NotRunError, check_threads
from mqa_transformers.placement import landed, wanted
from mqa_transformers.precision import Dtype, in_precision
from mqa_transformers.runner import TorchRunner
from mqa_transformers.scripted import Script, is_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Device, Runner, Subject

LIBRARIES = ("torch", "transformers", "tokenizers")

# Tokens in one batch, padding included.
BUDGETS = {"cpu": 1024, "cuda": 32768}


@contextmanager
def torch_eager(
    subject: Subject, *, dtype: Dtype = "float32", threads: int | None = None, tf32: bool = False
) -> Iterator[Runner]:
    """PyTorch, eager, on the device that the command line asks for.

    `dtype` is the precision of weights and arithmetic, `threads` how many a CPU may use for one operation. `tf32` lets a
    GPU multiply in TensorFloat-32.
    """
    known = identity(subject, dtype=dtype, threads=threads, tf32=tf32)
    device = landed(subject.conditions)
    original = subject.model.module
    _check_evaluating(original)
    module = in_precision(original, str(device), dtype)
    yield TorchRunner(
        module,
        original=original,
        sample=subject.sample,
        device=str(device),
        threads=threads,
        budget=BUDGETS[device.kind],
        identity=known | _place(device),
        facts=_facts(module, device, dtype, threads)
        | {"tf32": tf32 and device.kind == "cuda"}
        | _bytes(subject)
        | _unread(subject),
    )


def identity(
    subject: Subject, *, dtype: Dtype = "float32", threads: int | None = None, tf32: bool = False
) -> dict[str, str]:
    """What an answer depends on beside model and example, as far as it is known without PyTorch."""
    check_threads(threads)
    device = wanted(subject.conditions)
    known = {name: version(name) for name in LIBRARIES} | _place(device) | {"dtype": dtype}
    if tf32 and device.kind == "cuda":
        known["tf32"] = "on"
    return known if threads is None else known | {"threads": str(threads)}


def _place(device: Device) -> dict[str, str]:
    return {"device": str(device), "device_name": device.name}


def _facts(module: Any, device: Device, dtype: Dtype, threads: int | None) -> dict[str, Any]:
    import torch

    facts = {
        **_place(device),
        "precision": dtype,
        "threads": threads or torch.get_num_threads(),
        "attention": getattr(getattr(module, "config", None), "_attn_implementation", None),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _bytes(subject: Subject) -> dict[str, int]:
    """The size of the files that the weights are in, where the model's source tells it."""
    told = subject.model.about.get("bytes")
    return {"bytes": told} if isinstance(told, int) else {}


def _unread(subject: Subject) -> dict[str, list[str]]:
    """What rows bring that a model in TorchScript does not take: its file may, under a name or in a form of its own."""
    if not is_script(subject.model.module):
        return {}
    try:
        left = Script(subject.model.module).unread(subject.sample())
    except DataError:  # there are no rows
        return {}
    return {"unread_inputs": left} if left else {}


def _check_evaluating(module: Any) -> None:
    """Dropout and batch statistics must not take part in an answer."""
    training = [name or "the model itself" for name, part in module.named_modules() if part.training]
    if training:
        raise NotRunError(
            f"the model is not in evaluation mode: `{training[0]}` is in training mode, one of {len(training)} modules",
            hint="its source must call `.eval()` on it",
        )
