"""`parity` and `export` are a plugin's work, with typed options and a result that a test can check."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import mqa_registry
from mqa_registry import (
    DataError,
    ExportOptions,
    MqaError,
    ParityError,
    ParityOptions,
    ParityReport,
    RunOptions,
    Verdict,
    export,
    functions,
    parity,
)
from mqa_registry.contributions import ExampleRow
from mqa_registry.errors import ExitCode, PluginError, UsageError
from mqa_registry.findings import Finding
from mqa_registry.judging.result import Number, Result, ResultEvidence
from mqa_registry.reports import Report, SuiteIdentity


def make_report(verdict, *results, findings=(), note=""):
    suite = SuiteIdentity("parity of model.onnx", "parity.toml", "sha256:1", 0, 0.95)
    started = datetime(2026, 11, 30, tzinfo=UTC)
    return ParityReport(
        Report("run-1", suite, verdict, ExitCode.FAILED, started, 1.0, {}, results, findings=findings, note=note)
    )


def make_result(verdict, note="", *, check="tensors", critical=True, **evidence):
    return Result(
        verdict, {"ratio": Number(12.0, None, None, 20, "none")}, note, check=check, backend="onnx",
        measure={"use": "parity/tensors"}, definition="tensors/1", data="rows", expect={}, critical=critical,
        evidence=ResultEvidence(**evidence),
    )  # fmt: skip


def test_a_report_that_passes_is_given_back_by_its_check():
    report = make_report(Verdict.PASS, make_result(Verdict.PASS))
    assert report.check() is report
    assert repr(report) == "ParityReport(PASS, run='run-1')"


def test_a_check_that_fails_says_what_each_critical_check_says_and_names_the_worst_row():
    worst = ExampleRow("row-6", details={"output": "scores", "error": 0.01})
    failed = make_result(
        Verdict.FAIL, "ratio is 12, above 10", remarks=("it begins in `second`",), examples=(worst, ExampleRow("row-1"))
    )
    uncritical = make_result(Verdict.FAIL, "moves with the batch", check="invariance", critical=False)
    held = make_result(Verdict.PASS, check="flips")
    warning = Finding("warning", "stamp", "no verdict\x1b[31m", "export again")
    report = make_report(Verdict.FAIL, failed, uncritical, held, findings=(warning, Finding("note", "task", "forward")))
    with pytest.raises(AssertionError) as caught:
        report.check()
    assert isinstance(caught.value, ParityError)
    assert str(caught.value).splitlines() == [
        "parity of model.onnx: FAIL",
        "tensors on onnx: FAIL",
        "  ratio is 12, above 10",
        "  it begins in `second`",
        "  the row that differs most: row-6 (output scores, error 0.01)",
        "warning: no verdict\\x1b[31m; export again",
    ]


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_what_is_not_shown_to_agree_does_not_pass_a_check(verdict):
    with pytest.raises(ParityError, match="why it is open"):
        make_report(verdict, make_result(verdict, "why it is open"), note="the run could not be kept").check()


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"outputs": "scores"}, "`outputs` is the text `scores`", "write `outputs=('scores',)`"),
        ({"tolerance": (1e-3,)}, "`tolerance` is (0.001,)", "write `tolerance=(ATOL, RTOL)`"),
        ({"tolerance": 1e-3}, "`tolerance` is 0.001", "write `tolerance=(ATOL, RTOL)`"),
    ],
)
def test_options_without_meaning_are_refused_when_they_are_made(options, message, hint):
    with pytest.raises(UsageError) as caught:
        ParityOptions(**options)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.__notes__ == [f"hint: {hint}"]


@pytest.fixture
def give(monkeypatch):
    """Let these functions be what a distribution gives under the names of `mqa_registry`."""

    def install(name, *given):
        dist = SimpleNamespace(metadata={"Name": "acme", "Version": "1.0"})
        points = tuple(SimpleNamespace(name=name, dist=dist, load=lambda one=one: one) for one in given)
        monkeypatch.setattr(functions, "list_entry_points", lambda group: {name: points} if points else {})

    return install


def test_the_work_is_that_of_the_plugin_which_gets_typed_options(give):
    calls = []
    report = make_report(Verdict.PASS)
    give("parity", lambda *given, **named: calls.append((given, named)) or report)
    assert parity("model", "model.onnx", inputs=["a text"]) is report
    assert parity("model", options=ParityOptions(task="forward"), run_options=RunOptions(limit=3)) is report
    assert calls == [
        (
            ("model", "model.onnx"),
            {"inputs": ["a text"], "options": ParityOptions(), "run_options": RunOptions()},
        ),
        (
            ("model", None),
            {"inputs": None, "options": ParityOptions(task="forward"), "run_options": RunOptions(limit=3)},
        ),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "no installed plugin gives the function `export`"),
        (
            ("no function",),
            "the function `export` of acme 1.0 cannot be used: TypeError: its entry point names no function",
        ),
        ((len, len), "2 distributions give a function `export`: acme 1.0 and acme 1.0"),
        ((lambda *given, **named: "done",), "the function `export` of a plugin gave a `str`, not `Exported`"),
    ],
)
def test_a_function_that_no_plugin_gives_as_it_should_is_one_line(give, given, message):
    give("export", *given)
    with pytest.raises(PluginError) as caught:
        export("model", "out")
    assert caught.value.message == message
    assert len(str(caught.value).splitlines()) == 1


def test_what_to_do_about_an_error_is_in_its_traceback(give):
    def refuse(*given, **named):
        raise DataError("there are no rows", hint="name some")

    give("parity", refuse)
    with pytest.raises(MqaError) as caught:
        parity("model", "model.onnx")
    assert caught.value.__notes__ == ["hint: name some"]


@pytest.mark.parametrize(("function", "options"), [(parity, ParityOptions), (export, ExportOptions)])
def test_each_function_has_a_signature_with_types_and_every_option_is_explained(function, options):
    assert getattr(mqa_registry, function.__name__) is function
    parameters = inspect.signature(function).parameters
    assert [name for name, one in parameters.items() if one.annotation is inspect.Parameter.empty] == []
    assert all(f"`{one.name}`" in inspect.getdoc(options) for one in fields(options))
