"""What has to be allowed before a model of one's own is loaded: it is code, whatever its file is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import DataError

if TYPE_CHECKING:
    from mqa_registry import Conditions, Task

FORWARD = "forward"


def check_allowed(what: str, conditions: Conditions) -> None:
    """A DataError unless the command line lets models run code."""
    if not conditions.allow_code:
        raise DataError(
            f"{what} is code, and that is not run", hint="see where it is from, then allow it with `--allow-code`"
        )


def told_task(conditions: Conditions) -> str:
    """The one task that takes such a model as it stands."""
    return f"transformers/{FORWARD}"


def check_task(task: Task) -> None:
    """A DataError for a task that reads more of a model than its inputs and outputs."""
    if task.needs:
        raise DataError(
            f"nothing is known of this model but its inputs and outputs, and `{task.name}` needs more",
            hint=f"the task `transformers/{FORWARD}` takes it as it stands",
        )


def evaluating(module: object) -> object:
    """The module with every part in evaluation mode; a program that was exported has no other, and no way to say so."""
    import torch

    assert isinstance(module, torch.nn.Module)
    for part in module.modules():
        part.training = False
    return module


def mode_of(module: object) -> dict[str, str]:
    """What a report says of a model that was built in training mode, where a part of it acts otherwise there; else nothing."""
    import torch
    from torch.nn.modules.batchnorm import _NormBase
    from torch.nn.modules.dropout import _DropoutNd

    assert isinstance(module, torch.nn.Module)
    acting = (
        f"`{name}` ({type(part).__name__})" if name else f"`{type(part).__name__}`"
        for name, part in module.named_modules()
        if part.training and (isinstance(part, _NormBase) or (isinstance(part, _DropoutNd) and part.p > 0))
    )
    first = next(acting, "")
    return {"mode": f"evaluation mode, which mqa set: {first} was in training mode"} if first else {}
