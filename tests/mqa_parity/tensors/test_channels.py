"""Each channel and each row of an output is compared with PyTorch's own error there; real modules, real files."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mqa_onnxruntime.export.conversion import ExportPrecision, convert
from mqa_onnxruntime.session.factory import SessionConfig, SessionFactory
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.attribution.paired_run import noise_ratio
from mqa_parity.tensors.channels import IGNORED, NOISY, classify_parts, find_worst_group, sum_row_errors
from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_parity.tolerance import PRECISIONS
from mqa_registry import MqaError, RunnerFacts
from mqa_transformers.runner import TorchRunner
from tests.stand_ins import make_codec

TENSORS = TensorParity()

SINGLE, HALF = PRECISIONS["float32"], PRECISIONS["float16"]


class Detector(torch.nn.Module):
    """Per cell a box in pixels and, beside it, 20 class scores, as detectors give them."""

    def __init__(self, *, reversed_classes=False):
        super().__init__()
        torch.manual_seed(7)
        self.body, self.box, self.classes = (
            torch.nn.Conv2d(*sizes) for sizes in ((3, 16, 3, 1, 1), (16, 4, 1), (16, 20, 1))
        )
        self.reversed_classes = reversed_classes

    def forward(self, x):
        found = functional.silu(self.body(x))
        scores = torch.sigmoid(self.classes(found) * 3)
        scores = scores.flip(1) if self.reversed_classes else scores
        return torch.cat([torch.sigmoid(self.box(found)) * 640, scores], 1).flatten(2).transpose(1, 2)


class Hidden(torch.nn.Module):
    """Hidden states of which one dimension is as large as 3,000, as in trained language models."""

    def __init__(self, *, reversed_dimensions=False):
        super().__init__()
        torch.manual_seed(7)
        self.inner, self.reversed_dimensions = torch.nn.Linear(32, 64), reversed_dimensions

    def forward(self, x):
        found = functional.gelu(self.inner(x))
        rest = found[..., 8:]
        rest = rest.flip(-1) if self.reversed_dimensions else rest
        return torch.cat([found[..., :1] * 3000 + 3000, found[..., 1:8], rest], -1)


class Standardizing(torch.nn.Module):
    """Each row by its own mean and deviation; `leak` is a fault of positive numbers."""

    def __init__(self, *, leak=0.0):
        super().__init__()
        torch.manual_seed(7)
        self.inner, self.leak = torch.nn.Linear(64, 64), leak

    def forward(self, x):
        x = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-9)
        return self.inner(x) + self.leak * torch.relu(x)


class Encoder(torch.nn.Module):
    """Attention and feed-forward layers, and a head of five classes."""

    def __init__(self, *, bias=0.0, quick=False, layers=2):
        super().__init__()
        torch.manual_seed(7)
        sizes = {"qkv": (32, 96), "out": (32, 32), "up": (32, 64), "down": (64, 32)}
        self.first, self.head = torch.nn.Linear(16, 32), torch.nn.Linear(32, 5)
        self.layers = torch.nn.ModuleList(
            torch.nn.ModuleDict(
                {name: torch.nn.Linear(*size) for name, size in sizes.items()} | {"norm": torch.nn.LayerNorm(32)}
            )
            for _ in range(layers)
        )
        self.bias, self.quick = bias, quick

    def forward(self, x):
        x = self.first(x)
        for number, layer in enumerate(self.layers):
            query, key, value = layer["qkv"](layer["norm"](x)).chunk(3, -1)
            x = x + layer["out"](torch.softmax(query @ key.transpose(-1, -2) / 32**0.5, -1) @ value)
            up = layer["up"](x)
            x = x + layer["down"](up * torch.sigmoid(1.702 * up) if self.quick and number else functional.gelu(up))
        return self.head(x.mean(1)) + self.bias * functional.one_hot(torch.tensor(2), 5)


class Pixels(torch.nn.Module):
    """An image of bytes, or per pixel the number of the brightest channel."""

    def __init__(self, *, brighter=0.0, off=0, labels=False):
        super().__init__()
        torch.manual_seed(7)
        self.inner, self.outer = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 3, 1)
        self.brighter, self.off, self.labels = brighter, off, labels

    def forward(self, x):
        bright = torch.sigmoid(self.outer(functional.silu(self.inner(x)))) + self.brighter
        if self.labels:
            return (bright.argmax(1) + self.off) % 3
        return ((bright * 255).round().clamp(0, 255) + self.off).to(torch.uint8)


def drawn(shape, rows=12, seed=7):
    return list(np.random.default_rng(seed).normal(size=(rows, *shape)).astype(np.float32))


INPUTS = {
    Detector: drawn((3, 8, 8)),
    Hidden: drawn((6, 32)),
    Encoder: drawn((10, 16), rows=48),
    Pixels: drawn((3, 48, 48)),
}


@pytest.fixture
def runners(tmp_path):
    """A module in PyTorch, and the file of another module in ONNX Runtime."""

    def make(sound, other, precision="float32", rows=None, exporter="torchscript"):
        rows = INPUTS[type(sound)] if rows is None else rows
        path = exported(other.eval(), rows, tmp_path, precision, exporter)
        source = SessionFactory(path, SessionConfig(threads=1), providers={"CPUExecutionProvider": {}})
        facts = RunnerFacts(precision=precision)
        candidate = SessionRunner(source.open(), {"x": np.float32}, "CPUExecutionProvider", 512, {}, facts, source)
        facts = RunnerFacts(precision="float32", tf32=False)
        reference = TorchRunner(sound.eval(), sound, lambda: {"x": np.stack(rows[:2])}, "cpu", 1, 512, {}, facts)
        return reference, candidate

    return make


@pytest.fixture
def compare(context, runners):
    """The numbers and the evidence of the file of one module and another module in PyTorch, on rows of arrays."""

    def run(sound, other, precision="float32", rows=None, exporter="torchscript"):
        rows = INPUTS[type(sound)] if rows is None else rows
        codec = make_codec(
            encode=lambda examples: [{"x": rows[int(one["text"])]} for one in examples],
            collate=lambda some: {"x": np.stack([row["x"] for row in some])},
            cost=lambda row: 1,
        )
        reference, candidate = runners(sound, other, precision, rows, exporter)
        both = context(candidate, reference, texts=[str(place) for place in range(len(rows))], codec=codec)
        table = TENSORS.observe(both, TensorOptions(attribute=False, weights=False))
        return TENSORS.numbers(table), TENSORS.evidence(table)

    return run


def exported(module, rows, folder, precision, exporter):
    """A module's ONNX file, of which the first axis has no fixed length."""
    path, sample = folder / f"{exporter}.onnx", torch.from_numpy(np.stack(rows[:2]))
    dynamo = exporter == "dynamo"
    axes = {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)} if dynamo else {"dynamic_axes": {"x": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (sample,), path, input_names=["x"], dynamo=dynamo, verbose=False, **axes)
    if precision == "float32":
        return path
    other = folder / f"{precision}.onnx"
    convert(ExportPrecision(precision), path, other)
    return other


# Channels


@pytest.mark.parametrize(
    ("precision", "exporter"), [("float32", "torchscript"), ("float16", "torchscript"), ("float16", "dynamo")]
)
def test_reversed_classes_next_to_boxes_in_pixels_are_a_fault(compare, precision, exporter):
    found, shown = compare(Detector(), Detector(reversed_classes=True), precision, exporter=exporter)
    assert found["ratio"] > 1000
    assert shown.remarks[0].startswith("channel ")
    assert "of 24 of `output` (`output[:, :, " in shown.remarks[0]
    group = shown.details["outputs"]["output"]["group"]
    assert (group["axis"], group["total"]) == (2, 24)
    assert group["index"] >= 4, "of a class, not of a box"
    assert compare(Detector(), Detector(), precision, exporter=exporter)[0]["ratio"] < 3


def test_one_large_dimension_hides_none_of_the_others(compare):
    found, shown = compare(Hidden(), Hidden(reversed_dimensions=True), "float16")
    assert found["ratio"] > 1000
    assert shown.details["outputs"]["output"]["units"] < 4, (
        "one unit for all of them is as large as the largest error is"
    )
    assert compare(Hidden(), Hidden(), "float16")[0]["ratio"] < 3


@pytest.mark.parametrize("fault", [{"bias": 0.01}, {"quick": True}], ids=["a bias of one class", "another GELU"])
def test_a_small_fault_fails_in_half_precision_and_a_sound_file_does_not(compare, fault):
    assert compare(Encoder(), Encoder(**fault), "float16")[0]["ratio"] > 10
    assert compare(Encoder(), Encoder(), "float16")[0]["ratio"] < 3


def biased(module, name, index, number):
    """A module with another number in one of its biases."""
    with torch.no_grad():
        module.get_parameter(name)[index] += number
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "bias", "change", "exporter"),
    [
        (Detector, "classes.bias", (4, 0.3), "torchscript"),  # of one class, beside boxes in pixels; one row tells
        (Hidden, "inner.bias", (20, 0.2), "torchscript"),  # beside a dimension as large as 3,000
        (Encoder, "head.bias", (2, 0.0007), "dynamo"),  # of one class; the rows of one batch are too few to tell
    ],
)
def test_a_fault_of_one_channel_in_half_precision_has_its_module(runners, tmp_path, *, kind, bias, change, exporter):
    reference, candidate = runners(kind(), biased(kind(), bias, *change), "float16", exporter=exporter)
    batches = [{"x": np.stack(INPUTS[kind][start : start + 6])} for start in range(0, 24, 6) if INPUTS[kind][start:]]
    with reference.variant(dtype="float16") as half, reference.variant(dtype="float64") as exact:
        whole = max(noise_ratio_of(candidate, half, exact, batch) for batch in batches)
        found = attribute_difference(
            half, candidate, batches, precision=HALF, oracle=exact, bundle=lambda _: tmp_path / "bundle"
        )
    assert whole < HALF.allowed, "no output is off as a whole"
    assert (found.kind, found.module) == ("weights", bias.rpartition(".")[0])
    shown = subprocess.run([sys.executable, "reproduce.py"], cwd=tmp_path / "bundle", capture_output=True, check=False)
    assert shown.returncode == 1


