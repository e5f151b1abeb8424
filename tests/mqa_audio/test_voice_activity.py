"""The published detector of speech: as its package uses it, the same on both backends, and its errors found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from mqa_audio.silero import SileroOptions, SileroSource
from mqa_audio.voice_activity import VoiceActivity, VoiceActivityOptions
from mqa_registry import Blob, ModelUnderTest, RunContext, RunOptions, Sound, UsageError, read_sound, run
from mqa_registry.cli import app
from mqa_registry.execution.inference.batch_runs import run_rows
from mqa_registry.suite import references
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from tests.stand_ins import make_task

SUITES = Path(__file__).parents[2] / "suites"
DATA = SUITES / "data" / "speech.parquet"


@pytest.fixture(scope="module")
def recordings():
    """The recordings of playing cards, by their ids."""
    table = pq.read_table(DATA)
    rows = zip(table["id"].to_pylist(), table["audio"].to_pylist(), strict=True)
    return {name: Blob(name, content) for name, content in rows if name.startswith("cards")}


@pytest.fixture(scope="module")
def model_under_test(tmp_path_factory):
    context = RunContext(exports=tmp_path_factory.mktemp("exports"), device="cpu")
    task = VoiceActivity()
    return ModelUnderTest(SileroSource().load(task, context, SileroOptions()), task, context, VoiceActivityOptions())


@pytest.fixture(scope="module")
def predicted(model_under_test, recordings):
    """What is predicted for the recordings by PyTorch, all in one batch."""
    from mqa_registry import Batching

    codec = model_under_test.codec
    rows = codec.encode([{"audio": blob} for blob in recordings.values()])
    with TorchBackend().open(model_under_test, TorchOptions()) as runner:
        return codec.decode(run_rows(codec, runner.run, rows, Batching(), 10_000), rows)


def test_a_sound_is_split_into_chunks_that_overlap(model_under_test):
    samples = np.arange(1100, dtype=np.float32)[:, None] / 1100
    (row,) = model_under_test.codec.encode([{"audio": Blob("a", Sound(samples, 16_000).to_wav())}])
    chunks = [one["input"] for one in model_under_test.codec.split(row)]
    assert [one.shape for one in chunks] == [(576,)] * 3
    assert not chunks[0][:64].any()
    assert (chunks[1][:64] == chunks[0][-64:]).all()
    assert (np.concatenate([one[64:] for one in chunks])[:1100] == samples[:, 0]).all()
    assert not chunks[2][64 + 76 :].any()


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated")  # by the package's own function
def test_segments_and_chunks_are_those_of_the_package(predicted, recordings):
    """Each recording alone, through the package's own wrapper of its TorchScript, which keeps the state itself."""
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    model = load_silero_vad()
    for number, blob in enumerate(recordings.values()):
        samples = torch.from_numpy(read_sound(blob).mono.copy())
        published = get_speech_timestamps(samples, model)
        spans = [(one["start"], one["end"]) for one in predicted["spans"][number].as_py()]
        assert spans == [(one["start"] // 16, -(-one["end"] // 16)) for one in published]
        chunks = [(2 * one > 1, abs(2 * one - 1)) for one in model.audio_forward(samples[None], 16_000)[0].tolist()]
        decisions = [(one["label"] == "speech", one["margin"]) for one in predicted["decisions"][number].as_py()]
        assert [is_speech for is_speech, _ in decisions] == [is_speech for is_speech, _ in chunks]
        np.testing.assert_allclose([one for _, one in decisions], [one for _, one in chunks], atol=1e-4)


def test_the_source_is_for_its_own_task(tmp_path):
    task = make_task(lambda model: None, schema="label")
    with pytest.raises(UsageError, match="is for the task `audio/voice-activity`"):
        SileroSource().load(task, RunContext(exports=tmp_path), SileroOptions())


# The suite.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the suite with its data, and the report of its run by the real command."""
    folder = tmp_path_factory.mktemp("speech")
    (folder / "data").mkdir()
    shutil.copy(DATA, folder / "data")
    shutil.copy(SUITES / "audio.toml", folder)
    done = CliRunner().invoke(app, ["run", str(folder / "audio.toml"), "--json", str(folder / "report.json")])
    assert done.exit_code == 0, done.output
    return folder


def test_the_suite_holds_in_noise_too(folder):
    results = json.loads((folder / "report.json").read_text())["results"]
    assert {one["verdict"] for one in results} == {"PASS"}
    noise = next(one for one in results if one["check"] == "white noise")
    assert [step["severity"] for step in noise["series"]] == [-30, -20, -10, 0]


def test_the_suite_names_the_kind_of_recordings_at_which_the_detector_is_worst(folder):
    """Two kinds of sounds that are alike, each with its own F1; all recordings are in one of them."""
    results = json.loads((folder / "report.json").read_text())["results"]
    for backend in ("torch", "onnx"):
        groups = next(one for one in results if (one["check"], one["backend"]) == ("sounds alike", backend))["groups"]
        values = {name: one["numbers"]["value"] for name, one in groups.items()}
        assert {name.partition(":")[0] for name in values} == {"cluster 1 of 2", "cluster 2 of 2"}
        assert sum(one["rows"] for one in values.values()) == pq.read_table(DATA).num_rows
        assert min(one["estimate"] for one in values.values()) < max(one["estimate"] for one in values.values())


def test_segments_that_were_found_elsewhere_are_judged_the_same(
    folder, tmp_path, model_under_test, predicted, recordings
):
    table = pq.read_table(DATA, columns=["id", "audio", "target"]).slice(0, len(recordings))
    pq.write_table(table, tmp_path / "speech.parquet")
    pq.write_table(predicted.append_column("id", table["id"]), tmp_path / "found.parquet")
    (tmp_path / "suite.toml").write_text(
        """format = 1
name = "found"
[data.speech]
use = "datasets/file"
path = "speech.parquet"
[backends.found]
use = "replay/file"
path = "found.parquet"
schema = "spans"
[[check]]
measure = "audio/speech-f1"
expect = { min = 0.85 }
gate = "point"
[[check]]
measure = "metrics/token-accuracy"
expect = { min = 0.8 }
gate = "point"
"""
    )
    results = run(tmp_path / "suite.toml", RunOptions(device="cpu")).results
    assert {one.verdict.value for one in results} == {"PASS"}


def test_a_damaged_file_decides_otherwise_chunk_by_chunk(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    published = SileroSource().load(
        VoiceActivity(), RunContext(exports=tmp_path), SileroOptions(file="silero_vad_16k_op15.onnx")
    )
    damaged = onnx.load(published.file)
    node = next(one for one in damaged.graph.node if one.op_type == "Conv" and one.input[2:])
    constants = {one.output[0]: one for one in damaged.graph.node if one.op_type == "Constant"}
    holders = {one.name: one for one in damaged.graph.initializer}
    tensor = holders.get(node.input[2]) or constants[node.input[2]].attribute[0].t
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(0.3), tensor.name))
    onnx.save(damaged, tmp_path / "damaged.onnx")
    text = (tmp_path / "audio.toml").read_text().partition("# How good")[0]
    text = text.replace("constants =", 'path = "damaged.onnx"\nconstants =')
    check = '[[check]]\nmeasure = "audio/chunk-difference"\nexpect = { max = 1e-3 }\n'
    (tmp_path / "audio.toml").write_text(text + check)
    (result,) = run(tmp_path / "audio.toml", RunOptions(device="cpu")).results
    assert result.verdict == "FAIL"


def test_a_suite_without_the_package_says_which_extra_brings_it(folder, monkeypatch):
    monkeypatch.setattr(
        references, "missing_packages", lambda packages: (one for one in packages if one == "silero-vad")
    )
    done = CliRunner().invoke(app, ["run", str(folder / "audio.toml")])
    assert done.exit_code == 2
    assert 'pip install "mqa-registry[audio]"' in " ".join((done.output + done.stderr).split())
