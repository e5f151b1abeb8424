from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.execution import predict
from mqa_registry.findings import Finding
from mqa_registry.judging import Verdict
from mqa_registry.runs import pipeline


def verdicts(report):
    return {(result.check, result.backend): result.verdict for result in report.results}


def test_a_run_judged_again_says_the_same(project, said):
    report = project.run()
    again = project.judge()
    assert said(again) == said(report)
    assert (again.verdict, again.exit_code, again.run) == (report.verdict, report.exit_code, report.run)
    assert (again.started, again.suite) == (report.started, report.suite)


def test_a_run_and_its_judgement_summarize_its_views_and_know_its_flags(project):
    report = project.run(limit=100)
    assert [(view.backend, view.rows) for view in report.views] == [("one", 100), ("two", 100)]
    for view in report.views:
        accuracy = next(one for one in report.results if (one.check, one.backend) == ("metrics/accuracy", view.backend))
        right = sum(row[code] for code, row in enumerate(view.confusion.counts))
        assert right / view.rows == accuracy.numbers["value"].estimate
        assert sum(one.rows for one in view.calibration) == view.rows
    assert report.options == ("--limit", "100", "--plugin", str(project.plugin))
    again = project.judge()
    assert (again.views, again.options) == (report.views, report.options)


def test_what_was_found_of_the_model_is_said_again(project, monkeypatch):
    found = Finding("warning", "one", "predictions depend on the batch", "predict row by row", "in 3 of 160 rows")
    with monkeypatch.context() as odd:
        odd.setattr(pipeline, "predict", lambda *given, **how: replace(predict(*given, **how), findings=(found,)))
        assert project.run().findings == (found,)
    assert project.judge().findings == (found,)
    project.run(examples=False)
    assert project.judge().findings == ()


def test_the_rows_of_every_data_set_are_told_and_again(project, monkeypatch):
    file = next(project.folder.glob("words.parquet")).read_bytes()
    source = {"use": "datasets/file", "path": "words.parquet"}
    data = {"words": {"rows": 100, "digest": f"sha256:{hashlib.sha256(file).hexdigest()}", "source": source}}
    project.write(head=project.head.replace('path = "words.parquet"', 'path = "words.parquet"\nsample = 100'))
    assert project.run().environment["data"] == data
    assert project.judge().environment["data"] == data
    with monkeypatch.context() as earlier:  # a version that told nothing of the data
        earlier.setattr(pipeline, "describe_environment", lambda *_: {"mqa": "0"})
        assert "data" not in project.run().environment
    assert project.judge().environment["data"] == {"words": {"rows": 100}}


def test_the_same_suite_file_says_the_same(project, said):
    report = project.run()
    assert said(project.judge(suite=project.suite)) == said(report)


def test_neither_model_nor_data_nor_suite_is_needed(project, said):
    report = project.run()
    (project.folder / "words.parquet").unlink()
    project.suite.unlink()
    (project.store / "predictions.sqlite").unlink()
    assert said(project.judge()) == said(report)


def test_no_model_library_is_loaded(project):
    project.run()
    code = (
        "import sys; from pathlib import Path; from mqa_registry.runs import judge;"
        f"judge('last', store={str(project.store)!r}, plugin_files=[Path({str(project.plugin)!r})]);"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'datasets', 'tokenizers', 'sqlite3'} & set(sys.modules);"
        "print(sorted(heavy - {'sqlite3'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_checks_in_any_order_say_the_same(project, said):
    report = project.run()
    head, *checks = re.split(r"(?=^\[\[check\]\])", project.suite.read_text(), flags=re.MULTILINE)
    mixed = project.write("".join(reversed(checks)), "mixed.toml", head)
    found, kept = (
        [{name: value for name, value in one.items() if name != "location"} for one in said(each)]
        for each in (project.judge(suite=mixed), report)
    )
    key = lambda one: (one["check"], one["backend"])  # noqa: E731
    assert sorted(found, key=key) == sorted(kept, key=key)


