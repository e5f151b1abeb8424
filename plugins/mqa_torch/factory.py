"""The model source `torch/factory`: what a function of one's own builds."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mqa_registry import DataError, Model
from mqa_torch.allowed import check_allowed, check_task, evaluating, mode_of
from mqa_torch.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import Conditions, Task

NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_factory(name: str) -> bool:
    """Whether a model's name is that of a function, `module:function`."""
    return NAME.fullmatch(name) is not None


def of_factory(task: Task, conditions: Conditions, *, id: str) -> Model:  # noqa: A002 - the option's name in a suite
    """A model that a function builds, named as `module:function`.

    The module is looked for in the current folder, too. It is code: it needs `--allow-code`. The model is known by its
    weights and settings and by the code of the function, of its classes and of what it uses beside it. So it is built
    at once, and a second time to tell a setting from what is another in every process. Its inputs are the names of the
    arguments of its `forward`.
    """
    check_task(task)
    check_allowed(f"`{id}`", conditions)
    factory = _function(id)
    module, again = _built(id, factory), _built(id, factory)
    mode = mode_of(module)
    return Model(
        digest=digest_of(id, factory, evaluating(module), evaluating(again)),
        module=lambda: module,
        processor=lambda: None,
        about={"id": id, "form": "factory", "architecture": type(module).__name__, **mode},
    )


def _function(name: str) -> Callable[[], Any]:
    module, colon, function = name.partition(":")
    if not (colon and module and function):
        raise DataError(f"`{name}` names no function", hint="write `module:function`")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found: Any = getattr(importlib.import_module(module), function, None)
    except Exception as error:
        raise DataError(f"`{module}` cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise DataError(f"`{module}` has no function `{function}`")
    return cast("Callable[[], Any]", found)


def _built(name: str, factory: Callable[[], Any]) -> Any:
    import torch

    try:
        module = factory()
    except Exception as error:
        raise DataError(f"`{name}` builds no model: {type(error).__name__}: {error}") from error
    if not isinstance(module, torch.nn.Module):
        raise DataError(f"`{name}` gives a `{type(module).__name__}`, and a model is a `torch.nn.Module`")
    return module.float()
