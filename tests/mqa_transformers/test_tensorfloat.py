"""While a batch runs, float32 means float32; whatever anybody set before, in whichever words of PyTorch, comes back."""

from __future__ import annotations

import pytest
import torch

from mqa_transformers.precision import _fp32_settings, _legacy_fp32_flags, fp32_precision


def state():
    return [place.fp32_precision for place in _fp32_settings()], _legacy_fp32_flags()


def older():
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("medium")


def newer():
    torch.backends.cuda.matmul.fp32_precision = "tf32"  # the older words still say otherwise, and cannot be read


def everywhere():
    torch.backends.fp32_precision = "tf32"


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    torch.backends.fp32_precision = "none"
    for place in _fp32_settings():
        place.fp32_precision = "none"
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.fp32_precision = torch.backends.mkldnn.matmul.fp32_precision = "none"


@pytest.mark.parametrize("code", [None, older, newer, everywhere], ids=lambda code: code and code.__name__)
@pytest.mark.parametrize(
    ("allowed", "word", "flags"), [(False, "ieee", (False, "highest")), (True, "tf32", (True, "high"))]
)
def test_the_precision_holds_inside_and_is_restored(code, allowed, word, flags):
    if code:
        code()
    before = state()
    with fp32_precision(allow_tf32=allowed):
        assert state() == ([word] * 6, flags)
    assert state() == before


def test_the_precision_is_restored_after_a_failure():
    before = state()
    with pytest.raises(ZeroDivisionError), fp32_precision(allow_tf32=True):
        raise ZeroDivisionError
    assert state() == before


def test_a_model_may_turn_cudnn_off_for_a_while():
    with fp32_precision(allow_tf32=False):
        with torch.backends.cudnn.flags(enabled=False):  # reads the older words, and sets them
            pass
        assert not torch.backends.cudnn.allow_tf32


def rounding(function, *given):
    """How far a function of float32 tensors is from itself in float64, of its largest number."""
    exact = function(*(one.double() for one in given))
    return ((function(*given).double() - exact).abs().max() / exact.abs().max()).item()


@pytest.mark.gpu
def test_on_a_gpu_tensorfloat_is_used_only_where_it_is_allowed(gpu):
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU has no TensorFloat-32")
    random = torch.Generator("cuda").manual_seed(7)
    left, right = (torch.randn(1024, 1024, device="cuda", generator=random) for _ in range(2))
    image, kernel = (torch.randn(64, 64, size, size, device="cuda", generator=random) for size in (32, 3))
    roundings = {}
    for allowed in (False, True):
        with fp32_precision(allow_tf32=allowed):
            roundings[allowed] = rounding(torch.matmul, left, right), rounding(torch.conv2d, image, kernel)
    assert max(roundings[False]) < 3e-5 < roundings[True][0]
