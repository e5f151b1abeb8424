"""The arguments of a module's `forward`, held against the inputs that rows bring."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_arguments(module: Any, given: Sequence[str], error: TypeError) -> None:
    """Raise a DataError, instead of what Python says, where a module does not take an input, or lacks one that it needs."""
    parameters = inspect.signature(module.forward).parameters
    named = [name for name, one in parameters.items() if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}]
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    unknown = [name for name in given if name not in named and not takes_any]
    lacking = [name for name in named if parameters[name].default is inspect.Parameter.empty and name not in given]
    listed = ", ".join(f"`{name}`" for name in named)
    if unknown:
        raise DataError(
            f"the model takes no input `{unknown[0]}`", hint=f"it takes {listed}: leave out what it does not"
        ) from error
    if lacking:
        raise DataError(
            f"the model needs the input `{lacking[0]}`, which rows do not have", hint=f"it takes {listed}"
        ) from error
