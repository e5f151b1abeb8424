"""float32 that means float32: without TensorFloat-32, or anything narrower, unless that is allowed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def tensorfloat(*, allowed: bool) -> Iterator[None]:
    """float32 means float32 for one batch, unless TensorFloat-32 is allowed, which keeps 10 of its 23 bits.

    For one batch alone, as what is set holds for the whole process. A model's own code may have set it, in PyTorch's
    older words or in its newer ones, and PyTorch refuses to read the older where they contradict the newer.
    """
    import torch

    places = _places_of_precision()
    before = [place.fp32_precision for place in places]
    convolutions, products = _older_words()
    torch.backends.cudnn.allow_tf32 = allowed
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    for place in places:
        place.fp32_precision = "tf32" if allowed else "ieee"
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)
        for place, precision in zip(places, before, strict=True):
            place.fp32_precision = precision


def _places_of_precision() -> list[Any]:
    """Whatever has a precision of its own for float32 in PyTorch."""
    import torch

    backends: Any = torch.backends  # has more than its types tell
    cudnn, mkldnn = backends.cudnn, backends.mkldnn
    return [backends.cuda.matmul, cudnn.conv, cudnn.rnn, mkldnn.matmul, mkldnn.conv, mkldnn.rnn]


def _older_words() -> tuple[bool, str]:
    """What PyTorch's older flags say; what they begin with, where somebody contradicted them in the newer words."""
    import torch

    try:
        return torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:
        return True, "highest"
