from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
import sys

import pytest

ACCURACY = """
[[check]]
measure = "metrics/accuracy"
expect = { min = BOUND }
"""


def accuracy(bound: float, more: str = "") -> str:
    return ACCURACY.replace("BOUND", str(bound)) + more


def test_a_suite_that_holds_ends_with_0(project):
    project.write(accuracy(0.80))
    done = project.run()
    assert done.code == 0
    assert "PASS" in done.out


def test_a_suite_that_fails_ends_with_1(project):
    project.write(accuracy(0.99))
    assert project.run().code == 1


def test_a_suite_that_the_rows_do_not_settle_ends_with_4_and_says_how_many_would(project):
    project.write(accuracy(0.90))
    done = project.run()
    assert done.code == 4
    assert "rows would settle it" in done.out


def test_a_check_that_is_not_critical_never_touches_the_exit_code(project):
    project.write(accuracy(0.80) + accuracy(0.99, 'critical = false\nname = "hope"'))
    done = project.run()
    assert done.code == 0
    assert "FAIL" in done.out


def test_a_view_that_cannot_be_had_ends_with_3_even_where_something_fails(project):
    project.write(accuracy(0.99) + accuracy(0.5, 'perturb = { use = "robustness/typos", rate = 0.2 }'))
    done = project.run()
    assert done.code == 3
    assert "mqa rows" in done.out