def noise_ratio_of(candidate, half, exact, batch):
    found, baseline, oracle = (next(iter(runner.run(batch).values())) for runner in (candidate, half, exact))
    return noise_ratio(found, baseline, oracle, None, HALF)


def test_of_a_sound_file_in_half_precision_nothing_is_attributed(runners):
    reference, candidate = runners(Encoder(), Encoder(), "float16")
    batches = [{"x": np.stack(INPUTS[Encoder][start : start + 6])} for start in (0, 6, 12)]
    with reference.variant(dtype="float16") as half:
        assert attribute_difference(half, candidate, batches, precision=HALF) is None


# Rows


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_row_that_pytorch_has_no_digits_for_hides_no_other(compare, precision):
    """One of constants has no deviation: 0 / 0 in half precision, rounding over nearly nothing in single."""
    rows = drawn((64,), rows=64)
    rows[17] = np.full(64, 0.1, np.float32)
    found, shown = compare(Standardizing(), Standardizing(leak=0.02), precision, rows=rows)
    assert found["ratio"] > 100
    assert shown.details["ignored_rows"] == ["row 17"]
    sound, told = compare(Standardizing(), Standardizing(), precision, rows=rows)
    assert sound["ratio"] < 3
    assert sound["mismatches"] == 0
    assert [one for one in told.notes if one.startswith("1 row decides nothing") and one.endswith("`row 17`")]
    assert np.isnan(sound["mean"]).sum() == 0
    assert len(sound["mean"]) == 63


