"""The model source `torch/file`: a TorchScript file, or an exported program."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, Model, content_digest
from mqa_torch.allowed import check_allowed, check_task, evaluating
from mqa_torch.program import module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Conditions, Task

PROGRAM = ".pt2"


def of_file(task: Task, conditions: Conditions, *, id: Path) -> Model:  # noqa: A002 - the option's name in a suite
    """A model in a file: a `.pt2` of `torch.export.save`, any other name a TorchScript file.

    `id` is the file. Both are code: they need `--allow-code`. Its inputs are the names of its arguments.
    """
    check_task(task)
    check_allowed(f"`{id}`", conditions)
    if not id.is_file():
        raise DataError(f"there is no file `{id}`")
    load = _program if id.suffix == PROGRAM else _script
    form = "exported program" if id.suffix == PROGRAM else "TorchScript"
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
            hint="`torch.jit.save` writes TorchScript, `torch.export.save` a `.pt2`",
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