def test_nothing_of_torch_is_loaded_for_replayed_backends(project):
    project.write(accuracy(0.80))
    code = (
        "import sys; from mqa_registry import run; report = run('suite.toml');"
        "heavy = {'torch', 'transformers', 'datasets', 'onnxruntime', 'sklearn', 'scipy.stats'} & set(sys.modules);"
        "print(report.verdict, report.exit_code.value, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "PASS 0 []"


def test_data_and_replayed_files_have_the_digests_of_their_files_and_how_they_were_read(project):
    (project.folder / "log.csv").write_text(
        "request_id,text,truth,prediction,score\n"
        + "".join(f"{row},row {row},{'ab'[row % 2]},{'ab'[row % 2]},{0.2 + row % 2 * 0.7}\n" for row in range(60))
    )
    suite = """
        format = 1
        [data.log]
        use = "datasets/file"
        path = "log.csv"
        columns = { id = "request_id", target = "truth" }
        [backends.service]
        use = "replay/file"
        path = "log.csv"
        [[check]]
        measure = "metrics/accuracy"
        expect = { min = 0.5 }
        """
    (project.folder / "suite.toml").write_text(suite)
    done = project.run("--json", "told.json")
    assert done.code == 0
    environment = json.loads((project.folder / "told.json").read_text())["environment"]
    digest = f"sha256:{hashlib.sha256((project.folder / 'log.csv').read_bytes()).hexdigest()}"
    source = {"use": "datasets/file", "path": "log.csv"}
    assert environment["data"] == {"log": {"rows": 60, "digest": digest, "source": source}}
    assert environment["backends"]["service"]["digest"] == digest
    read = "id from `request_id`, label from `prediction`, `score` as the probability of `b`"
    assert environment["backends"]["service"]["facts"] == {"read": read}
    assert f"read {read}" in " ".join(done.out.split())


def test_a_plugin_that_is_a_file_has_the_digest_of_the_file(project):
    code = """
import numpy as np
from mqa_registry import Metric, hookimpl

def all_of_them(predictions, targets):
    "One for every row."
    return np.ones(len(predictions))

@hookimpl
def mqa_metrics():
    yield Metric("all", all_of_them, schemas=("label",))
"""
    (project.folder / "own.py").write_text(code)
    project.write('[[check]]\nmeasure = "own/all"\nexpect = { min = 0.5 }\n')
    report = project.run("--plugin", "own.py", "--json", "-").json
    digest = hashlib.sha256((project.folder / "own.py").read_bytes()).hexdigest()
    assert report["environment"]["plugin_files"] == {"own": f"sha256:{digest}"}


def test_the_report_as_json_is_the_contract(project):
    project.write(accuracy(0.80, 'by = { use = "fairness/column", column = "domain" }\ntags = ["nightly"]'))
    report = project.run("--json", "-").json
    assert report["format"] == 2
    assert set(report) == {
        "format", "run", "suite", "verdict", "exit_code", "started", "seconds", "environment", "backends", "work",
        "results", "views",
    }  # fmt: skip
    assert set(report["suite"]) == {"name", "path", "digest", "seed", "confidence"}
    assert set(report["environment"]) >= {"mqa", "python", "packages", "plugins", "machine", "model", "backends"}
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", one["digest"]) for one in report["environment"]["backends"].values())
    result = report["results"][0]
    assert set(result) == {
        "check", "measure", "definition", "data", "backend", "perturb", "by", "against", "expect", "critical", "tags",
        "verdict", "note", "numbers", "groups", "series", "evidence", "seconds", "location",
    }  # fmt: skip
    assert result["definition"] == "accuracy/1"
    assert set(result["numbers"]["value"]) == {"estimate", "low", "high", "rows", "method", "verdict"}
    assert set(result["groups"]) == {"d0", "d1", "d2"}


def test_json_on_stdout_leaves_the_report_to_stderr(project):
    project.write(accuracy(0.80))
    done = project.run("--json", "-")
    assert json.loads(done.out)["verdict"] == "PASS"
    assert "PASS" in done.err


def test_predictions_are_joined_by_id_and_never_by_place(project):
    project.write(accuracy(0.80))
    results = project.run("--json", "-").json["results"]
    right = [
        sum(one == two for one, two in zip(project.columns["label"], project.columns[name], strict=True))
        for name in ("old", "new")
    ]
    assert [result["numbers"]["value"]["estimate"] for result in results] == [count / 1000 for count in right]


def test_what_a_run_says_is_the_same_again(project):
    project.write(accuracy(0.80) + '[[check]]\nmeasure = "metrics/mcc"\nexpect = { min = 0.5 }\n')

    def numbers() -> list[object]:
        return [result["numbers"] for result in project.run("--json", "-").json["results"]]

    assert numbers() == numbers()


def test_only_and_backend_and_limit_and_set_narrow_the_run(project):
    project.write(accuracy(0.80, 'name = "one"') + accuracy(0.80, 'name = "two"\ntags = ["nightly"]'))
    arguments = ["--only", "nightly", "--backend", "new", "--limit", "500", "--set", "confidence=0.9"]
    report = project.run("--json", "-", *arguments).json
    assert [(result["check"], result["backend"]) for result in report["results"]] == [("two", "new")]
    assert report["results"][0]["numbers"]["value"]["rows"] == 500
    assert report["suite"]["confidence"] == 0.9


def test_no_examples_keeps_texts_out_of_every_report(project):
    project.write(accuracy(0.99))
    assert "text number" in project.run().out
    done = project.run("--no-examples", "--json", "-")
    assert "text number" not in done.out + done.err
    assert done.json["results"][0]["evidence"]["examples"][0]["id"].startswith("row-")


def test_quiet_shows_the_verdict_alone(project):
    project.write(accuracy(0.80))
    done = project.run("-q")
    assert len(done.out.strip().splitlines()) == 1
    assert done.err == ""


def test_a_dry_run_shows_the_plan_and_predicts_nothing(project):
    project.write(accuracy(0.80))
    done = project.run("--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[:2] == ["reviews: 1,000 rows", "2 results from 2 views:"]


def test_progress_in_a_pipe_is_plain_lines(project):
    project.write(accuracy(0.80))
    assert project.run().err.splitlines() == ["reading the data", "checking what the suite asks", "judging"]


@pytest.mark.parametrize(
    "text", ["[bold]loud[/bold]", "a\x1b[31mred", "a\rb\x07", "\u202egnirts", "[link=x]y[/link]", "[/]"]
)
def test_nothing_from_the_data_is_markup_or_a_control_code(project, text):
    rows = 60
    ids = [str(number) for number in range(rows)]
    project.table("reviews", id=ids, text=[text] * rows, label=["negative"] * rows, domain=[text] * rows)
    project.table("old", id=ids, label=["positive"] * rows)
    project.table("new", id=ids, label=["positive"] * rows)
    project.write(accuracy(0.99, 'by = { use = "fairness/column", column = "domain" }'))
    done = project.run()
    assert done.code == 1
    assert not set(done.out) & {"\x1b", "\r", "\x07", "\u202e"}
    if text.startswith("["):
        assert text in done.out


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_no_line_is_wider_than_the_terminal(project, columns):
    project.write(accuracy(0.90))
    assert max(map(len, project.run(COLUMNS=columns).out.splitlines())) <= int(columns)


def test_a_crashing_plugin_is_one_line_and_debug_shows_the_rest(project):
    (project.folder / "broken.py").write_text(
        "from mqa_registry import Metric, hookimpl\n"
        "def worst(predictions, targets):\n    'Crashes.'\n    raise ZeroDivisionError('boom')\n"
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('worst', worst, schemas=('label',))\n"
    )
    project.write('[[check]]\nmeasure = "broken/worst"\nexpect = { min = 0.5 }\n')
    done = project.run("--plugin", "broken.py")
    assert done.code == 3
    assert "the metric `broken/worst` crashed: ZeroDivisionError: boom (broken.py, line 4)" in " ".join(
        done.out.split()
    )
    command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", "broken.py", "--debug"]
    debugged = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert "Traceback" in debugged.stderr


def test_a_run_that_the_disk_has_no_room_for_shows_its_verdict_and_keeps_its_exit_code(project):
    noise = random.Random(7)
    project.write(accuracy(0.80))
    assert project.run().code == 0
    project.table("reviews", id=project.columns["id"], text=[noise.randbytes(400).hex() for _ in range(1000)],
                  label=project.columns["label"])  # fmt: skip
    done = project.process("run", "suite.toml", "--json", "report.json", most_bytes=200_000)
    assert done.code == 0
    assert "could not be kept" in " ".join(done.out.split())
    report = json.loads((project.folder / "report.json").read_text())
    assert (report["verdict"], report["exit_code"]) == ("PASS", 0)
    (finding,) = (one for one in report["findings"] if one["topic"] == "history")
    assert finding["message"].endswith("file too large")
    assert finding["fix"].startswith("predictions stay cached")
    assert {result["verdict"] for result in report["results"]} == {"PASS"}
    runs = project.folder / ".mqa" / "runs"
    assert len(list(runs.iterdir())) == 1  # what was written of the other is gone
