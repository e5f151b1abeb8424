"""Arithmetic precision: a module in another dtype, float64 throughout, and float32 with or without TensorFloat-32."""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry import NotRunError, summarize_error
from mqa_transformers.device import check_free_memory, is_out_of_memory, memory_errors
from mqa_transformers.torchscript import cast_script, is_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

Dtype = Literal["float32", "float16", "bfloat16", "float64"]


def cast_module(module: Any, device: str, dtype: str) -> Any:
    """The module itself where it can run as it is, else a copy: others read the original, in float32 on a CPU."""
    if dtype == "float64":
        return in_float64(cast_module(module, device, "float32"))
    return module if device == "cpu" and dtype == "float32" else _cast_copy(module, device, dtype)


def in_float64(module: Any) -> Any:
    """A module to run in float64 arithmetic with the weights of a float32 one, each widened when it is used.

    There is no second copy of the weights: a model that fits into memory can be run in float64, however large it is.
    """
    if is_script(module):  # it compares the dtypes of its weights where no mode of PyTorch can intervene
        return _cast_copy(module, None, "float64")
    copied = _copy_sharing_weights(module)
    if getattr(getattr(copied, "config", None), "_experts_implementation", None):
        copied.set_experts_implementation("eager")  # grouped matrix products have no float64 kernel
    return copied


def _copy_sharing_weights(module: Any) -> Any:
    """A copy of everything but the weights; its buffers are float64, since modules write into them."""
    shared = {id(weight): weight for weight in module.parameters()}
    with memory_errors(), _without_warnings():
        copied = copy.deepcopy(module, shared)
        for part in copied.modules():
            for name, buffer in part.named_buffers(recurse=False):
                setattr(part, name, buffer.to(_wide_dtypes().get(buffer.dtype, buffer.dtype)))
    return copied


def _cast_copy(module: Any, device: str | None, dtype: str) -> Any:
    """A copy of a module in a dtype, on a device: on its own if None."""
    import torch

    torch_dtype = getattr(torch, dtype)
    n_bytes = int(sum(weight.numel() for weight in module.parameters()) * torch_dtype.itemsize)
    check_free_memory(n_bytes, f"a copy of the model in {dtype}")
    with memory_errors(), _without_warnings():
        if is_script(module):
            return cast_script(module, device, torch_dtype)
        return copy.deepcopy(module).to(device=device, dtype=torch_dtype)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """No warnings of PyTorch about copies of its program classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def arithmetic(dtype: str) -> AbstractContextManager[Any]:
    """A context in which modules run without gradients, and those in float64 in float64 throughout.

    To cast the weights is not enough: modules cast to float32 where half precision would not do, in norms, rotary
    embeddings and softmax, and make masks and positions in float32; float64 is narrowed there, too.
    """
    import torch

    return _float64_arithmetic() if dtype == "float64" else torch.inference_mode()


@contextmanager
def _float64_arithmetic() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()  # of tensors that are created from integers, or without a dtype
    torch.set_default_dtype(torch.float64)
    try:
        # Inference mode would hide the casts inside of composite operators.
        with torch.no_grad(), _wide_weights_mode()(), _float64_mode()():
            yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise NotRunError(f"the model does not run in float64: {summarize_error(error)}") from error
    finally:
        torch.set_default_dtype(before)


@cache
def _wide_weights_mode() -> Any:
    """The class of a mode that gives operators a module's weights in float64: some compare dtypes before they start."""
    from torch.overrides import TorchFunctionMode

    class WideWeightsMode(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            named = {name: _widen_weights(value) for name, value in (kwargs or {}).items()}
            return func(*map(_widen_weights, args), **named)

    return WideWeightsMode


def _widen_weights(value: Any) -> Any:
    """An argument of a function, each weight in it no narrower than float64."""
    import torch

    if isinstance(value, list):
        return [_widen_weights(item) for item in value]
    return _widen(value) if isinstance(value, torch.nn.Parameter) else value


@cache
def _float64_mode() -> Any:
    """The class, made once PyTorch is imported: it derives from one of PyTorch's."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Float64Mode(TorchDispatchMode):  # type: ignore[no-untyped-call] # its base class has no types
        """Whatever an operator takes or asks for in a narrower dtype, it gets in float64."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if func is torch.ops.aten.view.dtype:  # it reads the same bits in another dtype, and casts nothing
                return func(*args, **kwargs)
            parameters = func._schema.arguments  # noqa: SLF001 - PyTorch's own modes read it, too
            written = {parameter.name for parameter in parameters if _is_written(parameter)}
            positional = [
                value if parameter.name in written else _widen(value)
                for parameter, value in zip(parameters, args, strict=False)
            ]
            named = {name: value if name in written else _widen(value) for name, value in kwargs.items()}
            return func(*positional, **named)

    return Float64Mode


def _is_written(parameter: Any) -> bool:
    """Whether an operator writes into this argument, so that it must be the very tensor that was given."""
    return parameter.alias_info is not None and parameter.alias_info.is_write


def _widen(value: Any) -> Any:
    """An argument of an operator, each tensor and each dtype in it no narrower than float64."""
    import torch

    if isinstance(value, list):
        return [_widen(item) for item in value]
    if isinstance(value, torch.Tensor):
        return value.to(_wide_dtypes()[value.dtype]) if value.dtype in _wide_dtypes() else value
    return _wide_dtypes().get(value, value) if isinstance(value, torch.dtype) else value


@cache
def _wide_dtypes() -> dict[Any, Any]:
    import torch

    real = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64)
    return real | dict.fromkeys((torch.complex64, torch.complex32), torch.complex128)


@contextmanager
def fp32_precision(*, allow_tf32: bool) -> Iterator[None]:
    """Inside of the block float32 means float32, unless TensorFloat-32 is allowed, which keeps 10 of its 23 bits.

    It is for one batch, since PyTorch's settings hold for the whole process. A model's own code may have set them, by
    PyTorch's older flags or by its newer ones, and PyTorch refuses to read the older where they contradict the newer.
    """
    import torch

    settings = _fp32_settings()
    before = [setting.fp32_precision for setting in settings]
    allows_cudnn, matmul_precision = _legacy_fp32_flags()
    torch.backends.cudnn.allow_tf32 = allow_tf32
    torch.set_float32_matmul_precision("high" if allow_tf32 else "highest")
    for setting in settings:
        setting.fp32_precision = "tf32" if allow_tf32 else "ieee"
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allows_cudnn
        torch.set_float32_matmul_precision(matmul_precision)
        for setting, precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision


def _fp32_settings() -> list[Any]:
    """Every object of PyTorch that has a setting for the precision of float32."""
    import torch

    backends: Any = torch.backends  # has more than its types say
    cudnn, mkldnn = backends.cudnn, backends.mkldnn
    return [backends.cuda.matmul, cudnn.conv, cudnn.rnn, mkldnn.matmul, mkldnn.conv, mkldnn.rnn]


def _legacy_fp32_flags() -> tuple[bool, str]:
    """The values of PyTorch's older flags; their defaults, where the newer ones contradict them."""
    import torch

    try:
        return torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:
        return True, "highest"
