"""`mqa judge`, waivers and the dry run as people see them."""

from __future__ import annotations

import json
import re

import pytest

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.91 }
[[check]]
name = "mcc"
measure = "metrics/mcc"
expect = { min = 0.5 }
[[check]]
name = "gap"
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "domain" }
expect = { max_gap = 0.05 }
[[check]]
measure = "parity/agreement"
expect = { min = 0.999 }
"""
WAIVER = '[[waiver]]\ncheck = "{}"\nuntil = {}\nreason = "ticket 7"\n'


def waive(*checks, until="2999-12-31"):
    return "".join(WAIVER.format(check, until) for check in checks)


def steady(out):
    """What is shown without what differs from run to run."""
    return re.sub(r"run \d{8}-\d{6}-\w{4}, [\d.]+ s", "run ID, TIME", out.partition("\n\n")[2])


def test_judging_again_shows_what_the_run_showed(project):
    project.write(CHECKS)
    ran = project.run("--json", "run.json")
    again = project.mqa("judge", "last", "--json", "again.json")
    assert again.code == ran.code == 1
    assert steady(again.out) == steady(ran.out)
    one, two = (json.loads((project.folder / name).read_text()) for name in ("run.json", "again.json"))
    for report in (one, two):
        for result in report["results"]:
            del result["seconds"]
    assert two["results"] == one["results"]
    assert (two["run"], two["suite"]) == (one["run"], one["suite"])


def test_another_bound_is_judged_by_another_suite(project):
    project.write(CHECKS)
    assert project.run("-q").code == 1
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n')
    assert project.mqa("judge", "last", "--suite", "suite.toml", "-q").code == 0
    assert project.mqa("judge", "last", "-q").code == 1


def test_what_was_not_predicted_is_not_run(project):
    project.write(CHECKS)
    project.run("-q", "--only", "mcc", "--backend", "old")
    done = project.mqa("judge", "last", "--suite", "suite.toml", COLUMNS="200")
    assert done.code == 3
    assert "did not predict `reviews` on `new`" in done.out


def test_json_on_stdout(project):
    project.write(CHECKS)
    project.run("-q")
    assert project.mqa("judge", "last", "--json", "-").json["verdict"] == "FAIL"


def test_no_examples_keeps_texts_out(project):
    project.write(CHECKS)
    project.run("-q")
    assert "text number" in project.mqa("judge", "last").out
    assert "text number" not in project.mqa("judge", "last", "--no-examples", "--json", "-").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("lsat",), 2, "did you mean `last`?"),
        (("no/such/report.json",), 2, "cannot read the report `no/such/report.json`"),
        (("last", "--store", "nowhere"), 2, "the store `nowhere` keeps no run"),
        (("last", "--suite", "siute.toml"), 2, "there is no file `siute.toml`"),
        (("last", "--json", "no/such/out.json"), 2, "there is no folder"),
        ((), 2, "RUN"),
    ],
)
def test_bad_input(project, arguments, code, said):
    project.write(CHECKS)
    project.run("-q")
    done = project.mqa("judge", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_damaged_run_ends_with_3_and_never_with_other_numbers(project):
    project.write(CHECKS)
    project.run("-q")
    path = next((project.folder / ".mqa" / "runs").glob("*/predictions-0.parquet"))
    path.write_bytes(path.read_bytes()[::-1])
    done = project.mqa("judge", "last")
    assert (done.code, done.out) == (3, "")
    assert "is damaged" in done.err
    assert "hint: run the suite again" in done.err


def test_a_run_that_cannot_be_kept_has_its_verdict_and_a_warning(project):
    project.write(CHECKS)
    (project.folder / ".mqa").mkdir()
    (project.folder / ".mqa" / "runs").write_text("")
    done = project.run("-q")
    assert done.code == 1
    verdict, *warning = done.out.splitlines()
    assert verdict.startswith("FAIL  replayed: 4 checks: 1 held, 2 failed")
    assert warning[0].startswith("  ! history")
    words = " ".join(" ".join(warning).split())
    assert "could not be kept" in words
    assert "not a directory fix: predictions stay cached" in words
    assert done.err == ""


def test_a_run_that_is_to_be_tagged_and_cannot_be_kept_ends_with_3(project):
    project.write(CHECKS)
    (project.folder / ".mqa").mkdir()
    (project.folder / ".mqa" / "runs").write_text("")
    done = project.run("-q", "--tag", "release")
    assert done.code == 3
    assert done.out.startswith("ERROR  replayed: 4 checks: 1 held, 2 failed")
    assert done.err.startswith("error: the run `")
    assert "not a directory\nhint: predictions stay cached" in done.err


def test_waived_failures_are_shown_and_let_the_release_pass(project, snapshot):
    project.write(CHECKS + waive("metrics/accuracy", "gap", "parity/agreement"))
    done = project.run(COLUMNS="80")
    assert done.code == 0
    assert steady(done.out) == snapshot


def test_a_waiver_that_has_had_its_day_is_shown_as_a_failure(project, snapshot):
    project.write(
        CHECKS.partition('[[check]]\nname = "gap"')[0] + waive("metrics/accuracy", until="2020-01-31") + waive("mcc")
    )
    done = project.run(COLUMNS="80")
    assert done.code == 1
    assert steady(done.out) == snapshot


def test_where_waivers_alone_stand_in_the_way_the_model_is_not_blamed(project):
    project.write('[[check]]\nname = "a"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n' + waive("a"))
    done = project.run(COLUMNS="200")
    assert done.code == 1
    assert "The model is not good enough" not in done.out
    assert "1 waiver overdue" in project.run("-q").out


def test_a_dry_run_shows_rows_at_hand_and_rows_needed(project, snapshot):
    project.write(CHECKS + '[[check]]\nname = "small groups"\nmeasure = "metrics/accuracy"\n'
                  'by = { use = "fairness/column", column = "domain" }\nexpect = { min = 0.99 }\n')  # fmt: skip
    done = project.run("--dry-run", COLUMNS="80")
    assert done.code == 0
    assert done.out == snapshot
    assert max(map(len, done.out.splitlines())) <= 80
    assert not (project.folder / ".mqa").exists()


def test_a_dry_run_perturbs_no_row_and_predicts_none(project):
    (project.folder / "boom.py").write_text(
        "from mqa_registry import Perturbation, hookimpl\n"
        "def never(example, rng):\n    'Never.'\n    raise SystemExit('disturbed')\n"
        "@hookimpl\ndef mqa_perturbations():\n    yield Perturbation('never', never, modality='text')\n"
    )
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nperturb = "boom/never"\nexpect = { max_drop = 0.1 }\n')
    done = project.run("--dry-run", "--plugin", "boom.py")
    assert done.code == 0
    assert "no row changes" in " ".join(done.out.split())
