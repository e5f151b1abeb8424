"""The model sources `torch/file`, TorchScript or an exported program, and `torch/factory`, what a function builds.

Both run code, so both need `--allow-code`, whatever a file is called.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, Model, ModelSource, content_digest, file_format
from mqa_torch.digest import digest_factory
from mqa_torch.exported_program import to_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mqa_registry import RunContext, Task

TASK = "transformers/forward"  # the only task that takes a model of which only inputs and outputs are known
CONFIG = "config.json"  # in the folder of a transformers model
FACTORY_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MODEL_SUFFIXES = {
    ".pt",
    ".pt2",
    ".pth",
    ".ts",
    ".torchscript",
    ".jit",
    ".ckpt",
    ".pkl",
    ".pickle",
    ".bin",
    ".safetensors",
}
RUNNABLE = (FileFormat.TORCHSCRIPT, FileFormat.PROGRAM)
SAVE_HINT = "`torch.jit.save` writes TorchScript, `torch.export.save` a `.pt2`"
FACTORY_HINT = "name a function that builds the model and loads it, `module:function` (the source `torch/factory`)"

# What to name in place of a file that no model can be run from.
FILE_HINTS = {
    FileFormat.TORCH_SAVE: f"{FACTORY_HINT}, or save the model itself with `torch.jit.save` or `torch.export.save`",
    FileFormat.PICKLE: f"{FACTORY_HINT}, or save the model itself with `torch.jit.save` or `torch.export.save`",
    FileFormat.ONNX: "an ONNX file is held against its model, `mqa parity MODEL FILE.onnx`; in a suite it is the `path` of"
    " the backend `onnxruntime/session`",
    FileFormat.SAFETENSORS: "name the folder that it is in with its `config.json` (the source `transformers/auto`),"
    f" or {FACTORY_HINT}",
    FileFormat.KERAS: f"{FACTORY_HINT}: Keras runs on PyTorch with `KERAS_BACKEND=torch`",
    FileFormat.HDF5: f"{FACTORY_HINT}: Keras runs on PyTorch with `KERAS_BACKEND=torch`",
    FileFormat.GGUF: "name the model that it was made of",
    FileFormat.TFLITE: "name the model that it was made of",
    FileFormat.LFS_POINTER: "`git lfs pull` fetches the file itself",
}


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """`id` is the file."""

    id: Path


class FileSource(ModelSource[FileOptions]):
    """A model in a file: TorchScript, or a program that `torch.export.save` wrote.

    Both are code: they need `--allow-code`. Its inputs are the names of its arguments; an argument of TorchScript that is
    no tensor gets the one number that all rows have. TorchScript runs every batch as if it were the first: attributes that
    its code changes are restored. It shows no modules; an exported program shows those of its graph.
    """

    name = "file"
    packages = ("torch",)
    loads = ()
    takes = "a file of TorchScript or of `torch.export.save`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a file of PyTorch's, or of another kind that such a model may be saved as."""
        return Path(name).suffix in MODEL_SUFFIXES or Path(name).is_file()

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        return TASK

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        path = options.id
        kind = _check_runnable(path)
        _check_task(task)
        _check_allowed(f"`{path}`", run_context)
        is_program = kind is FileFormat.PROGRAM
        format_name = "exported program" if is_program else "TorchScript"
        return Model(
            digest=f"sha256:{content_digest(path)}",
            module=partial(_load_file, path, format_name, _load_program if is_program else _load_script),
            processor=lambda: None,
            about={"id": str(path), "format": format_name},
        )


@dataclass(frozen=True, kw_only=True)
class FactoryOptions:
    """Which function.

    `id` is the function, as `module:function`. `folder` is where the module is searched for, besides installed packages; left
    out, it is the current folder.
    """

    id: str
    folder: Path | None = None


class FactorySource(ModelSource[FactoryOptions]):
    """A model that a function builds, named as `module:function`.

    It is code: it needs `--allow-code`. The digest of the model is that of its weights and settings, and of the code of the
    function, of its classes and of what it uses of its package or folder. So it is built at once, and a second time: an
    attribute that differs then is no setting. Its inputs are the names of the arguments of its `forward`, its classes the texts in
    its attribute `labels`, where it has one.
    """

    name = "factory"
    packages = ("torch",)
    loads = ()
    takes = "a function `module:function`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a function, `module:function`."""
        return FACTORY_NAME.fullmatch(name) is not None

    def infer_task(self, run_context: RunContext, options: FactoryOptions) -> str:
        return TASK

    def load(self, task: Task[Any], run_context: RunContext, options: FactoryOptions) -> Model:
        _check_task(task)
        _check_allowed(f"`{options.id}`", run_context)
        factory = _import_function(options.id, options.folder or Path.cwd())
        module, rebuilt = _build(options.id, factory), _build(options.id, factory)
        training = _training_mode_fact(module)
        return Model(
            digest=digest_factory(options.id, factory, set_evaluation_mode(module), set_evaluation_mode(rebuilt)),
            module=lambda: module,
            processor=lambda: None,
            labels=_read_labels(module),
            about={"id": options.id, "format": "factory", "architecture": type(module).__name__, **training},
        )


