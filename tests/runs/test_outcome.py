"""What a run came to is handed to every backend that stamps, and nothing that goes wrong there costs the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from mqa_registry import plan as plans
from mqa_registry.errors import DataError, ExitCode
from mqa_registry.findings import Finding, SuiteSelection
from mqa_registry.judging import Result, Verdict, judge
from mqa_registry.observations import Observations
from mqa_registry.reports import Report, SuiteIdentity, to_json
from mqa_registry.runs.outcome import collect_findings, identify_suite, stamp_files
from mqa_registry.suite import Expect, Overrides, Use
from tests.stand_ins import make_backend

PASS, FAIL, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_RUN
NOTE = Finding("note", "onnx", "stamped")
SUITE = SuiteIdentity("gate", "gate.toml", "sha256:s", 0, 0.95)


def run(model_under_test, *, path: str = "", threads: int = 1): ...
def identity(model_under_test, *, path: str = "", threads: int = 1): ...


@pytest.fixture
def stamps():
    """Stamp what these results come to; gives the report, and what every backend was handed."""
    handed = {}

    def stamp(known, judgement, *, path: str = ""):
        handed[judgement.backend] = (judgement, known, path)
        if path == "refused":
            raise DataError("the stamp is broken", hint="fix it")
        if path == "crash":
            raise ZeroDivisionError("oh")
        yield NOTE

    def of(*results, path="x", overrides=None, names=("torch", "onnx", "int8")):
        plain = make_backend("plain", run, identity=identity)
        backend = make_backend("session", run, identity=identity, record_verdict=stamp)
        uses = {name: Use("o/session", backend, options={"path": path, "threads": 2}) for name in names}
        uses["torch"] = Use("t/plain", plain)
        suite = SimpleNamespace(name="gate", digest="sha256:s", backends=uses, reference="torch")
        observations = Observations(
            {}, {}, identities={name: {"known": name} for name in names}, model={"digest": "sha256:m"}
        )
        report = Report("run-1", SUITE, PASS, ExitCode.OK, datetime.now(UTC), 0.0, {}, results)
        report = stamp_files(report, SimpleNamespace(suite=suite), observations, overrides or Overrides())
        return report, handed

    return of


def test_a_backend_is_handed_what_the_run_came_to_with_its_identity_and_its_own_options(stamps):
    report, handed = stamps(Result(PASS, backend="onnx"), overrides=Overrides(only=("smoke",), limit=9))
    judgement, known, path = handed["onnx"]
    assert (judgement.verdict, judgement.run, judgement.suite, judgement.name) == ("PASS", "run-1", "sha256:s", "gate")
    assert (judgement.selection, judgement.model) == (SuiteSelection(only=("smoke",), limit=9), "sha256:m")
    assert datetime.fromisoformat(judgement.judged).tzinfo is not None
    assert (known, path) == ({"known": "onnx"}, "x")
    assert report.findings == (NOTE,)
    assert to_json(report)["findings"] == [
        {"level": "note", "topic": "onnx", "message": "stamped", "fix": "", "evidence": ""}
    ]


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([], "PASS"),
        ([Result(FAIL, backend="onnx")], "FAIL"),
        ([Result(NOT_RUN, backend="onnx"), Result(FAIL, backend="onnx")], "ERROR"),
        ([Result(FAIL, backend="torch")], "PASS"),  # what was asked of the reference alone is no fault of the file
        ([Result(NOT_RUN, backend="torch")], "PASS"),
        ([Result(FAIL, backend="torch"), Result(FAIL, backend="onnx")], "FAIL"),
        ([Result(FAIL, backend="")], "FAIL"),  # nor are the data
        ([Result(FAIL, backend="int8")], "PASS"),  # another file is another matter
        ([Result(FAIL, backend="onnx", critical=False)], "PASS"),
    ],
)
def test_a_files_verdict_is_that_of_the_critical_checks_that_concern_it(stamps, others, verdict):
    _, handed = stamps(Result(PASS, backend="onnx"), *others)
    assert handed["onnx"][0].verdict == verdict


def test_a_reference_that_fails_what_its_file_passes_is_told_of(stamps):
    report, _ = stamps(Result(PASS, backend="onnx"), Result(FAIL, backend="torch"))
    assert report.findings[0] == NOTE
    assert report.findings[1].message == "the checks on `torch` came to FAIL, which the stamp does not say"
    report, _ = stamps(Result(PASS, backend="onnx"), Result(FAIL, backend="torch", critical=False))
    assert report.findings == (NOTE,)


def test_of_a_file_that_fails_too_its_own_stamp_says_enough(stamps):
    report, _ = stamps(Result(FAIL, backend="onnx"), Result(FAIL, backend="torch"))
    assert report.findings == (NOTE,)


def test_a_backend_on_which_nothing_critical_ran_is_not_judged(stamps):
    _, handed = stamps(Result(PASS, backend="torch"), Result(PASS, backend="onnx", critical=False))
    assert handed == {}


@pytest.mark.parametrize(
    ("path", "message", "fix"),
    [
        ("refused", "the stamp is broken", "fix it"),
        ("crash", "the backend `o/session` crashed: ZeroDivisionError: oh (test_outcome.py, line 40)", ""),
    ],
)
def test_a_stamp_that_cannot_be_written_is_a_warning_of_the_same_report(stamps, path, message, fix):
    report, _ = stamps(Result(PASS, backend="onnx"), path=path)
    assert (report.verdict, report.exit_code) == (PASS, ExitCode.OK)
    assert report.findings == (Finding("warning", "onnx", f"no stamp could be written: {message}", fix),)


def test_a_run_knows_every_backend_as_it_was_before_it_was_opened(engine):
    """One that landed elsewhere, too: the file that was to be judged is the one that was there at first."""
    engine.letters.landed = {"device": "elsewhere"}
    seen = engine.run(engine.suite(engine.check()))
    assert seen.identities == {"one": {"device": "asked"}}
    assert engine.run(engine.suite(engine.check())).identities == seen.identities  # the store has it all by now


def test_columns_that_nothing_reads_are_told_of_a_whole_suite_alone(engine):
    suite = engine.suite(engine.check(expect={"value": Expect(min=0.01)}))
    observations = replace(engine.run(suite), findings=(NOTE,))
    words = replace(suite.data["words"], columns={"txt": "words"})
    plan = plans.make(replace(suite, data={"words": words}))
    whole, partial = (collect_findings(plan, observations, judge(plan, observations), partial=p) for p in (False, True))
    assert [finding.topic for finding in whole] == ["onnx", "columns"]
    assert "`txt` of `words` is no field of the task" in whole[1].message
    assert partial == (NOTE,)


def test_a_report_says_of_its_suite_all_that_its_numbers_rest_on(engine):
    suite = replace(engine.suite(engine.check()), confidence=0.8, confidence_reason="few rows", digest="sha256:s")
    path = str(engine.folder / "letters.toml")
    assert identify_suite(suite) == SuiteIdentity("letters", path, "sha256:s", 7, 0.8, "few rows")
