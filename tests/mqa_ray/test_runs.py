"""A run on Ray gives what a run in one process gives, to the last digit, whatever happens to its workers."""

from __future__ import annotations

import pytest

from mqa_registry import RunOptions, run
from mqa_registry.reports import to_json
from tests.conftest import EXECUTOR_CHECKS, VARYING

ROWS, SHARD_ROWS = 300, 64


@pytest.fixture
def suite(tmp_path, slowly, monkeypatch):
    monkeypatch.setattr("mqa_registry.execution.rows.shards.SHARD_ROWS", SHARD_ROWS)
    slowly.write_words(tmp_path, rows=ROWS, longest=8)
    (tmp_path / "suite.toml").write_text(slowly.head("slow") + EXECUTOR_CHECKS, "utf-8")
    return tmp_path / "suite.toml"


@pytest.fixture
def report(ray, suite, slowly):
    """The report of a run with a store of its own, without what varies from run to run."""

    def make(executor, *settings, store=None):
        options = RunOptions(
            executor=executor, set=settings, plugin_files=(slowly.plugin,), store=suite.parent / (store or executor)
        )
        report = to_json(run(suite, options))
        report["environment"]["plugins"].pop("ray", None)
        report["environment"]["packages"].pop("ray", None)
        for result in report["results"]:
            del result["seconds"]
        return {key: value for key, value in report.items() if key not in VARYING}

    return make


def test_a_report_is_the_same_whatever_the_number_of_workers(report):
    local = report("local")
    assert local["results"]
    assert not [result for result in local["results"] if result["verdict"] == "ERROR"]
    for workers in (1, 2):
        assert report("ray/cluster", f"execution.workers={workers}", store=str(workers)) == local
    assert report("local", store="2") == local  # from the store that the workers' predictions are in
