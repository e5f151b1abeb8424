"""Audio classification: a model's own feature extractor makes its inputs, and PyTorch and ONNX Runtime predict the same."""

from __future__ import annotations

import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from mqa_registry import Blob, ClassifierOptions, DataError, Model, RunOptions, Sound, UsageError, run
from mqa_registry.cli import app
from mqa_transformers.configuration import SOUND_ENCODERS, is_audio_classifier
from mqa_transformers.tasks.audio_classification import AudioClassification
from tests.tones import CLASSES, RATE, build_extractor, draw_tones, write_model

pytestmark = pytest.mark.usefixtures("exports_here")

SUITE = """
format = 1
name = "tones"
seed = 7
[model]
use = "transformers/auto"
id = "model"
task = "audio-classification"
[data.tones]
use = "datasets/file"
path = "tones.parquet"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
path = "out/model.onnx"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.9 }
gate = "point"
"""
PARITY = """
[[check]]
measure = { use = "parity/tensors", rows = 4 }
expect = { mismatches = { max = 0 }, ratio = { max = 10 } }
[[check]]
measure = "parity/flip-rate"
expect = { max = 0.0 }
gate = "point"
"""
INPUTS = """
[[check]]
measure = { use = "parity/inputs", processor = "deployed" }
expect = { max = 0 }
"""
CHANGED = """
[[check]]
name = "noise"
measure = "metrics/accuracy"
perturb = { use = "audio/noise", severity = [-20, 20] }
expect = { min = 0.0 }
gate = "point"
[[check]]
name = "loudness"
measure = "metrics/accuracy"
by = { use = "audio/loudness", edges = [-20] }
expect = { min = 0.0, min_rows = 1 }
gate = "point"
"""
ROWS = 30


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of the trained model; not to be changed."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # the progress of transformers
        return write_model(tmp_path_factory.mktemp("tones") / "model")


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    """A folder with the model, its export, tones and a suite, and the store of a run of it."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copytree(trained, folder / "model")
    done = mqa("export", folder / "model", "--out", folder / "out", "--store", folder / ".mqa")
    assert done.exit_code == 0, done.output
    sounds, codes = draw_tones(ROWS, rate=2 * RATE, channels=2)
    write_rows(folder, [one.to_wav() for one in sounds], codes)
    (folder / "suite.toml").write_text(SUITE + PARITY)
    return folder, run(folder / "suite.toml", RunOptions(device="cpu"))


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that folder, with its store, and a suite of metrics alone."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "suite.toml").write_text(SUITE)
    return tmp_path


def write_rows(folder, sounds, codes):
    table = {"audio": sounds, "label": [CLASSES[code] for code in codes]}
    pq.write_table(pa.table(table), folder / "tones.parquet")


def mqa(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def judged(folder):
    return run(folder / "suite.toml", RunOptions(device="cpu"))


def values(report, check="metrics/accuracy"):
    return {one.backend: one.numbers["value"].estimate for one in report.results if one.check == check}


def model(processor=None, labels=CLASSES, **about):
    return Model(digest="", module=lambda: None, processor=lambda: processor, labels=labels, about=about)


def bind(processor, **about):
    return AudioClassification().bind(model(processor, **about), ClassifierOptions())


# What the model is fed.


def test_shorter_sounds_are_filled_up_behind_and_the_mask_tells():
    sounds = [Sound(np.full((length, 1), 0.5, np.float32), RATE) for length in (800, 320)]
    codec = bind(build_extractor(do_normalize=False))
    rows = codec.encode([{"audio": Blob("a", one.to_wav())} for one in sounds])
    batch = codec.collate(rows)
    assert batch["input_values"].shape == batch["attention_mask"].shape == (2, 800)
    assert (batch["input_values"][1, 320:] == 0).all()
    assert batch["attention_mask"].sum(axis=1).tolist() == [800, 320]
    assert [codec.cost(row) for row in rows] == [3, 1]


def test_a_model_without_a_feature_extractor_is_refused():
    with pytest.raises(DataError, match="no feature extractor") as refused:
        bind(None)
    assert "preprocessor_config.json" in refused.value.hint


def test_what_is_predicted_follows_from_the_configuration():
    task, options = AudioClassification(), ClassifierOptions()
    assert task.for_model(model(), options).schema == "label"
    assert task.for_model(model(problem_type="multi_label_classification"), options).schema == "labels"
    assert task.for_model(model(labels=("level",)), options).schema == "value"
    with pytest.raises(UsageError, match="`threshold` is of a multi-label model"):
        task.for_model(model(), ClassifierOptions(threshold=0.3))


def test_the_classifiers_of_sounds_are_those_of_transformers():
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as NAMES

    assert all(map(is_audio_classifier, NAMES.values()))
    assert not is_audio_classifier("BertForSequenceClassification")
    assert {name for name in SOUND_ENCODERS if any(one.startswith(name) for one in NAMES.values())} == set(
        SOUND_ENCODERS
    )


# Runs.


def test_both_backends_tell_the_pitch_and_agree(made):
    report = made[1]
    assert {one.verdict.value for one in report.results} == {"PASS"}
    assert values(report) == {"torch": 1.0, "onnx": 1.0}


def test_sounds_that_cannot_be_read_are_lost_with_their_reasons(folder):
    sounds, codes = draw_tones(ROWS)
    contents = [one.to_wav() for one in sounds]
    silent = Sound(np.full((800, 1), np.nan, np.float32), RATE).to_wav()
    contents[:4] = [b"", b"no sound", contents[2][:100], silent]
    write_rows(folder, contents, codes)
    (folder / "suite.toml").write_text(SUITE.replace("seed = 7", "seed = 7\nmax_lost = 4"))
    report = judged(folder)
    assert values(report) == {"torch": 1.0, "onnx": 1.0}
    assert {number.rows for one in report.results for number in one.numbers.values()} == {ROWS - 4}
    lost = " ".join(sorted({row.reason for one in report.results for view in one.evidence.lost for row in view.first}))
    assert all(reason in lost for reason in ("is empty", "is no sound", "is cut short", "NaN"))


def test_sounds_are_perturbed_and_sliced_and_the_backends_still_agree(folder):
    sounds, codes = draw_tones(ROWS)
    quiet = [Sound(one.samples * (0.1 if row % 2 else 1.0), one.rate).to_wav() for row, one in enumerate(sounds)]
    write_rows(folder, quiet, codes)
    (folder / "suite.toml").write_text(SUITE + CHANGED)
    report = judged(folder)
    noise = {
        one.backend: [step.numbers["value"].estimate for step in one.series] for one in report.results if one.series
    }
    assert noise["torch"] == noise["onnx"]
    assert noise["torch"][0] >= 0.9 > noise["torch"][1]
    groups = next(one for one in report.results if one.check == "loudness").groups
    assert {name: part.numbers["value"].rows for name, part in groups.items()} == {
        "loudness under -20": ROWS // 2,
        "loudness -20 and over": ROWS // 2,
    }


def test_another_setting_of_the_extractor_predicts_anew(folder):
    assert sum(one.predicted for one in judged(folder).work.values()) == 0
    file = folder / "model" / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"do_normalize": False}))
    assert judged(folder).work["torch"].predicted == ROWS
    file.unlink()
    with pytest.raises(DataError, match="holds no feature extractor") as refused:
        judged(folder)
    assert refused.value.hint


def test_inputs_of_a_deployment_that_resamples_otherwise_are_explained(folder):
    build_extractor(do_normalize=False).save_pretrained(folder / "deployed")
    (folder / "suite.toml").write_text(SUITE + INPUTS)
    results = [one for one in judged(folder).results if one.check == "parity/inputs"]
    assert results[0].verdict == "FAIL"
    assert "`do_normalize` is false in place of true" in results[0].evidence.remarks[0]

    table = pq.read_table(folder / "tones.parquet")
    ids = np.array([str(number) for number in range(ROWS)])
    pq.write_table(table.append_column("id", pa.array(ids)), folder / "tones.parquet")
    extractor, sounds = build_extractor(), draw_tones(ROWS, rate=2 * RATE, channels=2)[0]
    rows = extractor([one.mono[::2] for one in sounds], sampling_rate=RATE, padding=True, return_tensors="np")
    np.savez(folder / "deployed.npz", id=ids, **rows)
    (folder / "suite.toml").write_text(SUITE + INPUTS.replace('processor = "deployed"', 'arrays = "deployed.npz"'))
    results = [one for one in judged(folder).results if one.check == "parity/inputs"]
    assert "by the nearest sample in place of a polyphase filter" in results[0].evidence.remarks[0]


# The export.


def test_an_export_is_sound_though_a_weight_of_it_is_computed(made):
    """The positional convolution of wav2vec 2.0 keeps its weight as a norm and a direction; the file has their product."""
    stamp = json.loads((made[0] / "out" / "model.mqa.json").read_text())
    assert not [one for one in stamp["audit"]["findings"] if one["topic"] == "weights" and one["level"] != "note"]


def test_a_damaged_export_fails_and_the_module_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "out/model.mqa.json").unlink()  # else the file is refused, as it should be
    damaged = onnx.load("out/model.onnx")
    named = "wav2vec2.feature_projection.projection.bias"
    bias = next(one for one in damaged.graph.initializer if one.name == named)
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.5), named))
    onnx.save(damaged, "out/model.onnx")
    done = mqa("parity", "model", "out/model.onnx", "--data", "tones.parquet", "--json", "report.json")
    assert done.exit_code == 1, done.output
    found = json.loads((folder / "report.json").read_text())["first_divergence"]
    assert found["module"].startswith("wav2vec2.feature_projection")


def test_a_folder_of_sounds_and_an_onnx_file_become_a_report_in_two_commands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copy(folder / "model" / name, folder / "out")
    sounds, codes = draw_tones(60)
    for row, (sound, code) in enumerate(zip(sounds, codes, strict=True)):
        path = folder / "recordings" / CLASSES[code] / f"{row:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound.to_wav())
    done = mqa("init", "out/model.onnx", "--data", "recordings", "--out", "recordings.toml")
    assert done.exit_code == 0, done.output
    assert 'audio = "file"' in (folder / "recordings.toml").read_text()
    done = mqa("run", "recordings.toml", "--json", "report.json")
    assert done.exit_code in {0, 4}, done.output
    results = {one["check"]: one for one in json.loads((folder / "report.json").read_text())["results"]}
    assert results["metrics/accuracy"]["numbers"]["value"]["estimate"] > 0.9
