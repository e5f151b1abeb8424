from __future__ import annotations

import hashlib
import json
import os
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
from mqa_registry.runs import kept, packing

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
TEXTS_AT_REST = ("rows-0.parquet", "seen-0.parquet")


def text_in(project) -> str:
    """Whatever a run kept, as text, with tables unpacked."""
    whole = []
    for path in project.kept[-1].iterdir():
        content = path.read_bytes()
        whole.append(str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else str(content))
    return "\n".join(whole)


def test_a_run_keeps_its_rows_predictions_suite_and_report(project):
    report = project.run()
    (folder,) = project.kept
    names = {path.name for path in folder.iterdir()}
    assert folder.name == report.run
    assert {"SHA256SUMS", "run.json", "suite.toml", "report.json", *TEXTS_AT_REST} <= names
    stored = json.loads((folder / "report.json").read_text())
    assert (stored["run"], stored["suite"]["digest"]) == (report.run, report.suite["digest"])
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
    found = kept.find(report.run, project.store, None)
    assert found.rows["words"].table.column("id").combine_chunks() == ids
    assert {seen.predictions.table.column_names[0] for seen in found.views.values()} == {"id"}


ODD = {
    "nothing": pa.nulls(3),
    "half": pa.array(np.array([1, np.nan, -0.0], np.float16)),
    "spans": pa.array([[{"start": 1, "end": 2, "label": "a"}], [], None]),
    "codes": pa.array(["x", None, "x"]).dictionary_encode(),
    "bytes": pa.array([b"\xff", b"", None]),
    "took": pa.array([1, 2, None], pa.duration("ns")),
    "either": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "a.b": pa.array([[0.1], [0.2, None], None]),
}


@pytest.mark.parametrize("names", [list(ODD), ["nothing"], ["half", "a.b"]])
def test_a_table_of_any_types_comes_back_as_it_was(names):
    whole = pa.table({"id": ["a", "b", "c"], **{name: ODD[name] for name in names}})
    tables = packing.Tables()
    told = [tables.added("rows", whole), tables.added("rows", whole), tables.added("seen", whole.select(["id"]))]
    read = {name: packing.unpacked_table(content) for name, content in tables.files.items()}
    first, again, ids = (packing.found(one, read) for one in told)
    for table in (first, again):
        assert table.schema.equals(whole.schema)
        assert str(table.to_pydict()) == str(whole.to_pydict())
    assert ids.equals(whole.select(["id"]))


def test_a_table_whose_columns_are_all_in_other_files_keeps_its_metadata():
    rows = pa.table({"id": ["a", "b"], "label": ["x", "y"]})
    tables = packing.Tables()
    added = [tables.added("rows", rows), tables.added("probe", rows.replace_schema_metadata({"classes": "3"}))]
    read = {name: packing.unpacked_table(content) for name, content in tables.files.items()}
    plain, with_metadata = (packing.found(one, read) for one in added)
    assert plain.equals(rows)
    assert plain.schema.metadata is None
    assert with_metadata.schema.metadata == {b"classes": b"3"}
    assert with_metadata.to_pylist() == rows.to_pylist()


def test_without_examples_no_text_is_kept_and_the_numbers_are_the_same(project, said):
    texts = pa.parquet.read_table(project.folder / "words.parquet").column("text").to_pylist()
    whole = project.run()
    assert any(text in text_in(project) for text in texts)
    report = project.run(examples=False)
    assert not any(text in text_in(project) for text in texts)
    assert said(project.judge()) == said(report)
    assert [one["numbers"] for one in said(report)] == [one["numbers"] for one in said(whole)]


def test_without_texts_rows_of_one_cluster_stay_together(project, said):
    table = pq.read_table(project.folder / "words.parquet")
    pq.write_table(table.append_column("author", pa.array([f"author-{row // 8}" for row in range(len(table))])),
                   project.folder / "words.parquet")  # fmt: skip
    project.write(head=project.head.replace("[data.words]", '[data.words]\ncolumns = { cluster = "author" }'))
    report = project.run(examples=False)
    assert report.results[0].evidence["clusters"]
    assert said(project.judge()) == said(report)


