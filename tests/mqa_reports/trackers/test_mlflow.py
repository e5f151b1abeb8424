"""MLflow with a local file store: what it kept of a report, and how it says that it could not."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mqa_registry.errors import NotRunError
from mqa_registry.reports import to_json, without_examples
from mqa_reports.trackers import mlflow as tracker
from mqa_reports.trackers.mlflow import publish
from mqa_reports.trackers.series import list_points
from tests.mqa_reports.html.conftest import HOSTILE, make_hostile, make_report


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory):
    """A store with a report that was sent twice, a later run of the same suite without texts, and a hostile report."""
    from mlflow import MlflowClient

    report = make_report()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        uri = str(tmp_path_factory.mktemp("store") / "mlruns")
        publish(report, uri)
        publish(replace(report, tags=("v1",)), uri)
        publish(without_examples(replace(report, run="20261122-101010-aaaa")), uri)
        publish(make_hostile(), uri)
        yield MlflowClient(uri)


@pytest.fixture(scope="module", name="runs")
def _runs(client):
    """The runs of the experiment of the suite by their names."""
    experiment = client.get_experiment_by_name("reviews")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def read_file(client, run, name):
    return Path(client.download_artifacts(run.info.run_id, name)).read_text("utf-8")


def visible(page):
    return re.sub(r"<[^>]+>", "", page)


def test_the_same_report_is_one_run_and_another_run_is_another(runs):
    assert runs.keys() == {"v1", "20261122-101010-aaaa"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_every_number_is_a_metric_and_the_last_severity_counts(runs, client):
    latest = {point.name: point.value for point in list_points(make_report())}
    assert runs["v1"].data.metrics == latest
    assert len(latest) > 100
    history = client.get_metric_history(runs["v1"].info.run_id, "typos/torch/drop")
    assert {(one.step, one.value) for one in history} == {(0, 0.01), (1, 0.02), (2, 0.04)}


def test_verdicts_are_tags(runs):
    report, tags = make_report(), runs["v1"].data.tags
    expected = {f"{one.check}/{one.backend}/verdict": str(one.verdict) for one in report.results}
    assert {name: value for name, value in tags.items() if name.endswith("/verdict")} == expected
    assert {name: tags[f"mqa.{name}"] for name in ("verdict", "exit_code", "run", "tags", "against")} == {
        "verdict": "FAIL",
        "exit_code": "1",
        "run": report.run,
        "tags": "v1",
        "against": "FAIL: 20261101-101010-aaaa",
    }
    assert tags["mlflow.note.content"].endswith("do not ship it.")


def test_digests_and_options_are_parameters(runs):
    assert runs["v1"].data.params == {
        "suite.path": "suites/nlp.toml",
        "suite.digest": "sha256:5",
        "suite.seed": "7",
        "suite.confidence": "0.95",
        "model.digest": "sha256:3f9a1c2b" + "0" * 56,
        "backends.torch.digest": "sha256:1",
        "backends.onnx.digest": "sha256:2",
        "mqa": "0.1.0",
        "options": "--limit 200 --set 'a b=1'",
    }


def test_the_report_and_its_page_are_artifacts(runs, client):
    report = replace(make_report(), tags=("v1",))
    assert json.loads(read_file(client, runs["v1"], "report.json")) == to_json(report)
    assert "cuonsel" in visible(read_file(client, runs["v1"], "report.html"))


def test_without_examples_no_text_of_a_row_is_anywhere(runs, client):
    run = runs["20261122-101010-aaaa"]
    files = [visible(read_file(client, run, name)) for name in ("report.json", "report.html")]
    kept = [*run.data.tags.values(), *run.data.params.values(), *files]
    assert not [text for text in kept if "cuonsel" in text or "violated" in text]


def test_hostile_names_are_kept_under_legal_ones(client):
    (experiment,) = (one for one in client.search_experiments() if "hacked" in one.name)
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics.keys() == {point.name for point in list_points(make_hostile())}
    assert HOSTILE not in {*run.data.metrics, *run.data.tags, *run.data.params}


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9", "nonsense://there", "/dev/null/mlruns", "http://127.0.0.1:9/\nerror: y"]
)
def test_one_that_takes_nothing_is_one_line(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(NotRunError) as caught:
        publish(make_report(), uri)
    assert caught.value.message.startswith("MLflow at `")
    assert "\n" not in caught.value.message
    assert caught.value.hint == "`mqa report 20261121-222800-3f9a --mlflow URI` sends it again"


def test_a_password_is_in_no_message(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(NotRunError, match=r"MLflow at `http://127\.0\.0\.1:9` did not take") as caught:
        publish(make_report(), "http://me:secret@127.0.0.1:9")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:se/cr@et@there:5432/runs", "postgresql://there:5432/runs"),
        ("https://token@there/path", "https://there/path"),
        ("http://there:5000/path", "http://there:5000/path"),
        ("sqlite:///a@b/runs.db", "sqlite:///a@b/runs.db"),
        ("folder/a:b@c", "folder/a:b@c"),
    ],
)
def test_users_and_passwords_are_hidden_and_nothing_else_is(uri, shown):
    assert tracker._hide_password(f"`{uri}` is gone", uri) == f"`{shown}` is gone"


def test_a_database_says_what_it_needs():
    with pytest.raises(NotRunError) as caught:
        publish(make_report(), "sqlite:////dev/null/mlflow.db")
    assert caught.value.hint.startswith("`pip install mlflow` brings what a database needs; ")


def test_its_settings_are_those_of_the_environment_and_ours_are_gone_afterwards(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        tracker, "_publish", lambda *_: seen.update({name: os.environ[name] for name in tracker.SETTINGS})
    )
    for name in tracker.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    publish(make_report(), "http://127.0.0.1:9")
    assert seen == tracker.SETTINGS | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "7"}
    assert set(tracker.SETTINGS) & set(os.environ) == {"MLFLOW_HTTP_REQUEST_TIMEOUT"}


def test_a_run_whose_numbers_were_refused_has_failed(client, monkeypatch):
    def refuse(*_):
        raise RuntimeError("no room")

    monkeypatch.setattr(tracker, "_write_files", refuse)
    report = replace(make_report(), run="20261123-101010-bbbb")
    with pytest.raises(NotRunError, match="no room"):
        publish(report, client.tracking_uri)
    experiment = client.get_experiment_by_name("reviews")
    (run,) = client.search_runs([experiment.experiment_id], f"tags.`mqa.run` = '{report.run}'")
    assert run.info.status == "FAILED"
