"""Suites that corrupt images, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mqa_registry import RunOptions, judge, run
from mqa_registry.errors import SuiteError
from mqa_registry.suite import references
from mqa_vision import mqa_perturbations, mqa_slices

PLUGIN = Path(__file__).parents[1] / "execution" / "images.py"
ROWS = 6
SUITE = """
format = 1
name = "images"
seed = 7
[model]
use = "images/network"
task = "brightness"
[data.photos]
use = "datasets/file"
path = "photos.csv"
[backends.torch]
use = "transformers/torch"
"""
SWEEP = """
[[check]]
name = "{0}"
measure = "metrics/accuracy"
perturb = {{ use = "vision/{0}", severity = [{1}] }}
expect = {{ min = 0.0 }}
gate = "point"
"""
ONCE = """
[[check]]
name = "{0}"
measure = "metrics/accuracy"
perturb = "vision/{0}"
expect = {{ min = 0.0 }}
gate = "point"
max_lost = 1
"""


@pytest.fixture
def folder(tmp_path):
    """Grey photos, half of them bright, and a table of them."""
    rng = np.random.default_rng(7)
    for number in range(ROWS):
        pixels = rng.integers(0, 100, (8, 8)) + 150 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.png,{('dark', 'bright')[number % 2]}\n" for number in range(ROWS))
    (tmp_path / "photos.csv").write_text(f"image,target\n{rows}")
    return tmp_path


def judged(folder, checks):
    (folder / "suite.toml").write_text(SUITE + checks)
    return run(folder / "suite.toml", RunOptions(plugin_files=(PLUGIN,)))


def test_a_sweep_gives_a_curve_from_the_clean_rows_on(folder):
    report = judged(folder, SWEEP.format("brightness", "1, 5") + SWEEP.format("rotate", "10, 30"))
    brightness, turned = report.results
    assert [step.severity for step in brightness.series] == [1, 5]
    assert brightness.evidence.sweep.clean_value == 1.0
    assert turned.evidence.changed == ROWS
    again = judged(folder, SWEEP.format("brightness", "1, 5"))
    assert again.work["torch"].predicted == 0


def test_an_image_that_cannot_be_read_is_lost(folder):
    (folder / "2.png").write_bytes(b"no image")
    (noisy,) = judged(folder, ONCE.format("gaussian-noise")).results
    assert "2.png is no image that can be read" in str(noisy.evidence.lost).replace("`", "")
    assert noisy.numbers["value"].rows == ROWS - 1


def test_a_perturbation_that_declines_every_image_tests_nothing(folder):
    (saturated,) = judged(folder, ONCE.format("saturate")).results
    assert saturated.verdict == "NOT-RUN"
    assert "declined all of 6 rows" in saturated.note


def test_a_suite_that_needs_pillow_says_so_where_it_is_missing(folder, monkeypatch):
    monkeypatch.setattr(references, "missing_packages", lambda packages: (one for one in packages if one == "pillow"))
    (folder / "suite.toml").write_text(SUITE + ONCE.format("fog"))
    with pytest.raises(Exception, match="`vision/fog` requires the package `pillow`"):
        run(folder / "suite.toml", RunOptions(plugin_files=(PLUGIN,)))


def test_every_contribution_of_the_plugin_requires_the_extra():
    assert {one.requires for one in (*mqa_perturbations(), *mqa_slices())} == {("pillow",)}


SLICED = """
[[check]]
name = "by brightness"
measure = "metrics/accuracy"
by = { use = "vision/brightness", edges = [0.5] }
expect = { min = 0.0, min_rows = 1 }
gate = "point"
"""


@pytest.mark.parametrize("examples", [True, False])
def test_a_slice_opens_images_and_a_kept_run_has_its_groups(folder, examples):
    (folder / "suite.toml").write_text(SUITE + SLICED)
    report = run(folder / "suite.toml", RunOptions(plugin_files=(PLUGIN,)), examples=examples)
    (result,) = report.results
    assert {name: part.numbers["value"].rows for name, part in result.groups.items()} == {
        "brightness under 0.5": ROWS // 2,
        "brightness 0.5 and over": ROWS // 2,
    }
    for image in folder.glob("*.png"):
        image.unlink()
    (again,) = judge(report.run, store=folder / ".mqa", plugin_files=(PLUGIN,)).results
    assert again.groups == result.groups


def test_a_planted_weak_cluster_is_the_worst_group_and_a_kept_run_has_it(folder):
    stripes = 150 * (np.indices((8, 8))[0] % 2)
    for number in range(ROWS, 2 * ROWS):
        Image.fromarray((stripes + number).astype(np.uint8)).save(folder / f"{number}.png")
    rows = "".join(f"{number}.png,bright\n" for number in range(ROWS, 2 * ROWS))  # which the model takes for dark
    (folder / "photos.csv").write_text((folder / "photos.csv").read_text() + rows)
    by_looks = SLICED.replace("vision/brightness", "vision/clusters").replace("edges = [0.5]", "n_clusters = 3")
    report = judged(folder, by_looks)
    (result,) = report.results
    (worst,) = (name for name, part in result.groups.items() if part.numbers["value"].estimate < 0.5)
    assert worst.startswith("cluster 1 of 3: ")
    assert result.groups[worst].numbers["value"].rows == ROWS
    for image in folder.glob("*.png"):
        image.unlink()
    (again,) = judge(report.run, store=folder / ".mqa", plugin_files=(PLUGIN,)).results
    assert again.groups == result.groups


def test_a_slice_finds_its_field_behind_other_columns_and_one_that_is_not_there_is_refused_before_predicting(folder):
    header, *rows = (folder / "photos.csv").read_text().splitlines()
    rows = (f"{number},{row}\n" for number, row in enumerate(rows))
    (folder / "photos.csv").write_text(f"id,{header}\n{''.join(rows)}")
    (result,) = judged(folder, SLICED).results
    assert len(result.groups) == 2
    with pytest.raises(SuiteError) as refused:
        judged(folder, SLICED.replace("edges", 'column = "picture", edges'))
    (problem,) = refused.value.problems
    assert (problem.message, problem.hint) == ("the rows have no field `picture`", "the fields are `image`")


def test_a_kept_run_is_not_judged_by_a_slice_of_images_that_it_did_not_have(folder):
    report = judged(folder, SLICED.replace("by =", "# by ="))
    (folder / "other.toml").write_text(SUITE + SLICED)
    (result,) = judge(report.run, folder / "other.toml", store=folder / ".mqa", plugin_files=(PLUGIN,)).results
    assert result.verdict == "NOT-RUN"
    assert "kept without files, and not with the groups of `vision/brightness`" in result.note
