"""MLflow: a run of mqa as a run of the experiment that has the suite's name."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import time
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mqa_registry import (
    NotRunError,
    count_verdicts,
    draw_conclusion,
    list_checks,
    make_visible,
    optional_import,
    summarize_error,
    write_report,
)
from mqa_reports.descriptions import list_digests
from mqa_reports.html.page import render_page
from mqa_reports.trackers.series import list_points, make_name, name_check, name_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlflow import MlflowClient

    from mqa_registry import Report

KEY = "mqa.report"  # the tag with a digest of what identifies a report
JSON_FILE, PAGE_FILE = "report.json", "report.html"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")  # which need more than the client
MAX_METRICS, MAX_OTHERS = 1000, 100  # in one request
MAX_VALUE, MAX_NAME = 500, 250  # characters of a parameter or a tag, and of a name, in every version of MLflow
SETTINGS = {  # of MLflow, where the environment does not set them
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is gone is known after seconds rather than minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # in letters that not every terminal has
}


def publish(report: Report, uri: str) -> None:
    """Add a report to MLflow at a tracking URI. A NotRunError where that does not take it.

    A report that MLflow has already is the same run there. It is the same where a suite of the same digest judged the same run.
    """
    with optional_import("mlflow-skinny"), _with_settings():
        from mlflow import MlflowClient

        try:
            _publish(report, MlflowClient(uri))
        except Exception as error:
            problem = f"MLflow at `{make_visible(uri)}` did not take the report: {summarize_error(error)}"
            again = f"`mqa report {report.run} --mlflow URI` sends it again"
            hint = f"`pip install mlflow` brings what a database needs; {again}" if _is_database(uri) else again
            raise NotRunError(_hide_password(problem, uri), hint=hint) from error


def _is_database(uri: str) -> bool:
    return uri.startswith(DATABASES)


def _hide_password(text: str, uri: str) -> str:
    """A text without the user and password that a URI has before its host; databases take a password with a slash."""
    found = re.match(r"[^:/?#]+://([^:/@]*(?::.*)?@)", uri, re.DOTALL)
    return text.replace(found[1], "") if found else text


@contextmanager
def _with_settings() -> Iterator[None]:
    added = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _publish(report: Report, client: MlflowClient) -> None:
    run = _find_run(report, client)
    try:
        _write_numbers(report, client, run)
        _write_files(report, client, run)
    except BaseException:
        with suppress(Exception):  # the first error is the one to show
            client.set_terminated(run, status="FAILED")
        raise
    client.set_terminated(run, status="FINISHED", end_time=_milliseconds(report.started.timestamp() + report.seconds))


def _find_run(report: Report, client: MlflowClient) -> str:
    """The id of MLflow's run for a report, which is made where there is none."""
    experiment = _find_experiment(make_name(report.suite.name, MAX_NAME), client)
    key = hashlib.sha256(f"{report.run}\n{report.suite.digest}".encode("utf-8", "surrogatepass")).hexdigest()
    found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
    name = make_visible(name_run(report))[:MAX_NAME]
    if found:
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, status="RUNNING", name=name)
        return run_id
    started = _milliseconds(report.started.timestamp())
    run = client.create_run(experiment, start_time=started, tags={KEY: key}, run_name=name)
    return str(run.info.run_id)


def _find_experiment(name: str, client: MlflowClient) -> str:
    """The id of an experiment, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name))
    except MlflowException:
        if found := client.get_experiment_by_name(name):  # another process was quicker
            return str(found.experiment_id)
        raise


def _write_numbers(report: Report, client: MlflowClient, run: str) -> None:
    """Log the numbers as metrics, what the run read as parameters, and what it came to as tags."""
    from mlflow.entities import Metric, Param, RunTag

    now = _milliseconds(time.time())  # of two values of one step, MLflow shows the later
    metrics = (Metric(point.name, point.value, now, point.step) for point in list_points(report))
    params = (Param(make_name(name, MAX_NAME), value[:MAX_VALUE]) for name, value in _list_inputs(report).items())
    tags = (RunTag(make_name(name, MAX_NAME), value[:MAX_VALUE]) for name, value in _list_outcomes(report).items())
    for batch in _split(metrics, MAX_METRICS):
        client.log_batch(run, metrics=batch)
    for batch in _split(params, MAX_OTHERS):
        client.log_batch(run, params=batch)
    for batch in _split(tags, MAX_OTHERS):
        client.log_batch(run, tags=batch)


def _list_outcomes(report: Report) -> dict[str, str]:
    """The verdicts of the run and of every check on every backend, and what MLflow itself shows of a run."""
    checks = list_checks(report)
    commit = (report.environment.get("git") or {}).get("commit", "")
    named = {
        "mqa.run": report.run,
        "mqa.verdict": str(report.verdict),
        "mqa.exit_code": str(int(report.exit_code)),
        "mqa.tags": ", ".join(report.tags),
        "mqa.note": report.note,
        "mqa.against": f"{report.against.verdict}: {report.against.reference}" if report.against else "",
        **{f"{name_check(one.check, one.backend)}/verdict": str(one.verdict) for one in report.results},
        "mlflow.note.content": f"{count_verdicts(checks)}. {draw_conclusion(report, checks)}",
        "mlflow.source.name": report.suite.path,
        "mlflow.source.git.commit": str(commit),
    }
    return {name: make_visible(value) for name, value in named.items() if value}


def _list_inputs(report: Report) -> dict[str, str]:
    """The digests of suite, model, data and backends, and the options of the run."""
    outcomes = ("run", "started", "verdict", "exit_code")
    digests = {name: value for name, value in list_digests(report).items() if name not in outcomes}
    options = make_visible(shlex.join(report.options))
    return digests | ({"options": options} if options else {})


def _write_files(report: Report, client: MlflowClient, run: str) -> None:
    with TemporaryDirectory() as folder:
        write_report(report, Path(folder, JSON_FILE))
        Path(folder, PAGE_FILE).write_bytes(render_page(report).encode("utf-8", "backslashreplace"))
        client.log_artifacts(run, folder)


def _split(items: Iterable[Any], most: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