SWEEP = """
[[check]]
measure = "metrics/accuracy"
perturb = { use = "letters/stars", severity = [1, 3, 5] }
expect = { min = 0.2 }
"""


def test_a_sweep_judged_again_says_the_same(project, said):
    project.write(SWEEP)
    report = project.run()
    assert said(project.judge()) == said(report)
    one, two = report.results
    edits = [step.evidence.mean_edits for step in one.series]
    assert edits == sorted(edits)
    assert edits[0] > 0
    assert 0 < one.evidence.sweep.clean_value < 1
    assert two.evidence.sweep.relative_corruption_error == {"one": 1.0}


def test_a_sweep_of_a_run_that_saw_no_unperturbed_rows_has_no_ratio(project):
    project.write(SWEEP.replace("[1, 3, 5]", "1"))
    project.run()
    report = project.judge(suite=project.write(SWEEP.replace("[1, 3, 5]", "[1]"), "other.toml"))
    sweep = report.results[0].evidence.sweep
    assert sweep.corruption_error > 0
    assert (sweep.clean_value, sweep.clean_error_ratio) == (None, None)


def test_bounds_measures_slices_and_confidence_may_have_changed(project):
    project.run()
    other = project.write(
        '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.99 }\n'
        '[[check]]\nmeasure = "metrics/mcc"\nexpect = { min = -1 }\n'
        '[[check]]\nname = "new"\nmeasure = "metrics/accuracy"\nby = "fairness/length"\n'
        'perturb = { use = "robustness/typos", rate = 0.3 }\nexpect = { min = 0.1 }\n',
        "other.toml",
    )
    other.write_text(other.read_text().replace("seed = 7", "seed = 7\nconfidence = 0.8"))
    report = project.judge(suite=other)
    assert report.suite.confidence == 0.8
    assert set(verdicts(report).values()) <= {Verdict.PASS, Verdict.FAIL}
    assert verdicts(report)["metrics/accuracy", "one"] is Verdict.FAIL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("rate = 0.3", "rate = 0.4"), "did not predict `words.typos"),
        (("seed = 7", "seed = 8"), "on `one` with another seed"),
        (('path = "words.parquet"', 'path = "others.parquet"'), "with another data"),
        (('path = "words.parquet"', 'path = "words.parquet"\nlimit = 3'), "with another data"),
    ],
)
def test_what_was_not_predicted_is_not_run_and_says_why(project, change, reason):
    project.run()
    other = project.folder / "other.toml"
    other.write_text(project.suite.read_text().replace(*change))
    report = project.judge(suite=other)
    result = next(result for result in report.results if result.check == "lengths")
    assert result.verdict is Verdict.NOT_RUN
    assert reason in result.note
    assert report.exit_code == 3


def test_a_run_of_some_rows_is_held_against_another_suite_for_as_many(project):
    project.run(limit=40)
    report = project.judge(suite=project.suite)
    assert report.results[0].numbers["value"].rows == 40


def test_what_the_command_line_left_out_stays_out(project, said):
    report = project.run(set=("confidence=0.9",), only=("typos",), backends=("two",))
    assert said(project.judge()) == said(report)
    assert project.judge().suite.confidence == 0.9


def test_a_crashed_backend_is_kept_as_what_it_was(project, said):
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n')
    broken = project.folder / "broken.py"
    text = project.plugin.read_text().replace("time.sleep(", "raise RuntimeError('on fire')  # ")
    broken.write_text(text.replace("letters/", "broken/"))
    project.suite.write_text(project.suite.read_text().replace("letters/", "broken/"))
    from mqa_registry import runs

    report = runs.run(project.suite, runs.RunOptions(plugin_files=(broken,)))
    again = runs.judge("last", store=project.store, plugin_files=(broken,))
    assert said(again) == said(report)
    assert again.results[0].verdict is Verdict.ERROR


