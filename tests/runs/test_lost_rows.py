"""Rows that no backend, task or perturbation can do cost themselves alone, in a run as users run it."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry.judging import Verdict
from mqa_registry.reports import to_json
from mqa_registry.reports.report_file import parse_report
from mqa_registry.runs import history
from mqa_registry.runs.archive import find_run

# Where the plugin of letters raises an error: in texts with one of these digits.
FAULTS = {
    "def encode(self, examples: Any) -> list[dict[str, Any]]:\n": (
        '        if any("0" in example["text"] for example in examples):\n'
        '            raise OSError(f"truncated: {[example for example in examples]}")\n'
    ),
    "def run(self, batch: Any) -> dict[str, Any]:\n": (
        '        if (batch["codes"] == ord("1")).any():\n            raise OSError("no such digit")\n'
    ),
    '    """Some letters of a text as stars."""\n': (
        '    if "2" in example["text"]:\n        raise OSError("no star fits")\n'
    ),
}
CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = {{ min = 0.1 }}
{0}
[[check]]
name = "stars"
measure = "metrics/accuracy"
perturb = {{ use = "letters/stars", severity = [1, 2] }}
expect = {{ min = 0.1 }}
{0}
[[check]]
name = "drop"
measure = "metrics/accuracy"
perturb = {{ use = "letters/stars", severity = 1 }}
expect = {{ max_drop = 0.9 }}
{0}
"""


@pytest.fixture
def faulty(project):
    """A project three of whose 160 rows are lost: one when it is encoded, one when it is run, one when it is perturbed."""
    table = pq.read_table(project.folder / "words.parquet")
    texts = table["text"].to_pylist()
    for row, digit in ((3, "0"), (50, "1"), (99, "2")):
        texts[row] += f" secret {digit}"
    ids = [f"row {number}" for number in range(len(texts))]
    words = table.set_column(0, "text", pa.array(texts)).append_column("id", [ids])
    pq.write_table(words, project.folder / "words.parquet")
    source = project.plugin.read_text("utf-8")
    for line, fault in FAULTS.items():
        assert source.count(line) == 1
        source = source.replace(line, line + fault)
    plugin = project.folder / "letters.py"
    plugin.write_text(source, "utf-8")
    return replace(project, plugin=plugin)


def results(report):
    return {(one.check, one.backend): one for one in report.results}


def test_without_max_lost_a_check_with_lost_rows_is_not_run_and_the_run_goes_on(faulty):
    faulty.write(CHECKS.format(""))
    report = faulty.run()
    plain, stars = (results(report)[check, "one"] for check in ("metrics/accuracy", "stars"))
    assert {one.verdict for one in report.results} == {Verdict.NOT_RUN}
    assert plain.note.startswith(
        "2 of 160 rows of `words` on `one` are lost, and `max_lost` is 0; the first is `row 3`: "
    )
    assert "OSError: truncated" in plain.note
    assert [row.id for row in plain.evidence.lost[0].first] == ["row 3", "row 50"]
    assert {(loss.rows, loss.lost) for loss in stars.evidence.lost} == {(160, 3), (160, 2)}


def test_with_max_lost_the_rows_that_are_left_are_judged_and_kept_and_judged_again(faulty, said):
    faulty.write(CHECKS.format("max_lost = 3"))
    report = faulty.run()
    plain, stars, drop = (results(report)[check, "one"] for check in ("metrics/accuracy", "stars", "drop"))
    assert {one.verdict for one in report.results} == {Verdict.PASS}
    assert (plain.numbers["value"].rows, drop.numbers["drop"].rows) == (158, 157)
    assert [(step.evidence.rows, step.evidence.lost) for step in stars.series] == [(157, 3), (157, 3)]
    assert "no star fits" in str(stars.evidence.lost)
    assert [view.lost for view in report.views] == [2, 2]
    assert said(faulty.judge()) == said(report)
    strict = faulty.judge(suite=faulty.write(CHECKS.format("max_lost = 0.01"), "strict.toml"))
    assert {(one.check, one.verdict) for one in strict.results} == {
        ("metrics/accuracy", Verdict.NOT_RUN),
        ("stars", Verdict.NOT_RUN),
        ("drop", Verdict.NOT_RUN),
    }
    assert parse_report(json.loads(json.dumps(to_json(report))), "it").results == report.results


def test_a_run_without_examples_has_the_ids_of_lost_rows_and_no_text(faulty):
    faulty.write(CHECKS.format(""))
    report = faulty.run(examples=False)
    record = find_run("last", faulty.store, None)
    assert "row 3" in str(report.results)
    for texts in (str(report.results), str(record.views), str(faulty.judge().results)):
        assert "secret" not in texts


def test_a_run_with_texts_shows_none_of_lost_rows_where_it_is_judged_without_examples(faulty):
    faulty.write(CHECKS.format(""))
    assert "secret" in str(faulty.run().results)
    assert "secret" not in str(faulty.judge(examples=False).results)


def test_two_runs_that_lost_other_rows_are_compared_on_those_that_both_have(faulty, project):
    faulty.write(CHECKS.format("max_lost = 3"))
    earlier = project.run()
    comparison = history.compare(earlier.run, faulty.run().run, store=faulty.store, plugin_files=(project.plugin,))
    changes = {(one.check, one.severity): one.change.rows for one in comparison.changes if one.backend == "one"}
    assert changes == {("metrics/accuracy", None): 158, ("stars", 1.0): 157, ("stars", 2.0): 157}
    assert any(reason.startswith("2 rows of `words` on `one`, which the run") for reason in comparison.left_out)