def set_evaluation_mode(module: Any) -> Any:
    """The module with every part in evaluation mode. It has no need of `eval`, which an exported program does not allow."""
    for part in module.modules():
        part.training = False
    return module


def _check_allowed(what: str, context: RunContext) -> None:
    """A DataError unless the command line lets models run code."""
    if not context.allow_code:
        raise DataError(
            f"{what} is code, and that is not run", hint="see where it is from, then allow it with `--allow-code`"
        )


def _check_task(task: Task[Any]) -> None:
    """A DataError for a task that reads more of a model than its inputs and outputs."""
    if task.needs:
        raise DataError(
            f"only the inputs and outputs of this model are known, and `{task.name}` needs more",
            hint=f"the task `{TASK}` takes it",
        )


def _check_runnable(path: Path) -> FileFormat:
    """The format of a file that a model can be run from; for any other path a DataError that says what to name instead."""
    if path.is_dir():
        raise DataError(f"`{path}` is a folder", hint="the source `transformers/auto` takes the folder of a model")
    kind = file_format(path)
    if kind in FILE_HINTS:
        raise DataError(f"`{path}` is {kind}, and no model that can be run", hint=FILE_HINTS[kind])
    if not path.is_file():
        raise DataError(f"there is no file `{path}`")
    if kind not in RUNNABLE:
        in_checkpoint = (path.parent / CONFIG).is_file()
        hint = f"name the folder that it is in, `{path.parent}`" if in_checkpoint else f"is it whole? {SAVE_HINT}"
        raise DataError(f"`{path}` is {kind}, and no model that can be run", hint=hint)
    return kind


def _load_file(path: Path, format_name: str, load: Callable[[Path], Any]) -> Any:
    try:
        with _silence_export():
            return set_evaluation_mode(load(path))
    except Exception as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise DataError(f"`{path}` cannot be loaded as {format_name}: {reason:.200}", hint=SAVE_HINT) from error


@contextmanager
def _silence_export() -> Iterator[None]:
    """Without the tracebacks that PyTorch logs of every way in which it tries to open a file."""
    import torch.export  # noqa: F401 - its first import sets the level anew

    log = logging.getLogger("torch.export")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _load_script(path: Path) -> Any:
    import torch

    return torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call] # it has no types


def _load_program(path: Path) -> Any:
    import torch

    with suppress(ImportError):
        import transformers.modeling_outputs  # noqa: F401 - PyTorch reads no program of its models before that

    return to_module(torch.export.load(path))


def _import_function(name: str, home: Path) -> Callable[[], Any]:
    """The function `module:function`, of a folder or of an installed package; a DataError where there is none."""
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise DataError(f"`{name}` names no function", hint="write `module:function`")
    if not home.is_dir():
        raise DataError(f"there is no folder `{home}`")
    _forget_namesake(module.partition(".")[0], home)
    folder = str(home)
    sys.path.insert(0, folder)
    try:
        function: Callable[[], Any] | None = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        raise DataError(f"`{module}` cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    if not callable(function):
        raise DataError(f"`{module}` has no function `{attribute}`")
    return function


def _forget_namesake(name: str, home: Path) -> None:
    """Let a module of the folder be imported though another of its name was, from elsewhere."""
    own = next((file for file in (home / f"{name}.py", home / name / "__init__.py") if file.is_file()), None)
    known = getattr(sys.modules.get(name), "__file__", None)
    if own is not None and known is not None and own.resolve() != Path(known).resolve():
        for one in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[one]


def _build(name: str, factory: Callable[[], Any]) -> Any:
    """What the function builds, in float32."""
    import torch

    try:
        module = factory()
    except Exception as error:
        raise DataError(f"`{name}` builds no model: {type(error).__name__}: {error}") from error
    if not isinstance(module, torch.nn.Module):
        raise DataError(f"`{name}` gives a `{type(module).__name__}`, and a model is a `torch.nn.Module`")
    return module.float()


def _read_labels(module: Any) -> tuple[str, ...]:
    """The classes that a module names in its attribute `labels`; none where it has no such list of texts."""
    labels = getattr(module, "labels", None)
    if not (isinstance(labels, list | tuple) and all(isinstance(label, str) for label in labels)):
        return ()
    return tuple(labels)


def _training_mode_fact(module: Any) -> dict[str, str]:
    """The fact that a model was built in training mode, where a part behaves differently in it; else nothing."""
    from torch.nn.modules.batchnorm import _NormBase
    from torch.nn.modules.dropout import _DropoutNd

    parts = (
        f"`{name}` ({type(part).__name__})" if name else f"`{type(part).__name__}`"
        for name, part in module.named_modules()
        if part.training and (isinstance(part, _NormBase) or (isinstance(part, _DropoutNd) and part.p > 0))
    )
    first = next(parts, "")
    return {"mode": f"evaluation mode, which mqa set: {first} was in training mode"} if first else {}
