"""The outputs of a model by their names, which an export keeps or does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

LOGITS = "logits"


def require_output(outputs: Mapping[str, Array], name: str, hint: str = "") -> Array:
    """The output of this name; a DataError, with the hint, where there is none."""
    if name not in outputs:
        listed = ", ".join(f"`{one}`" for one in outputs)
        raise DataError(f"the model has no output `{name}`; it has {listed}", hint=hint)
    return outputs[name]


def find_logits(outputs: Mapping[str, Array]) -> tuple[str, Array]:
    """The output `logits`, else the only one, whatever its name, with that; a DataError where there are several others."""
    if LOGITS not in outputs and len(outputs) == 1:
        return next(iter(outputs.items()))
    return LOGITS, require_output(outputs, LOGITS)
