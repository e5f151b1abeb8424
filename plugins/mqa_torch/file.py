"""The model source `torch/file`: a TorchScript file, or an exported program."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, Model, content_digest, file_format
from mqa_torch.allowed import check_allowed, check_task, evaluating
from mqa_torch.program import module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Conditions, Task

CONFIG = "config.json"  # in the folder of a transformers model
RUN = (FileFormat.TORCHSCRIPT, FileFormat.PROGRAM)
SUFFIXES = {".pt", ".pt2", ".pth", ".ts", ".torchscript", ".jit", ".ckpt", ".pkl", ".pickle", ".bin", ".safetensors"}
WRITTEN = "`torch.jit.save` writes TorchScript, `torch.export.save` a `.pt2`"
BUILT = "name a function that builds the model and loads it, `module:function` (the source `torch/factory`)"

# What to write in place of a file that no model can be run from.
INSTEAD = {
    FileFormat.TORCH_SAVE: f"{BUILT}, or save the model itself with `torch.jit.save` or `torch.export.save`",
    FileFormat.PICKLE: f"{BUILT}, or save the model itself with `torch.jit.save` or `torch.export.save`",
    FileFormat.ONNX: "an ONNX file is held against its model, `mqa parity MODEL FILE.onnx`; in a suite it is the `path` of"
    " the backend `onnxruntime/session`",
    FileFormat.SAFETENSORS: f"name the folder that it is in with its `config.json` (the source `transformers/auto`), or {BUILT}",
    FileFormat.KERAS: f"{BUILT}: Keras runs on PyTorch with `KERAS_BACKEND=torch`",
    FileFormat.HDF5: f"{BUILT}: Keras runs on PyTorch with `KERAS_BACKEND=torch`",
    FileFormat.GGUF: "name the model that it was made of",
    FileFormat.TFLITE: "name the model that it was made of",
    FileFormat.LFS_POINTER: "`git lfs pull` fetches the file itself",
}


def is_model_file(name: str) -> bool:
    """Whether a model's name is that of a file, whatever is in it: what it is, and what to write instead, `of_file` says."""
    return Path(name).suffix in SUFFIXES or Path(name).is_file()


def of_file(task: Task, conditions: Conditions, *, id: Path) -> Model:  # noqa: A002 - the option's name in a suite
    """A model in a file: TorchScript, or a program that `torch.export.save` wrote.

    `id` is the file. Both are code: they need `--allow-code`. Its inputs are the names of its arguments.
    """
    if id.is_dir():
        raise DataError(f"`{id}` is a folder", hint="the source `transformers/auto` takes the folder of a model")
    kind = file_format(id)
    if kind in INSTEAD:
        raise DataError(f"`{id}` is {kind}, and no model that can be run", hint=INSTEAD[kind])
    if not id.is_file():
        raise DataError(f"there is no file `{id}`")
    if kind not in RUN:
        inside = (id.parent / CONFIG).is_file()
        hint = f"name the folder that it is in, `{id.parent}`" if inside else f"is it whole? {WRITTEN}"
        raise DataError(f"`{id}` is {kind}, and no model that can be run", hint=hint)
    check_task(task)
    check_allowed(f"`{id}`", conditions)
    program = kind is FileFormat.PROGRAM
    load = _program if program else _script
    form = "exported program" if program else "TorchScript"
    return Model(
        digest=f"sha256:{content_digest(id)}",
        module=partial(_loaded, id, form, load),
        processor=lambda: None,
        about={"id": str(id), "form": form},
    )


def _loaded(path: Path, form: str, load: Any) -> Any:
    try:
        with _silence():
            return evaluating(load(path))
    except Exception as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise DataError(
            f"`{path}` cannot be loaded as {form}: {reason:.200}",
            hint=WRITTEN,
        ) from error


@contextmanager
def _silence() -> Iterator[None]:
    """PyTorch logs the traceback of every way it tries to open a file in; what matters of them comes as an error."""
    import torch.export  # noqa: F401 - its first import sets the level anew

    log = logging.getLogger("torch.export")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _script(path: Path) -> Any:
    import torch

    return torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call] # it has no types


def _program(path: Path) -> Any:
    import torch

    with suppress(ImportError):
        import transformers.modeling_outputs  # noqa: F401 - PyTorch reads no program of its models before that

    return module_of(torch.export.load(path))
