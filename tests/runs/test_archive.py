"""The archive of runs: what a run keeps, which runs stay, how one is named, and that a damaged one is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import runs
from mqa_registry.errors import MqaError, StoreError, UsageError
from mqa_registry.reports import write_report
from mqa_registry.runs import archive
from mqa_registry.runs.run_folder import drop_folder, folder_size, measure_removal, read_folder, write_folder
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
    assert {"SHA256SUMS", "run.json.gz", "suite.toml", "report.json.gz", *TEXTS_AT_REST} <= names
    stored = json.loads(gzip.decompress((folder / "report.json.gz").read_bytes()))
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


@pytest.mark.parametrize("name", ["SHA256SUMS", "run.json.gz", "rows-0.parquet", "suite.toml"])
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
    run = json.loads(gzip.decompress((folder / "run.json.gz").read_bytes())) | {"format": 6}
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "SHA256SUMS"}
    drop_folder(folder)
    write_folder(folder, files | {"run.json.gz": gzip.compress(json.dumps(run).encode())})
    with pytest.raises(StoreError, match="format 6"):
        project.judge()


def test_every_run_is_kept_however_many(kept):
    names = [kept.keep() for _ in range(41)]
    assert archive.list_runs(kept.store) == names


def test_of_runs_of_the_same_rows_each_takes_its_report_alone(kept):
    """Ten runs take hardly more than one: their tables are on the disk once."""
    first = kept.keep()
    alone = folder_size(kept.runs / first)
    tables = sum(path.stat().st_size for path in (kept.runs / first).glob("*.parquet"))
    for _ in range(9):
        newest = kept.keep()
    together = measure_removal(kept.runs / name for name in kept.names)
    assert together == (pytest.approx(10 * alone - 9 * tables, rel=0.1), 0)
    assert together.freed < 10 * alone - 9 * tables  # the suite is there once too
    for file in (kept.runs / newest).glob("*.parquet"):
        assert file.stat().st_nlink == 10
    found = archive.find_run(newest, kept.store, None)
    assert found.rows == kept.record.rows
    assert found.views.keys() == kept.record.views.keys()


def test_a_damaged_table_is_not_passed_on(kept):
    first, second = kept.keep(), kept.keep()
    (table,) = (kept.runs / first).glob("rows-0.*")
    table.write_bytes(table.read_bytes()[::-1])
    for name in (first, second):
        with pytest.raises(StoreError, match=r"is damaged: the digest in `SHA256SUMS` is not that of `rows-0.parquet`"):
            archive.find_run(name, kept.store, None)
    assert archive.find_run(kept.keep(), kept.store, None).rows == kept.record.rows


def test_a_run_of_an_earlier_format_lends_its_tables_too(kept):
    shutil.copytree(Path(__file__).parent / "format_1" / "runs", kept.runs)
    newest = kept.keep()
    assert measure_removal([kept.runs / newest]).shared > 0


def pretend_sizes(monkeypatch, size):
    """Let every run have a file of this size, which no other has."""

    def list_files(run):
        return [SimpleNamespace(st_dev=1, st_ino=run.stat().st_ino, st_size=size)]

    monkeypatch.setattr(archive, "list_files", list_files)


@pytest.mark.parametrize(("size", "left"), [(1_000_000_000, 2), (1_000_000_001, 1)])
def test_runs_of_2_gb_together_are_kept(kept, monkeypatch, size, left):
    pretend_sizes(monkeypatch, size)
    names = [kept.keep() for _ in range(3)]
    assert archive.list_runs(kept.store) == names[-left:]


def test_a_run_with_a_tag_stays_and_takes_no_room_of_the_others(kept, monkeypatch):
    pretend_sizes(monkeypatch, 1_000_000_000)
    tagged = kept.keep()
    tag_run(kept.store, tagged, "v1")
    others = [kept.keep() for _ in range(3)]
    assert archive.list_runs(kept.store) == [tagged, *others[1:]]
    assert archive.find_run("v1", kept.store, None).run == tagged


def test_what_several_runs_have_counts_once(kept, monkeypatch):
    first = kept.keep()
    monkeypatch.setattr(archive, "MAX_BYTES", folder_size(kept.runs / first) * 5 // 2)
    names = [kept.keep() for _ in range(3)]
    assert archive.list_runs(kept.store) == [first, *names]


def test_of_what_a_run_with_a_tag_has_nothing_counts(kept, monkeypatch):
    tagged, first = kept.keep(), kept.keep()
    own = measure_removal([kept.runs / first]).freed
    monkeypatch.setattr(archive, "MAX_BYTES", own * 5 // 2)
    tag_run(kept.store, tagged, "v1")
    second, third = kept.keep(), kept.keep()
    assert archive.list_runs(kept.store) == [tagged, second, third]


def test_one_that_cannot_be_removed_costs_no_new_one(kept, monkeypatch):
    def refuse(folder):
        raise StoreError("it is another user's")

    monkeypatch.setattr(archive, "MAX_BYTES", 1)
    monkeypatch.setattr(archive, "drop_folder", refuse)
    names = [kept.keep(), kept.keep()]
    assert archive.list_runs(kept.store) == names


def test_a_clock_that_went_back_costs_no_new_run(kept, monkeypatch):
    pretend_sizes(monkeypatch, 1_000_000_000)
    names = [kept.keep("21260101-000000-0001"), kept.keep("21260101-000000-0000"), kept.keep()]
    assert archive.list_runs(kept.store) == names[1:]


def test_runs_go_where_they_are_too_large_together(kept, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1)
    names = [kept.keep(), kept.keep()]
    assert archive.list_runs(kept.store) == names[1:]


def test_folders_that_are_no_runs_of_mqa_are_left_alone(kept, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1)
    kept.keep()
    theirs = [kept.runs / name for name in ("exp01", "exp02", "20200101-000000-abcd")]
    for folder in theirs:
        folder.mkdir()
        (folder / "weights.bin").write_bytes(b"years of work")
    newest = kept.keep()
    assert all((folder / "weights.bin").exists() for folder in theirs)
    assert archive.find_run("last", kept.store, None).run == newest


def test_a_run_that_goes_while_runs_are_listed_hides_no_other(kept, monkeypatch):
    names = [kept.keep() for _ in range(3)]
    real = archive._sequence_number

    def drop_then_read(run):
        if run.name == names[1]:
            drop_folder(run)
        return real(run)

    monkeypatch.setattr(archive, "_sequence_number", drop_then_read)
    assert archive.list_runs(kept.store) == [names[0], names[2]]


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
from mqa_registry.runs.run_folder import write_folder
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
