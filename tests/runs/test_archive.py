"""The archive of runs: what a run keeps, which runs stay, how one is named, and that a damaged one is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import runs
from mqa_registry.errors import MqaError, StoreError, UsageError
from mqa_registry.reports import write_report
from mqa_registry.runs import archive
from mqa_registry.runs.archive import drop_folder, read_folder, write_folder
from mqa_registry.runs.tags import tag_run

REPLAYED = """
format = 1
name = "replayed"
[data.words]
use = "datasets/file"
path = "words.parquet"
[backends.one]
use = "replay/file"
path = "one.parquet"
[backends.two]
use = "replay/file"
path = "two.parquet"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.4 }
"""
TEXTS_AT_REST = ("rows-0.parquet", "perturbed-rows-0.parquet")


def test_a_run_keeps_its_rows_predictions_suite_and_report(project):
    report = project.run()
    (folder,) = project.kept
    names = {path.name for path in folder.iterdir()}
    assert folder.name == report.run
    assert {"SHA256SUMS", "run.json", "suite.toml", "report.json", *TEXTS_AT_REST} <= names
    stored = json.loads((folder / "report.json").read_text())
    assert (stored["run"], stored["suite"]["digest"]) == (report.run, report.suite.digest)
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert done.returncode == 0


def test_equal_predictions_are_kept_once(project):
    project.run()
    assert len(list(project.kept[0].glob("predictions-*"))) == 2  # unperturbed and perturbed, alike on both backends


def test_of_a_row_its_id_is_kept_once_and_what_repeats_is_kept_small(project):
    rows = 20_000
    table = pq.read_table(project.folder / "words.parquet")
    texts = table.column("text").take(pa.array(np.arange(rows) % len(table)))
    labels = table.column("label").take(pa.array(np.arange(rows) % len(table)))
    ids = pa.array([hashlib.sha256(b"%d" % row).hexdigest()[:32] for row in range(rows)])
    pq.write_table(pa.table({"id": ids, "text": texts, "label": labels}), project.folder / "words.parquet")
    for name in ("one", "two"):
        pq.write_table(pa.table({"id": ids, "label": labels}), project.folder / f"{name}.parquet")
    project.suite.write_text(REPLAYED)
    report = project.run()
    assert sum(path.stat().st_size for path in project.kept[-1].iterdir()) < rows * 24  # bytes: 16 are the id itself
    found = archive.find_run(report.run, project.store, None)
    assert found.rows["words"].table.column("id").combine_chunks() == ids
    assert {seen.predictions.table.column_names[0] for seen in found.views.values()} == {"id"}


def test_a_flipped_byte_anywhere_ends_with_3_and_a_hint(project):
    project.run()
    rng = np.random.default_rng(7)
    for path in sorted(project.kept[0].iterdir()):
        whole = path.read_bytes()
        for offset in rng.integers(len(whole), size=6):
            flipped = bytearray(whole)
            flipped[offset] ^= int(rng.integers(1, 256))
            path.write_bytes(flipped)
            with pytest.raises(StoreError, match="is damaged") as caught:
                project.judge()
            assert caught.value.exit_code == 3
            assert "run the suite again" in caught.value.hint
        path.write_bytes(whole)
    assert project.judge()


@pytest.mark.parametrize("name", ["SHA256SUMS", "run.json", "rows-0.parquet", "suite.toml"])
def test_a_file_that_is_gone_or_cut_ends_with_3(project, name):
    project.run()
    path = project.kept[0] / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError):
        project.judge()
    path.unlink()
    with pytest.raises(StoreError):
        project.judge()


def test_a_run_of_another_format_is_refused(project):
    project.run()
    folder = project.kept[0]
    run = json.loads((folder / "run.json").read_text()) | {"format": 4}
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "SHA256SUMS"}
    drop_folder(folder)
    write_folder(folder, files | {"run.json": json.dumps(run).encode()})
    with pytest.raises(StoreError, match="format 4"):
        project.judge()


def test_every_run_is_kept_however_many(project):
    for number in range(40):
        folder = project.store / "runs" / f"20200101-000000-{number:04x}"
        write_folder(folder, {"run.json": b"{}", "sequence": str(number).encode()})
    report = project.run()
    assert len(project.kept) == 41
    assert archive.list_runs(project.store)[-1] == report.run


@pytest.mark.parametrize(("size", "left"), [(1_000_000_000, 2), (1_000_000_001, 1)])
def test_runs_of_2_gb_together_are_kept(project, monkeypatch, size, left):
    monkeypatch.setattr(archive, "folder_size", lambda run: size)
    for _ in range(3):
        project.run()
    assert len(project.kept) == left


def test_a_run_with_a_tag_stays_and_takes_no_room_of_the_others(project, monkeypatch):
    monkeypatch.setattr(archive, "folder_size", lambda run: 1_000_000_000)
    tagged = project.run().run
    tag_run(project.store, tagged, "v1")
    others = [project.run().run for _ in range(3)]
    assert {path.name for path in project.kept} == {tagged, *others[1:]}
    assert archive.find_run("v1", project.store, None).run == tagged


def test_a_clock_that_went_back_costs_no_new_run(project, monkeypatch):
    monkeypatch.setattr(archive, "folder_size", lambda run: 1_000_000_000)
    names = [project.run().run for _ in range(2)]
    for name in names:  # as runs that are dated in the future
        (project.store / "runs" / name).rename(project.store / "runs" / name.replace("20", "21", 1))
    newest = project.run().run
    left = {path.name for path in project.kept}
    assert newest in left
    assert len(left) == 2
    assert names[1].replace("20", "21", 1) in left


def test_runs_go_where_they_are_too_large_together(project, monkeypatch):
    first = project.run().run
    monkeypatch.setattr(archive, "MAX_BYTES", 1)
    newest = project.run().run
    assert {path.name for path in project.kept} == {newest} != {first}


def test_folders_that_are_no_runs_of_mqa_are_left_alone(project, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1)
    project.run()
    theirs = [project.store / "runs" / name for name in ("exp01", "exp02", "20200101-000000-abcd")]
    for folder in theirs:
        folder.mkdir()
        (folder / "weights.bin").write_bytes(b"years of work")
    report = project.run()
    assert all((folder / "weights.bin").exists() for folder in theirs)
    assert project.judge("last").run == report.run


def test_runs_of_one_second_are_told_apart_by_who_came_last(project):
    names = [project.run().run for _ in range(3)]
    assert project.judge("last").run == names[-1]


def test_a_run_is_named_by_its_id_the_beginning_of_it_or_a_report(project, tmp_path):
    report = project.run()
    write_report(report, tmp_path / "report.json")
    for name in (report.run, report.run[:-2], tmp_path / "report.json", str(tmp_path / "report.json")):
        assert project.judge(name).run == report.run


def test_a_report_leads_to_the_store_beside_its_suite(project, tmp_path):
    report = project.run()
    write_report(report, tmp_path / "report.json")
    assert project.judge(tmp_path / "report.json", store=None).run == report.run


def test_names_of_no_run(project, tmp_path, monkeypatch):
    report = project.run()
    with pytest.raises(UsageError, match="keeps no run `lsat`") as caught:
        project.judge("lsat")
    assert "did you mean `last`?" in caught.value.hint
    wrong = report.run[:-1] + ("0" if report.run[-1] != "0" else "1")
    with pytest.raises(UsageError) as caught:
        project.judge(wrong)
    assert report.run in caught.value.hint
    for name in ("", "..", "../runs", ".", "/", "\0", "x" * 5000):
        with pytest.raises(UsageError):
            project.judge(name)
    project.run()
    with pytest.raises(UsageError, match="begins the names of 2 runs"):
        project.judge(report.run[:4])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="keeps no run") as caught:
        project.judge(store=None)
    assert "did you mean `--store project/.mqa`?" in caught.value.hint


def test_a_name_unlike_any_gets_those_of_the_newest(tmp_path):
    names = [f"20260101-000000-000{number}" for number in range(7)]
    with pytest.raises(UsageError) as caught:
        archive._match_name("other", names, ["nightly"], tmp_path)
    listed = ", ".join(f"`{name}`" for name in names[:1:-1])
    assert caught.value.hint == f"it has {listed} and 2 more; `last` is the newest; `mqa runs` lists them"
    with pytest.raises(UsageError) as caught:
        archive._match_name("other", names[:5], ["nightly"], tmp_path)
    assert "more" not in caught.value.hint


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "results": []}', "\0"])
def test_a_file_that_is_no_report_is_said(project, tmp_path, content):
    project.run()
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UsageError):
        project.judge(tmp_path / "report.json")


def test_a_report_of_a_run_that_is_gone_is_said(project, tmp_path):
    report = project.run()
    write_report(report, tmp_path / "report.json")
    later = project.run()
    shutil.rmtree(project.store / "runs" / report.run)
    with pytest.raises(UsageError, match=report.run) as caught:
        project.judge(tmp_path / "report.json")
    assert later.run in caught.value.hint
    assert "`mqa runs` lists them" in caught.value.hint


def test_a_store_that_is_no_folder_is_said(project):
    (project.folder / "file").write_text("")
    with pytest.raises(MqaError):
        project.judge(store=project.folder / "file")


WRITERS = """
import itertools, os, sys
from pathlib import Path
from mqa_registry.runs.archive import write_folder
for folder in sys.stdin:
    if writer := os.fork():
        os.waitpid(writer, 0)
        print("ended", flush=True)
        continue
    for number in itertools.count():
        write_folder(Path(folder.strip()) / str(number), {f"{n}.bin": bytes([number % 256]) * 200_000 for n in range(20)})
        if number == 0:
            print(os.getpid(), flush=True)