def test_nothing_is_compared_where_the_reference_is_undefined_in_most_rows(compare):
    rows = drawn((64,))[:3] + [np.full(64, 0.1, np.float32)] * 9
    with pytest.raises(MqaError, match=r"gives NaN in `output` for row `row \d+` and 8 more of 12"):
        compare(Standardizing(), Standardizing(), "float16", rows=rows)


def noise(shape, seed, scale=1e-7):
    return np.random.default_rng(seed).normal(size=shape) * scale


def parts_of(exact, baseline, candidate):
    values = zip(exact, baseline, candidate, strict=True)
    return [sum_row_errors(str(row), one, np.ones(one[0].shape, bool), ()) for row, one in enumerate(values)]


def test_a_noisy_row_is_compared_with_its_own_noise_and_is_no_unit_for_others():
    exact = noise((20, 40), 1, 1.0)
    scales = np.where(np.arange(20) == 3, 1e-4, 1e-6)[:, None]
    baseline, candidate = exact + noise(exact.shape, 2, 1.0) * scales, exact + noise(exact.shape, 3, 1.0) * scales
    parts = parts_of(exact, baseline, candidate)
    assert [row for row, one in enumerate(classify_parts(parts, SINGLE)) if one] == [3]
    assert classify_parts(parts, SINGLE)[3] == NOISY
    assert find_worst_group(parts, SINGLE).units < 4
    candidate[5] += 5e-5
    found = find_worst_group(parts_of(exact, baseline, candidate), SINGLE)
    assert (found.row, found.units > 10) == ("5", True)


