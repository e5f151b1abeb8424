"""What can be wrong with a model or its export, on the real demo model and through the whole engine."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import pytest

from mqa_registry import MqaError
from mqa_registry.runs import RunOptions, run

SUITES = Path(__file__).parents[1] / "suites"
SUITE = """
format = 1
name = "small"
seed = 7
[model]
use = "transformers/auto"
id = "model"
task = "text-classification"
[data.reviews]
use = "datasets/file"
path = "DATA"
limit = 40
[backends.torch]
use = "transformers/torch"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.2 }
"""
ONNX = """
[backends.onnx]
use = "onnxruntime/session"
path = "model.onnx"
"""
NAN = struct.pack("<e", float("nan"))


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SUITES / "models" / "reviews-minilm", tmp_path / "model")
    (tmp_path / "suite.toml").write_text(SUITE.replace("DATA", str(SUITES / "data" / "sentiment.parquet")))
    return tmp_path


def with_onnx(folder: Path) -> None:
    path = folder / "suite.toml"
    path.write_text(path.read_text().replace("[[check]]", f"{ONNX}\n[[check]]", 1))


def change(path: Path, content: bytes, *, back: int) -> None:
    """Overwrite some bytes near the end of a file, and leave its size and its time stamps as they were."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-back, os.SEEK_END)
        assert file.read(len(content)) != content
        file.seek(-back, os.SEEK_END)
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_model_with_one_other_weight_never_gets_the_others_predictions(folder):
    first = run(folder / "suite.toml")
    assert first.work["torch"].predicted == 40
    change(folder / "model" / "model.safetensors", struct.pack("<e", 3.0), back=400)
    second = run(folder / "suite.toml")
    assert (second.work["torch"].found, second.work["torch"].predicted) == (0, 40)
    assert second.environment["model"]["digest"] != first.environment["model"]["digest"]
    assert run(folder / "suite.toml").work["torch"].found == 40


def test_nan_weights_in_the_reference_are_an_error_and_exit_3(folder):
    weights = folder / "model" / "model.safetensors"
    change(weights, NAN * 1000, back=2000)
    report = run(folder / "suite.toml")
    (result,) = report.results
    assert (report.exit_code, result.verdict) == (3, "ERROR")
    assert "NaN or Inf on 40 rows" in result.note


def refused(folder: Path) -> MqaError:
    with pytest.raises(MqaError) as caught:
        run(folder / "suite.toml")
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda whole: b"\xff" * 64 + whole[64:],
            "is a file of no known format, and is named as weights in safetensors",
        ),
        (lambda whole: whole[: 1 << 20], "cannot be loaded"),
    ],
    ids=["bad bytes", "cut short"],
)
def test_weights_with_bad_bytes_or_cut_short_are_exit_2(folder, damage, message):
    weights = folder / "model" / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    assert message in refused(folder).message


def test_a_folder_without_a_model_is_exit_2(folder):
    shutil.rmtree(folder / "model")
    (folder / "model").mkdir()
    assert "model" in refused(folder).message


@pytest.mark.parametrize("content", [b"", b"not an onnx file", b"\x08\x0a\x12\x07pytorch" + b"\x00" * 100])
def test_a_foreign_or_truncated_onnx_is_refused(folder, content):
    (folder / "model.onnx").write_bytes(content)
    with_onnx(folder)
    assert "model.onnx" in refused(folder).message


def test_a_session_that_was_asked_for_cuda_and_has_none_is_not_run_and_exit_3(folder, demo_export):
    path = folder / "suite.toml"
    with_onnx(folder)
    demo_export(folder / ".mqa")
    path.write_text(path.read_text().replace('path = "model.onnx"', 'providers = ["CUDAExecutionProvider"]'))
    report = run(path)
    verdicts = {result.backend: result.verdict for result in report.results}
    if verdicts["onnx"] == "PASS":
        pytest.skip("CUDA starts here")
    assert (report.exit_code, verdicts) == (3, {"torch": "PASS", "onnx": "NOT-RUN"})
    assert "CUDAExecutionProvider" in report.results[1].note


def test_a_device_that_is_not_there_is_not_run_and_exit_3(folder):
    report = run(folder / "suite.toml", RunOptions(device="cuda"))
    if report.results[0].verdict == "PASS":
        pytest.skip("CUDA starts here")
    assert (report.exit_code, report.results[0].verdict) == (3, "NOT-RUN")


def test_the_demo_model_is_not_asked_for_code_or_pickles(folder):
    (folder / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04evil")
    assert run(folder / "suite.toml").exit_code == 0
