"""Suites of images: files and bytes that rows name are opened when they are encoded, and never copied or shown."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mqa_registry import DataError, RunOptions, judge, run
from mqa_registry.reports import to_json
from mqa_registry.runs.pipeline import execute
from mqa_registry.suite import Overrides, read

PLUGIN = Path(__file__).with_name("images.py")
SUITE = """
format = 1
name = "images"
seed = 7
[model]
use = "images/network"
task = "brightness"
[data.photos]
use = "datasets/file"
path = "photos.parquet"
[backends.torch]
use = "transformers/torch"
[[check]]
name = "accuracy"
measure = "metrics/accuracy"
expect = { min = 0.5 }
gate = "point"
"""
PERTURBED = """
[[check]]
name = "{0}"
measure = "metrics/accuracy"
perturb = {1}
expect = {{ max = 1.0 }}
gate = "point"
"""
ROWS = 12
SIGNATURE = b"\x89PNG"  # the first bytes of such a file
BOTH = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def perturbed(name: str, perturb: str) -> str:
    return PERTURBED.format(name, perturb)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of images, half of them bright."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(7)
    for number in range(ROWS):
        pixels = rng.integers(0, 100, (8, 8)) + 150 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def folder(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "img")
    (tmp_path / "suite.toml").write_text(SUITE)
    write_rows(tmp_path, paths(tmp_path))
    return tmp_path


def paths(folder: Path) -> pa.Array:
    return pa.array([f"img/{file.name}" for file in sorted((folder / "img").iterdir())])


def contents(folder: Path) -> list[bytes]:
    return [(folder / path).read_bytes() for path in paths(folder).to_pylist()]


def write_rows(folder: Path, images: pa.Array) -> None:
    targets = [("dark", "bright")[number % 2] for number in range(len(images))]
    ids = [f"row-{number:02}" for number in range(len(images))]
    pq.write_table(pa.table({"id": ids, "image": images, "target": targets}), folder / "photos.parquet")


def add(folder: Path, text: str) -> None:
    path = folder / "suite.toml"
    path.write_text(path.read_text() + text)


def judged(folder: Path, **options):
    return run(folder / "suite.toml", RunOptions(plugin_files=(PLUGIN,), **options))


def by_check(report):
    return {result.check: result for result in report.results}


def mqa(*words):
    command = [sys.executable, "-m", "mqa_registry", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_images_are_predicted_and_perturbed_and_only_names_are_kept(folder):
    add(folder, perturbed("inverted", '"images/invert"'))
    add(folder, perturbed("noisy", '{ use = "images/noise", severity = [1, 5] }'))
    add(folder, perturbed("both", '["images/noise", "images/invert"]'))
    report = judged(folder)
    results = by_check(report)
    values = {name: one.numbers["value"].estimate for name, one in results.items() if "value" in one.numbers}
    assert values == {"accuracy": 1.0, "inverted": 0.0, "both": 0.0}
    assert results["inverted"].evidence.changed == ROWS
    again = judged(folder)
    assert (again.work["torch"].found, again.work["torch"].predicted) == (report.work["torch"].predicted, 0)
    assert SIGNATURE not in everything_in(folder / ".mqa")


FORMS = {
    "paths": paths,
    "bytes": lambda folder: pa.array(contents(folder), pa.binary()),
    "structs": lambda folder: pa.array([{"bytes": None, "path": path} for path in paths(folder).to_pylist()], BOTH),
}


def test_the_form_of_the_column_changes_no_prediction_and_costs_no_second_one(folder):
    add(folder, perturbed("noisy", '"images/noise"'))
    work = []
    for form in FORMS.values():
        write_rows(folder, form(folder))
        report = judged(folder)
        assert by_check(report)["accuracy"].numbers["value"].estimate == 1.0
        work.append(report.work["torch"].predicted)
        assert SIGNATURE not in everything_in(folder / ".mqa")
    assert work == [2 * ROWS, 0, 0]


def test_a_renamed_image_is_known_and_one_with_other_pixels_is_not(folder):
    judged(folder)
    (folder / "img" / "00.png").rename(folder / "img" / "99.png")
    write_rows(folder, paths(folder))
    assert judged(folder).work["torch"].predicted == 0
    shutil.copy(folder / "img" / "01.png", folder / "img" / "other.png")
    Image.new("L", (8, 8), 17).save(folder / "img" / "01.png")
    assert judged(folder).work["torch"].predicted == 1


def test_an_image_that_a_perturbation_gives_back_has_not_changed(folder):
    add(folder, perturbed("same", '"images/same"'))
    evidence = by_check(judged(folder))["same"].evidence
    assert evidence.changed == 0
    assert 0 < evidence.declined < ROWS


def test_the_worst_rows_are_shown_by_the_names_of_their_files(folder):
    add(folder, perturbed("inverted", '"images/invert"').replace("max = 1.0", "min = 0.9"))
    report = judged(folder)
    (first, *_) = by_check(report)["inverted"].evidence.examples
    assert first.fields == {"image": f"img/{first.id[-2:]}.png"}
    write_rows(folder, pa.array(contents(folder), pa.binary()))
    (first, *_) = by_check(judged(folder))["inverted"].evidence.examples
    assert re.fullmatch(r"PNG 8 x 8 \(\d+ bytes, [0-9a-f]{12}\)", first.fields["image"])


def test_without_examples_no_name_of_a_file_is_kept(folder):
    add(folder, perturbed("inverted", '"images/invert"').replace("max = 1.0", "min = 0.9"))
    (folder / "img" / "00.png").unlink()
    report = run(folder / "suite.toml", RunOptions(plugin_files=(PLUGIN,)), examples=False)
    assert "img/" not in json.dumps(to_json(report))
    assert b"img/" not in everything_in(folder / ".mqa" / "runs")


def test_a_kept_run_is_judged_again_without_its_images(folder):
    first = judged(folder)
    shutil.rmtree(folder / "img")
    again = judge(first.run, store=folder / ".mqa", plugin_files=(PLUGIN,))
    assert [one.verdict for one in again.results] == [one.verdict for one in first.results]


# Images that cannot be read.


@pytest.fixture
def damaged(folder):
    """Of the images one is cut short, one missing, one a folder, one a pipe, and one is outside of the folder."""
    images = folder / "img"
    cut = (images / "00.png").read_bytes()[:40]
    (images / "00.png").write_bytes(cut)
    (images / "01.png").unlink()
    (images / "02.png").unlink()
    (images / "02.png").mkdir()
    (images / "03.png").unlink()
    os.mkfifo(images / "03.png")
    shutil.move(images / "04.png", folder.parent / "04.png")
    write_rows(folder, pa.array([*(f"img/{n:02}.png" for n in range(4)), "../04.png", *paths(folder).to_pylist()[3:]]))
    return folder


def test_images_that_cannot_be_read_are_lost_rows_with_their_reasons(damaged):
    add(damaged, perturbed("inverted", '"images/invert"'))
    observed = execute(read(damaged / "suite.toml"), RunOptions(plugin_files=(PLUGIN,))).observations
    for view in observed.views.values():
        reasons = {row.id: row.reason for row in view.lost.named}
        assert list(reasons) == ["row-00", "row-01", "row-02", "row-03"]
        for row, reason in [
            ("row-00", "crashed"),
            ("row-01", "`img/01.png` is missing"),
            ("row-02", "`img/02.png` is a folder"),
            ("row-03", "`img/03.png` is a pipe or a device"),
        ]:
            assert reason in reasons[row]
        assert view.perturbed.rows.ids.to_pylist() == view.predictions.ids.to_pylist()
        assert len(view.predictions) == 8


def test_a_confined_run_loses_the_image_outside_of_its_folder(damaged):
    plugin = shutil.copy(PLUGIN, damaged)
    raw = read(damaged / "suite.toml", Overrides(confined=True))
    observed = execute(raw, RunOptions(plugin_files=(Path(plugin),), confined=True)).observations
    (view,) = observed.views.values()
    assert "`../04.png` leads out of" in {row.id: row.reason for row in view.lost.named}["row-04"]


def test_an_image_that_changes_before_it_is_encoded_is_lost(folder, monkeypatch):
    monkeypatch.setenv("IMAGES_TOUCHED", str(folder / "img" / "05.png"))
    observed = execute(read(folder / "suite.toml"), RunOptions(plugin_files=(PLUGIN,))).observations
    (view,) = observed.views.values()
    assert [(row.id, row.reason) for row in view.lost.named] == [
        ("row-05", "`img/05.png` has changed since it was first read")
    ]


def test_where_no_image_can_be_read_the_view_says_why(folder):
    shutil.rmtree(folder / "img")
    (result,) = judged(folder).results
    assert result.verdict == "ERROR"
    assert "`img/00.png` is missing" in result.note


def test_a_column_that_can_be_no_image_is_refused(folder):
    write_rows(folder, pa.array(range(ROWS)))
    with pytest.raises(DataError, match="holds int64, and `brightness` reads images"):
        judged(folder)


# Commands.


def test_the_command_runs_a_suite_of_images_and_shows_no_bytes(folder):
    write_rows(folder, pa.array(contents(folder), pa.binary()))
    add(folder, perturbed("inverted", '"images/invert"').replace("max = 1.0", "min = 0.9"))
    outputs = [folder / f"report.{suffix}" for suffix in ("json", "html", "md", "csv")]
    flags = ["--json", "--html", "--markdown", "--csv"]
    words = [word for pair in zip(flags, map(str, outputs), strict=True) for word in pair]
    done = mqa("run", folder / "suite.toml", "--plugin", PLUGIN, *words)
    assert done.returncode == 1, done.stderr
    for output in outputs:
        text = output.read_text()
        assert "IHDR" not in text  # which follows the signature of a PNG
        assert "\\x89" not in text


def test_rows_to_be_predicted_elsewhere_have_names(folder):
    done = mqa("rows", folder / "suite.toml", "--plugin", PLUGIN, "--out", folder / "rows")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(folder / "rows" / "photos.parquet")["image"].to_pylist() == paths(folder).to_pylist()


def test_rows_whose_images_are_perturbed_are_not_written_by_name_alone(folder):
    add(folder, perturbed("inverted", '"images/invert"'))
    done = mqa("rows", folder / "suite.toml", "--plugin", PLUGIN, "--out", folder / "rows")
    assert done.returncode == 2
    assert "`images/invert` perturbs images" in done.stderr
    assert not (folder / "rows").exists()


# The rest of the engine.


@pytest.mark.usefixtures("exports_here")
def test_an_export_agrees_with_its_model_on_images(folder):
    add(folder, '[backends.onnx]\nuse = "onnxruntime/session"\n')
    add(folder, perturbed("agreement", '"images/noise"').replace("metrics/accuracy", "parity/agreement"))
    add(
        folder,
        '[[check]]\nname = "tensors"\nmeasure = { use = "parity/tensors", rows = 4 }\nexpect.ratio = { max = 1.0 }\n',
    )
    results = {(one.check, one.backend): one for one in judged(folder).results}
    assert results["agreement", "onnx"].numbers["value"].estimate == 1.0
    assert results["tensors", "onnx"].verdict == "PASS"


def test_a_probe_reads_images_and_observes_them_again_where_their_pixels_are_others(folder):
    add(folder, '[[check]]\nname = "gray"\nmeasure = "images/gray"\nexpect = { max = 255.0 }\n')
    before = by_check(judged(folder))["gray"].numbers["value"].estimate
    Image.new("L", (8, 8), 255).save(folder / "img" / "00.png")
    assert by_check(judged(folder))["gray"].numbers["value"].estimate > before + 5


def test_a_probe_of_perturbed_images_says_that_they_are_not_kept(folder):
    add(
        folder,
        '[[check]]\nname = "gray"\nmeasure = "images/gray"\nperturb = "images/invert"\nexpect = { max = 255.0 }\n',
    )
    result = by_check(judged(folder))["gray"]
    assert result.verdict == "NOT-RUN"
    assert "the values of `image` are not kept after a perturbation" in result.note


PROBED = """
[[check]]
name = "{0}"
measure = "images/encoded"
expect = {{ max = 1.0 }}
{1}
"""


def test_a_probe_reads_perturbed_images_shard_by_shard(folder):
    add(folder, PROBED.format("clean", ""))
    add(folder, PROBED.format("inverted", 'perturb = "images/invert"'))
    add(folder, PROBED.format("declined", 'perturb = "images/same"'))
    results = by_check(judged(folder))
    clean, inverted = (results[name].numbers["value"].estimate for name in ("clean", "inverted"))
    assert clean + inverted == pytest.approx(1)
    assert results["declined"].numbers["value"].estimate > 0
    assert SIGNATURE not in everything_in(folder / ".mqa")


@pytest.mark.parametrize("perturb", ["", 'perturb = "images/invert"'])
def test_an_image_that_a_probe_cannot_encode_is_lost_and_needs_consent(folder, perturb):
    (folder / "img" / "03.png").write_bytes(SIGNATURE)
    add(folder, PROBED.format("strict", perturb))
    add(folder, PROBED.format("lenient", f"max_lost = 1\n{perturb}"))
    for _ in range(2):  # what was lost is tried again
        results = by_check(judged(folder))
        assert (results["strict"].verdict.name, results["lenient"].verdict.name) == ("NOT_RUN", "PASS")
        (loss,) = results["lenient"].evidence.lost
        assert (loss.rows, loss.lost, loss.first[0].id) == (ROWS, 1, "row-03")


def test_a_probe_runs_again_where_an_image_has_other_pixels_and_not_where_its_name_is_another(folder):
    add(folder, PROBED.format("inverted", 'perturb = "images/invert"'))

    def value():
        return by_check(judged(folder))["inverted"].numbers["value"].estimate

    first = value()
    shutil.copy(folder / "img" / "01.png", folder / "img" / "00.png")
    assert value() < first
