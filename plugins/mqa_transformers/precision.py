"""A module in another precision: a copy with its weights cast, and the arithmetic that is done in it."""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry import NotRunError
from mqa_transformers.memory import check_room, memory_errors, out_of_memory
from mqa_transformers.reasons import reason
from mqa_transformers.scripted import cast_script, is_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

Dtype = Literal["float32", "float16", "bfloat16", "float64"]


def in_precision(module: Any, device: str, dtype: str) -> Any:
    """The module itself where it can run as it is, else a copy: others read the original, in float32 on a CPU."""
    if dtype == "float64":
        return in_float64(in_precision(module, device, "float32"))
    return module if device == "cpu" and dtype == "float32" else _cast(module, device, dtype)


def in_float64(module: Any) -> Any:
    """A module to run in float64 arithmetic, whose weights are those of a float32 one, each made wider when it is used.

    No second copy of them is made: a model that fits into memory at all can be run in float64, however large it is.
    """
    if is_script(module):  # it compares the types of its weights out of anybody's reach
        return _cast(module, None, "float64")
    copied = _sharing_weights(module)
    if getattr(getattr(copied, "config", None), "_experts_implementation", None):
        copied.set_experts_implementation("eager")  # grouped products of matrices have no float64
    return copied


def _sharing_weights(module: Any) -> Any:
    """A copy of everything but the weights; its buffers are wide, for modules write into them."""
    shared = {id(weight): weight for weight in module.parameters()}
    with memory_errors(), _unwarned():
        copied = copy.deepcopy(module, shared)
        for part in copied.modules():
            for name, buffer in part.named_buffers(recurse=False):
                setattr(part, name, buffer.to(_wide().get(buffer.dtype, buffer.dtype)))
    return copied


def _cast(module: Any, device: str | None, dtype: str) -> Any:
    """A copy of a module in a precision, on a device: on its own if None."""
    import torch

    check_room(_size(module, getattr(torch, dtype)), f"a copy of the model in {dtype}")
    with memory_errors(), _unwarned():
        if is_script(module):
            return cast_script(module, device, getattr(torch, dtype))
        return copy.deepcopy(module).to(device=device, dtype=getattr(torch, dtype))


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without the warnings of PyTorch's own forms of programs about one another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _size(module: Any, dtype: Any) -> int:
    """The bytes of a module's weights in some precision."""
    return int(sum(weight.numel() for weight in module.parameters()) * dtype.itemsize)


def arithmetic(dtype: str) -> AbstractContextManager[Any]:
    """For as long as it lasts, modules run without gradients, and float64 ones in float64 throughout.

    Casting the weights does not do it: modules cast to float32 where half precision would not do, in norms, rotary
    embeddings and softmax, make masks and positions in float32, and float64 goes down with the rest.
    """
    import torch

    return _float64() if dtype == "float64" else torch.inference_mode()


@contextmanager
def _float64() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()  # of whatever is made from integers, or from nothing
    torch.set_default_dtype(torch.float64)
    try:
        # Inference mode would hide the casts inside of composite operations.
        with torch.no_grad(), _wide_weights()(), _float64_mode()():
            yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise NotRunError(f"the model does not run in float64: {reason(error)}") from error
    finally:
        torch.set_default_dtype(before)


@cache
def _wide_weights() -> Any:
    """The class that hands a module's weights over in float64: some operations compare types before they are done."""
    from torch.overrides import TorchFunctionMode

    class WideWeights(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            named = {name: _wide_weight(value) for name, value in (kwargs or {}).items()}
            return func(*map(_wide_weight, args), **named)

    return WideWeights


def _wide_weight(value: Any) -> Any:
    """An argument of a function, each weight in it no narrower than float64."""
    import torch

    if isinstance(value, list):
        return [_wide_weight(part) for part in value]
    return _widened(value) if isinstance(value, torch.nn.Parameter) else value


@cache
def _float64_mode() -> Any:
    """The class, made once PyTorch is there to derive it from."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Float64(TorchDispatchMode):  # type: ignore[no-untyped-call] # its base class has no types
        """Whatever an operation takes or asks for in a narrower precision, it gets in float64."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if func is torch.ops.aten.view.dtype:  # the same bits under another name, and no cast
                return func(*args, **kwargs)
            written = {name for name, argument in _arguments(func) if _is_written(argument)}
            given = [(name, value) for (name, _), value in zip(_arguments(func), args, strict=False)]
            wide = [value if name in written else _widened(value) for name, value in given]
            return func(*wide, **{name: v if name in written else _widened(v) for name, v in kwargs.items()})

    return Float64


def _arguments(func: Any) -> list[tuple[str, Any]]:
    return [(argument.name, argument) for argument in func._schema.arguments]  # noqa: SLF001 - PyTorch's own modes ask it so


def _is_written(argument: Any) -> bool:
    """Whether an operation writes into this argument, so that it must be the very tensor that was given."""
    return argument.alias_info is not None and argument.alias_info.is_write


def _widened(value: Any) -> Any:
    """An argument of an operation, each tensor and each name of a type in it no narrower than float64."""
    import torch

    if isinstance(value, list):
        return [_widened(part) for part in value]
    if isinstance(value, torch.Tensor):
        return value.to(_wide()[value.dtype]) if value.dtype in _wide() else value
    return _wide().get(value, value) if isinstance(value, torch.dtype) else value


@cache
def _wide() -> dict[Any, Any]:
    import torch

    real = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64)
    return real | dict.fromkeys((torch.complex64, torch.complex32), torch.complex128)
