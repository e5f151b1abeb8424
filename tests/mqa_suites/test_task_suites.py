"""The suites of `mqa/TASK`: there is one for each task, it asks what the plugins suggest, and it runs as it stands."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mqa_registry import RunOptions, run
from mqa_registry.contributions import SuiteFile, Task
from mqa_registry.errors import SuiteError
from mqa_registry.expect import BY_WORD
from mqa_registry.plugins import load_all
from mqa_registry.suite import Overrides, plugin_names, read, validate

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("task_suites", ROOT / "suites" / "recipes" / "task_suites.py")
recipe = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = recipe  # where dataclasses look for it
spec.loader.exec_module(recipe)
NAMES = {suite.name for suite in recipe.SUITES}
ANY_TASK = "transformers/forward"  # any module, whatever it is for


@pytest.fixture(scope="module")
def catalog():
    return load_all()


def test_every_task_has_its_suite(catalog):
    tasks = {name for name, _ in catalog.each((Task,)) if name.partition("/")[0] in catalog.installed} - {ANY_TASK}
    assert {suite.reference for suite in recipe.SUITES} == tasks
    assert {one.name for _, one in catalog.each((SuiteFile,)) if one.path.is_relative_to(ROOT)} == NAMES


@pytest.mark.parametrize("suite", recipe.SUITES, ids=lambda suite: suite.name)
def test_it_is_what_the_plugins_suggest(suite, catalog):
    assert (recipe.FOLDER / f"{suite.name}.toml").read_text("utf-8") == recipe.write_suite(suite, catalog)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_is_sound_for_a_model_and_rows_and_needs_both(name, catalog):
    named = () if name == "voice-activity" else ("model.id=module:function",)  # which a package brings
    raw = read(f"mqa/{name}", Overrides(set=(*named, "data.rows.path=rows.csv")))
    suite = validate(raw, catalog)
    assert suite.checks
    assert all(check.critical for check in suite.checks)
    bare = read(f"mqa/{name}").root.plain()
    assert not {"id", "path"} & {*bare["model"], *bare["data"]["rows"]}
    assert "mqa" in plugin_names(raw)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_depends_on_the_model_is_bounded_by_the_model_itself(name):
    for check in read(f"mqa/{name}").root.plain()["check"]:
        absolute = {word for word in check["expect"] if word in BY_WORD and BY_WORD[word].quantity.need is None}
        measure = check["measure"] if isinstance(check["measure"], str) else check["measure"]["use"]
        assert not absolute or measure.startswith(("parity/", "metrics/")), check
        if measure == "metrics/accuracy":
            assert not absolute, "nobody knows how accurate any model has to be"


def test_it_runs_on_a_model_and_rows_that_the_command_line_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pq.read_table(ROOT / "suites" / "data" / "adult.parquet").slice(0, 400)
    pq.write_table(rows, "people.parquet")
    options = RunOptions(
        model=str(ROOT / "suites" / "models" / "adult-earners" / "model.skops"),
        data=Path("people.parquet"),
        set=(
            'data.rows.columns.target="income"',
            'model.task={ use = "classification", missing = "?" }',
            f'backends.onnx.path="{ROOT / "suites/models/adult-earners/model.onnx"}"',
        ),
    )
    report = run("mqa/tabular-classification", options)
    verdicts = {result.check: result.verdict for result in report.results if result.backend != "onnx"}
    assert verdicts["metrics/mcc"] == "PASS"
    assert {result.verdict for result in report.results} <= {"PASS", "INCONCLUSIVE"}
    assert report.environment["plugins"]["mqa"] == "mqa-registry 0.1.0"


def test_a_source_that_takes_no_name_says_so(catalog):
    raw = read("mqa/voice-activity", Overrides(model="acme/vad", data=Path("rows.csv")))
    with pytest.raises(SuiteError) as caught:
        validate(raw, catalog)
    assert [problem.message for problem in caught.value.problems] == ["`audio/silero-vad` has no option `id`"]


def test_suites_of_other_models_take_the_source_that_recognizes_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("detector.onnx").touch()
    raw = read("mqa/object-detection", Overrides(model="detector.onnx", data=Path("photos")))
    tables = raw.root.plain()
    assert tables["model"] == {"use": "onnx/file", "task": "object-detection", "id": "detector.onnx"}
    assert tables["data"]["rows"] == {"use": "datasets/folder", "path": "photos"}
