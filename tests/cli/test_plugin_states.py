"""`mqa plugins`: the state of each plugin, as a table and as JSON, and what decides it."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from mqa_registry.cli import plugin_facts
from tests.cli.conftest import Project

GOOD = """
from mqa_registry import Metric, Slice, hookimpl

def wit(predictions, targets, *, least: float = 0.5):
    \"The share of rows with wit. `least` is how much of it counts.\"

@hookimpl
def mqa_metrics():
    yield Metric("wit", wit, schemas=("label",), range=(0.0, 1.0))

@hookimpl
def mqa_slices():
    yield Slice("mood", lambda example: "good")
"""
LATER = "\n@hookimpl\ndef mqa_metrix():\n    yield 1\n"


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def install(tmp_path):
    """Lay a distribution with one module, which is a plugin, out as pip does."""

    def lay_out(distribution, source, *, name, version="1.2", requires=()):
        site, module = tmp_path / "site", distribution.replace("-", "_")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(dedent(source))
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}")
        (info / "entry_points.txt").write_text(f"[mqa]\n{name} = {module}\n")

    return lay_out


@pytest.fixture
def mqa(tmp_path):
    return Project(tmp_path).mqa


def row(done, name):
    """The words of the line about a plugin."""
    return next(line.split() for line in done.out.splitlines() if line.split()[:1] == [name])


def test_each_plugin_has_a_line_with_its_version_its_distribution_and_what_it_gives(mqa, install):
    install("mqa-jest", GOOD, name="jest")
    done = mqa("plugins")
    assert (done.code, done.err) == (0, "")
    assert row(done, "jest") == ["jest", "1.2", "mqa-jest", "1", "metric,", "1", "slice"]
    assert row(done, "onnxruntime")[3:] == ["1", "backend,", "3", "diagnoses"]


def test_a_broken_plugin_ends_the_list_with_3_and_hides_no_other(mqa, install):
    install("mqa-grave", "import no_such_module", name="grave")
    install("mqa-jest", GOOD, name="jest")
    done = mqa("plugins")
    assert done.code == 3
    assert row(done, "grave") == ["grave", "1.2", "mqa-grave", "broken"]
    assert "  cannot be used: ModuleNotFoundError: No module named 'no_such_module' (mqa_grave.py, line 1)" in done.out
    assert row(done, "jest")[:2] == ["jest", "1.2"]
    assert mqa("plugins", "grave").code == 3
    assert mqa("plugins", "jest").code == 0


def test_json_has_every_contribution_with_its_facts_and_options(mqa, install):
    install("mqa-jest", GOOD, name="jest")
    done = mqa("plugins", "jest", "--json", "-")
    assert done.code == 0
    (plugin,) = done.json["plugins"]
    assert {key: plugin[key] for key in ("name", "distribution", "version", "state", "reason", "warnings")} == {
        "name": "jest", "distribution": "mqa-jest", "version": "1.2", "state": "ok", "reason": "", "warnings": [],
    }  # fmt: skip
    metric, slice_ = plugin["contributions"]
    assert (metric["name"], metric["kind"], metric["schemas"], metric["range"]) == (
        "jest/wit", "metric", ["label"], [0.0, 1.0],
    )  # fmt: skip
    assert metric["options"] == [
        {"name": "least", "type": "a number", "required": False, "default": 0.5, "help": "how much of it counts"}
    ]
    assert (slice_["name"], slice_["inputs"]) == ("jest/mood", "example")


def test_json_of_all_is_written_to_a_file_next_to_the_list(mqa, install, tmp_path):
    install("mqa-grave", "1 / 0", name="grave")
    done = mqa("plugins", "--json", "plugins.json")
    content = json.loads((tmp_path / "plugins.json").read_text())
    states = {plugin["name"]: plugin["state"] for plugin in content["plugins"]}
    assert (done.code, content["exit_code"], states["grave"], states["metrics"]) == (3, 3, "broken", "ok")
    assert "metrics" in done.out


def test_a_task_says_its_fields_the_columns_of_its_predictions_and_its_metric(mqa):
    page = mqa("plugins", "transformers/object-detection").out
    assert "reads the fields image (image)" in page
    assert "predicts boxes: the columns boxes (list<item: struct<x0: double" in page
    assert "its main metric is metrics/box-map" in page
    (plugin,) = mqa("plugins", "transformers/object-detection", "--json", "-").json["plugins"]
    (task,) = plugin["contributions"]
    assert task["fields"] == {"image": "image"}
    assert list(task["schemas"]["boxes"]) == ["boxes", "width", "height"]


def test_a_measure_says_what_it_reads_and_its_range(mqa):
    assert "reads predictions of label, labels, spans, text; is from 0 to 1" in mqa("plugins", "metrics/accuracy").out


def test_a_disabled_plugin_is_not_imported_and_no_fault(mqa, install):
    install("mqa-grave", "raise RuntimeError('imported')", name="grave")
    done = mqa("plugins", MQA_PLUGINS_DISABLED=" grave ,metrics")
    assert done.code == 0
    assert row(done, "grave") == ["grave", "1.2", "mqa-grave", "disabled"]
    assert row(done, "metrics")[-1] == "disabled"
    assert "imported" not in done.out
    error = mqa("plugins", "metrics/f1", MQA_PLUGINS_DISABLED="metrics")
    assert (error.code, error.err.splitlines()[-1]) == (2, "hint: it is disabled by `MQA_PLUGINS_DISABLED`")


def test_a_suite_that_names_a_disabled_plugin_says_how_to_have_it_back(module_project):
    module_project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.1 }\n')
    done = module_project.run(MQA_PLUGINS_DISABLED="metrics")
    assert done.code == 2
    assert "cannot be used: it is disabled by `MQA_PLUGINS_DISABLED`" in done.err
    assert "hint: take `metrics` out of that variable" in done.err


def test_a_name_to_disable_that_is_no_plugin_is_told(mqa):
    done = mqa("plugins", MQA_PLUGINS_DISABLED="metric")
    assert done.code == 0
    assert "no plugin `metric`, which is to be disabled, is installed; did you mean `metrics`?" in done.err


def test_a_name_of_mqas_own_cannot_be_taken(mqa, install):
    install("mqa-evil", "raise SystemExit('imported')", name="metrics", version="0.2")
    done = mqa("plugins")
    assert (done.code, row(done, "metrics")[2]) == (0, "mqa-registry")
    assert "note: `metrics` is mqa's own plugin; that of mqa-evil 0.2 is not loaded" in done.err
    assert mqa("plugins", "metrics/f1").code == 0


def test_a_slow_import_is_told(mqa, install, monkeypatch):
    monkeypatch.setattr(plugin_facts, "SLOW_SECONDS", 0.05)
    busy = "import time\nstart = time.thread_time()\nwhile time.thread_time() < start + 0.1:\n    pass\n"
    install("mqa-jest", busy + GOOD, name="jest")
    assert "  warning: its import took 0." in mqa("plugins", "jest").out


def test_a_plugin_that_needs_a_later_mqa_is_not_imported(mqa, install):
    install(
        "mqa-grave",
        "raise SystemExit('imported')",
        name="grave",
        requires=("numpy", "mqa-registry>=99; extra == 'x'", "MQA_Registry >= 99"),
    )
    done = mqa("plugins", "grave")
    assert done.code == 3
    assert "cannot be used: it needs mqa-registry >=99, and 0.1.0 is installed" in done.out
    assert "hint: `pip install --upgrade mqa-registry`, or an earlier version of the plugin" in done.out


def test_what_only_an_extra_of_it_needs_is_no_fault(mqa, install):
    install("mqa-jest", GOOD, name="jest", requires=("mqa-registry>=99; extra == 'x'", "mqa-registry>=0.1", "not one"))
    assert mqa("plugins", "jest").code == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mqa_api = 99", "it was written for version 99 of the hooks, and this mqa has 2"),
        ("mqa_api = 0", "its `mqa_api` is 0, and must be a whole number from 1 on"),
        ("mqa_api = True", "its `mqa_api` is True, and must be"),
        ("mqa_api = '2'", "its `mqa_api` is '2', and must be"),
    ],
)
def test_the_version_of_the_hooks_that_a_plugin_was_written_for_is_one_that_there_is(mqa, install, line, reason):
    install("mqa-jest", f"{GOOD}\n{line}\n", name="jest")
    assert reason in mqa("plugins", "jest").out


def test_an_unknown_hook_is_a_warning_for_a_plugin_that_says_its_version(mqa, install):
    install("mqa-jest", f"{GOOD}{LATER}mqa_api = 2\n", name="jest")
    done = mqa("plugins", "jest")
    assert done.code == 0
    assert "warning: `mqa_metrix` is no hook of this version of mqa; did you mean `mqa_metrics`" in done.out
    assert "jest/wit" in done.out


def test_an_unknown_hook_breaks_a_plugin_that_says_none(mqa, install):
    install("mqa-jest", f"{GOOD}{LATER}", name="jest")
    assert mqa("plugins", "jest").code == 3


def test_a_range_that_is_none_is_a_fault_of_its_plugin_alone(mqa, install):
    install("mqa-jest", GOOD.replace("(0.0, 1.0)", "(1, 0)"), name="jest")
    done = mqa("plugins")
    assert done.code == 3
    assert "metric `wit`: `range` must be its least and its largest value, as in `(0.0, 1.0)`, not (1, 0)" in done.out