def test_a_column_that_the_rows_lack_is_said_of_its_check(project):
    project.run()
    other = project.folder / "other.toml"
    other.write_text(project.suite.read_text().replace('column = "kind"', 'column = "kidn"'))
    with pytest.raises(SuiteError) as caught:
        project.judge(suite=other)
    (problem,) = caught.value.problems
    assert problem.message == "the rows have no column `kidn`"
    assert problem.location.source.startswith('by = { use = "fairness/column"')


def test_a_suite_that_is_wrong_is_shown_where(project):
    project.run()
    other = project.folder / "other.toml"
    other.write_text(project.suite.read_text().replace("metrics/auroc", "metrics/auorc"))
    with pytest.raises(SuiteError):
        project.judge(suite=other)


def test_paths_of_an_inherited_suite_are_still_found(project, said):
    folder = project.folder / "base"
    folder.mkdir()
    (folder / "terms.txt").write_text("tree\n")
    (folder / "base.toml").write_text(project.suite.read_text().replace("words.parquet", "../words.parquet"))
    project.suite.write_text('extends = "base/base.toml"\nformat = 1\nseed = 7\n')
    report = project.run()
    assert said(project.judge()) == said(report)


IMPORTS = """
import sys
for first in ("import mqa_registry.judging", "import mqa_registry.runs", "pass"):
    for code in (
        f"{first}\\nfrom mqa_registry import judge, run\\nassert callable(judge) and callable(run), judge",
        f"from mqa_registry import judge\\n{first}\\nimport mqa_registry\\nassert mqa_registry.judge is judge",
    ):
        for name in [name for name in sys.modules if name.partition(".")[0] == "mqa_registry"]:
            del sys.modules[name]
        print(code, file=sys.stderr)
        exec(code, {})
"""


def test_the_public_judge_is_a_function_whatever_was_imported_before():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_a_probe_saw_is_judged_again_with_other_bounds(project):
    project.run()
    milder = project.folder / "milder.toml"
    milder.write_text(project.suite.read_text().replace("max = 0, ", "max = 0.1, "))
    asked = "letters/alone"
    before, after = (verdicts(report)[asked, "one"] for report in (project.judge(), project.judge(suite=milder)))
    assert (before, after) == (Verdict.FAIL, Verdict.PASS)


def test_a_probe_that_the_run_did_not_have_is_not_run(project):
    whole = project.suite.read_text()
    project.suite.write_text(whole[: whole.index('[[check]]\nmeasure = "letters/alone"')])
    project.run()
    project.suite.write_text(whole)
    result = next(one for one in project.judge(suite=project.suite).results if one.check == "letters/alone")
    assert result.verdict is Verdict.NOT_RUN
    assert "did not probe `words` by `letters/alone`" in result.note


def test_rows_that_were_drawn_by_another_seed_are_others(project):
    head = project.head.replace('path = "words.parquet"', 'path = "words.parquet"\nsample = 100')
    check = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.4 }\n'
    project.write(check, head=head)
    project.run()
    other = project.write(check, "other.toml", head.replace("seed = 7", "seed = 8"))
    for result in project.judge(suite=other).results:
        assert result.verdict is Verdict.NOT_RUN
        assert "with another seed" in result.note


def test_what_another_version_of_a_probe_saw_is_not_its_own(project, monkeypatch):
    plugin = project.folder / "letters.py"
    source = project.plugin.read_text("utf-8")
    plugin.write_text(source, "utf-8")
    monkeypatch.setattr(project, "plugin", plugin)
    project.write('[[check]]\nmeasure = "letters/alone"\nexpect = { max = 0.1 }\n')
    project.run()
    assert {result.verdict for result in project.judge().results} == {Verdict.PASS}
    newer = source.replace('name = "alone"', 'name = "alone"\n    version = 2')
    assert newer != source
    plugin.write_text(newer, "utf-8")
    for result in project.judge().results:
        assert result.verdict is Verdict.NOT_RUN
        assert "did not probe `words` by `letters/alone`" in result.note