def test_without_texts_a_new_slice_is_not_run(project):
    project.run(examples=False)
    other = project.folder / "other.toml"
    other.write_text(project.suite.read_text().replace('by = "fairness/length"', 'by = "fairness/identity-terms"'))
    result = next(result for result in project.judge(suite=other).results if result.check == "lengths")
    assert result.verdict == "NOT-RUN"
    assert "kept without texts" in result.note


def test_a_flipped_byte_anywhere_ends_with_3_and_a_hint(project):
    project.run()
    rng = np.random.default_rng(7)
    for path in sorted(project.kept[0].iterdir()):
        whole = path.read_bytes()
        for place in rng.integers(len(whole), size=6):
            flipped = bytearray(whole)
            flipped[place] ^= int(rng.integers(1, 256))
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
    run = json.loads((folder / "run.json").read_text()) | {"format": 3}
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "SHA256SUMS"}
    from mqa_registry.runs.folder import drop_folder, write_folder

    drop_folder(folder)
    write_folder(folder, files | {"run.json": json.dumps(run).encode()})
    with pytest.raises(StoreError, match="format 3"):
        project.judge()


def test_only_the_newest_runs_are_kept(project, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 2)
    names = [project.run().run for _ in range(4)]
    assert {path.name for path in project.kept} == set(names[-2:])
    assert [path.name for path in (project.store / "runs").iterdir() if path.name.startswith(".")] == []


def test_20_runs_are_kept(project):
    from mqa_registry.runs.folder import write_folder

    earlier = [project.store / "runs" / f"20200101-000000-{number:04x}" for number in range(22)]
    first = project.run()
    for number, folder in enumerate(earlier):
        write_folder(folder, {"run.json": b"{}", "sequence": str(number - 100).encode()})
    newest = project.run()
    assert [path.name for path in earlier if path.exists()] == [path.name for path in earlier[4:]]
    assert len(project.kept) == 20
    assert {first.run, newest.run} <= {path.name for path in project.kept}


@pytest.mark.parametrize(("size", "left"), [(1_000_000_000, 2), (1_000_000_001, 1)])
def test_runs_of_2_gb_together_are_kept(project, monkeypatch, size, left):
    monkeypatch.setattr(kept, "_size", lambda run: size)
    for _ in range(3):
        project.run()
    assert len(project.kept) == left


def test_a_clock_that_went_back_costs_no_new_run(project, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 2)
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
    monkeypatch.setattr(kept, "MOST_BYTES", 1)
    newest = project.run().run
    assert {path.name for path in project.kept} == {newest} != {first}


def test_folders_that_are_no_runs_of_mqa_are_left_alone(project, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 1)
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
    import shutil

    shutil.rmtree(project.store / "runs" / report.run)
    with pytest.raises(UsageError, match=report.run) as caught:
        project.judge(tmp_path / "report.json")
    assert later.run in caught.value.hint
    assert "20 newest" in caught.value.hint


def test_a_store_that_is_no_folder_is_said(project):
    (project.folder / "file").write_text("")
    with pytest.raises(MqaError):
        project.judge(store=project.folder / "file")


WRITER = """
import sys
from pathlib import Path
from mqa_registry.runs.folder import write_folder
number = 0
while True:
    write_folder(Path(sys.argv[1]) / str(number), {f"{n}.bin": bytes([number % 256]) * 200_000 for n in range(20)})
    print(number, flush=True)
    number += 1
"""


def test_a_kill_at_any_moment_leaves_no_half_of_a_folder(tmp_path):
    from mqa_registry.runs.folder import read_folder

    rng = np.random.default_rng(7)
    for attempt in range(6):
        place = tmp_path / str(attempt)
        place.mkdir()
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(place)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
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
    from mqa_registry import runs as public

    assert said(public.judge("last", store=place / ".mqa", plugin_files=(project.plugin,))) == said(report)
    assert runs.STORE == ".mqa"