def test_a_row_that_is_as_large_as_its_noise_is_not_noisy():
    scales = np.logspace(-3, 3, 20)[:, None]
    exact = noise((20, 40), 1, 1.0) * scales
    assert set(classify_parts(parts_of(exact, exact + noise(exact.shape, 2) * scales, exact), SINGLE)) == {""}


def test_where_all_rows_are_noisy_all_of_them_decide():
    exact = noise((20, 40), 1, 1.0)
    parts = parts_of(exact, exact + noise(exact.shape, 2, 0.1), exact)
    assert IGNORED not in classify_parts(parts, HALF)


# Chance


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 40), st.sampled_from([SINGLE, HALF]))
@example(2, 2, 8, HALF)  # one channel has nearly all the noise, and little of it in one of the rows
def test_errors_that_are_alike_are_never_a_fault_however_few_or_many_channels(seed, rows, channels, form):
    rng = np.random.default_rng(seed)
    exact = rng.normal(size=(rows, channels)) * np.logspace(-3, 3, channels)
    baseline, candidate = (exact + form.eps * exact.std(0) * rng.normal(size=exact.shape) for _ in range(2))
    found = find_worst_group(parts_of(exact, baseline, candidate), form)
    assert found is None or found.units <= found.allowed_units


@pytest.mark.parametrize(("rows", "axis"), [(7, None), (8, 1)])
def test_a_channel_of_fewer_than_eight_numbers_is_not_compared_by_itself(rows, axis):
    exact = noise((rows, 5), 1, 1.0)
    baseline, candidate = exact + noise(exact.shape, 2, 1e-6), exact + noise(exact.shape, 3, 1e-6)
    candidate[:, 3] += 1e-4
    assert find_worst_group(parts_of(exact, baseline, candidate), SINGLE).axis == axis


def test_channels_are_named_by_their_axis():
    exact = noise((9, 5, 7), 1, 1.0)
    baseline, candidate = exact + noise(exact.shape, 2, 1e-6), exact + noise(exact.shape, 3, 1e-6)
    candidate[:, :, 4] += 1e-4
    found = find_worst_group(parts_of(exact, baseline, candidate), SINGLE)
    assert (found.axis, found.index, found.total, found.row) == (2, 4, 7, None)


def test_correlated_errors_of_one_row_count_once():
    """A word that comes five times in each of four rows, and so do its errors."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(200):
        exact = rng.normal(size=(4, 1, 60)).repeat(5, axis=1)
        baseline, candidate = (exact + HALF.eps * rng.normal(size=(4, 1, 60)).repeat(5, axis=1) for _ in range(2))
        found = find_worst_group(parts_of(exact, baseline, candidate), HALF)
        alarms += found.units > found.allowed_units
    assert alarms == 0


def test_an_axis_of_varying_length_has_no_channels():
    exact = [noise((number, 4), number, 1.0) for number in (3, 5, 9, 4)]
    parts = parts_of(exact, [one + noise(one.shape, 2) for one in exact], exact)
    assert {axis for part in parts for axis in part.axes} == {0, 1}
    assert find_worst_group(parts, SINGLE).axis != 1


# Integers


def test_a_pixel_at_a_tie_may_lie_one_step_off(compare):
    """Rounded by ONNX Runtime to one side of a half, by PyTorch to the other."""
    rows = drawn((3, 256, 256), rows=8)
    found, shown = compare(Pixels(), Pixels(), rows=rows)
    assert found["mismatches"] == 0
    assert [one for one in shown.notes if "one step off, where the number that is rounded is a tie" in one]


@pytest.mark.parametrize("fault", [{"brighter": 0.001}, {"off": 1}, {"off": 2}])
def test_a_pixel_that_is_off_without_a_tie_is_a_fault(compare, fault):
    found, shown = compare(Pixels(), Pixels(**fault))
    assert found["mismatches"] > 0
    assert "are other integers" in shown.remarks[0]


def test_labels_are_not_rounded_and_may_not_be_one_step_off(compare):
    assert compare(Pixels(labels=True), Pixels(labels=True))[0]["mismatches"] == 0
    assert compare(Pixels(labels=True), Pixels(labels=True, off=1))[0]["mismatches"] > 0
    assert compare(Pixels(labels=True), Pixels(labels=True, brighter=1e-9))[0]["mismatches"] == 0