"""


def test_a_kill_at_any_moment_leaves_no_half_of_a_folder(tmp_path):
    rng = np.random.default_rng(7)
    command = [sys.executable, "-c", WRITERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        for attempt in range(6):
            place = tmp_path / str(attempt)
            place.mkdir()
            print(place, file=writers.stdin, flush=True)
            writer = int(writers.stdout.readline())
            time.sleep(float(rng.uniform(0, 0.05)))
            os.kill(writer, signal.SIGKILL)
            assert writers.stdout.readline() == "ended\n"
            whole = [path for path in place.iterdir() if not path.name.startswith(".")]
            assert whole
            for path in whole:
                assert len(read_folder(path)) == 20


def test_what_a_killed_process_left_is_swept_once_it_is_old(project):
    (project.store / "runs").mkdir(parents=True)
    old, new = (project.store / "runs" / name for name in (f".{'0' * 12}.tmp", f".{'1' * 12}.tmp"))
    foreign = project.store / "runs" / ".old.tmp"
    for path in (old, new, foreign):
        path.mkdir()
    now, hour = time.time(), 3600
    for path, age in ((old, 24 * hour + 60), (new, 23 * hour), (foreign, 1000 * hour)):
        os.utime(path, (now - age, now - age))
    project.run()
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)
    assert project.judge()


def test_a_project_that_moved_is_still_judged(project, said):
    report = project.run()
    place = project.folder.rename(project.folder.parent / "elsewhere")
    assert said(runs.judge("last", store=place / ".mqa", plugin_files=(project.plugin,))) == said(report)
    assert runs.STORE == ".mqa"
