"""What ships is known by its stamp, and a file that was changed since is not it."""

from __future__ import annotations

import dataclasses
import errno
import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mqa_onnxruntime.export.cache import cached_export
from mqa_onnxruntime.export.stamp import stamp_file
from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_onnxruntime.session.backend import OnnxExportOptions, SessionOptions
from mqa_registry import DataError, Judgement, NotRunError, SuiteSelection


@pytest.fixture
def shipped(backend, model_under_test, exported, tmp_path):
    """The folder that `mqa export` fills."""
    return backend.export(model_under_test, tmp_path / "out" / "deep", OnnxExportOptions())


def test_the_output_folder_has_the_file_its_weights_its_trace_and_its_stamp(shipped):
    folder = shipped.files[0].parent
    names = ["model.onnx", "model.onnx.data", "model.trace.json", "model.mqa.json"]
    assert [file.name for file in shipped.files] == names
    assert {file.name for file in folder.iterdir()} == set(names)
    assert shipped.findings == []


def test_a_stamp_records_the_file_and_the_model(shipped, model_under_test):
    stamp = json.loads(stamp_file(shipped.files[0]).read_text())
    assert stamp == json.loads(json.dumps(shipped.facts))
    assert stamp["sha256"] == read_onnx_file(shipped.files[0]).sha256()
    assert set(stamp["files"]) == {"model.onnx", "model.onnx.data"}
    assert stamp["model"]["digest"] == model_under_test.model.digest
    assert (stamp["opset"], stamp["precision"], stamp["verdict"]) == (20, "float32", None)
    assert set(stamp["recipe"]["versions"]) == {"torch", "transformers", "onnx", "onnxscript"}
    assert {shape["outcome"] for shape in stamp["audit"]["shapes"]} == {"agrees"}


def test_no_exported_file_names_a_folder_of_this_machine(shipped, exports):
    for file in shipped.files:
        content = file.read_bytes()
        for directory in (Path(__file__).parents[3], Path.home(), exports, "site-packages"):
            assert str(directory).encode() not in content, (file.name, directory)


def test_a_stamped_file_runs_while_it_is_unchanged(backend, model_under_test, shipped):
    path = shipped.files[0]
    assert backend.identity(model_under_test, SessionOptions(path=path))["onnx"] == shipped.facts["sha256"]
    data = path.with_name("model.onnx.data")
    content = bytearray(data.read_bytes())
    content[9] ^= 1
    data.write_bytes(content)
    with pytest.raises(DataError, match=r"is not the file that its stamp `model\.mqa\.json` was made for"):
        backend.identity(model_under_test, SessionOptions(path=path))


def test_a_stamp_identifies_its_file_by_name_too(backend, model_under_test, shipped):
    path = shipped.files[0]
    renamed = path.rename(path.with_name("bag.onnx"))
    stamp_file(path).rename(stamp_file(renamed))
    with pytest.raises(DataError, match="it was renamed or changed since"):
        backend.identity(model_under_test, SessionOptions(path=renamed))


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", "[" * 99_999])
def test_a_damaged_stamp_is_no_stamp(backend, model_under_test, shipped, content):
    stamp_file(shipped.files[0]).write_text(content)
    with pytest.raises(DataError, match="cannot be read"):
        backend.identity(model_under_test, SessionOptions(path=shipped.files[0]))


@pytest.fixture
def forced(model_under_test):
    """The model under test of a command that may replace files that mqa did not write."""
    model_under_test.run_context = dataclasses.replace(model_under_test.run_context, force=True)
    return model_under_test


def test_an_export_over_an_older_one_replaces_it(backend, model_under_test, shipped):
    again = backend.export(model_under_test, shipped.files[0].parent, OnnxExportOptions())
    assert read_onnx_file(again.files[0]).sha256() == shipped.facts["sha256"]


@pytest.mark.parametrize("name", ["model.onnx", "model.mqa.json", "model.trace.json"])
def test_an_export_over_a_file_that_mqa_did_not_write_is_refused(backend, model_under_test, tmp_path, name):
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / name).write_bytes(b"mine")
    with pytest.raises(DataError, match="is there already, and mqa did not write it") as caught:
        backend.export(model_under_test, tmp_path / "release", OnnxExportOptions())
    assert "--force" in caught.value.hint
    assert [file.read_bytes() for file in (tmp_path / "release").iterdir()] == [b"mine"]


def test_an_export_over_one_that_was_changed_is_refused_unless_forced(backend, forced, shipped):
    folder = shipped.files[0].parent
    (folder / "model.onnx").write_bytes(b"old")
    (folder / "model.mqa.json").write_text("old")
    again = backend.export(forced, folder, OnnxExportOptions())
    assert read_onnx_file(again.files[0]).sha256() == shipped.facts["sha256"]


def test_an_export_in_another_precision_removes_the_files_of_the_one_before(backend, model_under_test, shipped):
    folder = shipped.files[0].parent
    (folder / "notes.md").write_text("mine")
    again = backend.export(model_under_test, folder, OnnxExportOptions(precision="int8-dynamic"))
    names = {"model.onnx", "model.trace.json", "model.mqa.json"}
    assert {file.name for file in again.files} == names
    assert {file.name for file in folder.iterdir()} == names | {"notes.md"}


@pytest.mark.parametrize(
    "files", [7, {"../mine": {"sha256": ""}}, {"mine": {"sha256": "another"}}, {"mine": {}}, {"": {"sha256": ""}}]
)
def test_a_file_that_a_stamp_lists_wrongly_is_not_removed(backend, forced, shipped, stamp, files):
    folder = shipped.files[0].parent
    for directory in (folder, folder.parent):
        (directory / "mine").write_text("")
    stamp_file(shipped.files[0]).write_text(json.dumps(stamp() | {"files": files}))
    backend.export(forced, folder, OnnxExportOptions())
    assert (folder / "mine").exists()
    assert (folder.parent / "mine").exists()


def test_a_full_disk_leaves_the_earlier_export_unchanged_and_no_other_file(
    backend, model_under_test, shipped, monkeypatch
):
    def full(source, target, **more):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = shipped.files[0].parent
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(NotRunError, match="No space left on device"):
        backend.export(model_under_test, folder, OnnxExportOptions())
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_an_export_that_was_killed_half_way_is_cleared_by_the_next(backend, model_under_test, shipped):
    folder = shipped.files[0].parent
    (folder / ".staging").mkdir()
    (folder / ".staging" / "model.onnx").write_bytes(b"half")
    backend.export(model_under_test, folder, OnnxExportOptions())
    assert {file.name for file in folder.iterdir()} == {file.name for file in shipped.files}


@pytest.mark.parametrize("name", ["model.mqa.json", "model.onnx", ".staging"])
def test_a_link_in_the_folder_leads_no_export_out_of_it(backend, forced, exported, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside if name == ".staging" else outside / "victim"
    (folder := tmp_path / "trap").mkdir()
    if name != ".staging":
        target.write_text("mine")
    (folder / name).symlink_to(target)
    with suppress(NotRunError):
        backend.export(forced, folder, OnnxExportOptions())
    assert [file.name for file in outside.iterdir()] == ([] if name == ".staging" else ["victim"])
    assert name == ".staging" or target.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_one_line(backend, model_under_test, exported, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotRunError, match="the export cannot be written to"):
        backend.export(model_under_test, tmp_path / "file" / "out", OnnxExportOptions())


@pytest.fixture
def judge(backend, model_under_test, shipped):
    """Judge the file that was shipped; gives the one finding, as its level and its message."""
    path = shipped.files[0]
    identity = dict(backend.identity(model_under_test, SessionOptions(path=path)))

    def write(verdict, *, providers=identity["providers"], **of):
        usual = {"run": "r", "suite": "sha256:s", "name": "gate", "backend": "onnx", "selection": SuiteSelection()}
        usual |= {"model": model_under_test.model.digest, "judged": "2026-11-22T12:00:00Z"}
        judgement = Judgement(verdict, **(usual | of))
        (found,) = backend.record_verdict(identity | {"providers": providers}, judgement, SessionOptions(path=path))
        return found.level, found.message

    return write


@pytest.fixture
def stamp(shipped):
    return lambda: json.loads(stamp_file(shipped.files[0]).read_text())


def test_a_verdict_is_added_to_a_stamp_and_nothing_is_lost(judge, stamp, shipped):
    before = stamp()
    level, message = judge("PASS", run="run-1")
    assert (level, "model.mqa.json` says PASS" in message) == ("note", True)
    after = stamp()
    assert (after["verdict"]["verdict"], after["verdict"]["run"]) == ("PASS", "run-1")
    assert (after["verdict"]["suite"], after["verdict"]["judged"]) == ("sha256:s", "2026-11-22T12:00:00Z")
    assert after["judgements"] == [after["verdict"]]
    assert {key: value for key, value in after.items() if key not in {"verdict", "judgements"}} == {
        key: value for key, value in before.items() if key not in {"verdict", "judgements"}
    }
    assert {file.name for file in shipped.files[0].parent.iterdir()} == {file.name for file in shipped.files}


def test_a_stamped_file_is_judged_again_after_it_was_stamped(judge, backend, model_under_test, shipped):
    judge("PASS")
    assert backend.identity(model_under_test, SessionOptions(path=shipped.files[0]))["onnx"] == shipped.facts["sha256"]


@pytest.mark.parametrize(
    "other",
    [
        {"suite": "sha256:smaller"},
        {"selection": SuiteSelection(only=("smoke",))},
        {"selection": SuiteSelection(limit=10)},
        {"backend": "again"},
        {"providers": "CPUExecutionProvider, Other"},
    ],
)
def test_a_failure_is_not_hidden_by_a_later_pass_of_fewer_checks(judge, stamp, other):
    judge("FAIL", run="first")
    level, message = judge("PASS", run="second", **other)
    assert level == "warning"
    assert "has this PASS in it, and says FAIL: the suite `gate` came to that in run `first`" in message
    assert stamp()["verdict"]["run"] == "first"
    assert [one["run"] for one in stamp()["judgements"]] == ["first", "second"]


def test_of_one_suite_on_one_backend_the_newest_judgement_counts(judge, stamp):
    judge("FAIL", run="first")
    judge("INCONCLUSIVE", run="other", suite="sha256:other")
    judge("PASS", run="second")
    assert [one["run"] for one in stamp()["judgements"]] == ["other", "second"]
    assert stamp()["verdict"]["verdict"] == "INCONCLUSIVE"
    assert judge("PASS", suite="sha256:other")[0] == "note"
    assert stamp()["verdict"]["verdict"] == "PASS"


def test_a_failure_outweighs_a_crash_elsewhere(judge, stamp):
    judge("FAIL", run="first")
    judge("ERROR", run="second", suite="sha256:other")
    assert stamp()["verdict"]["run"] == "first"


def test_a_problem_that_the_audit_found_fails_whatever_passes_later(
    backend, model_under_test, exported, tmp_path, monkeypatch
):
    export = cached_export(model_under_test, None)
    problem = {"level": "problem", "topic": "shapes", "message": "it fails on 8 x 7", "fix": "", "evidence": ""}
    spoiled = dataclasses.replace(export, audit={**export.audit, "findings": [problem]})
    monkeypatch.setattr("mqa_onnxruntime.export.output_folder.cached_export", lambda *arguments, **more: spoiled)
    path = backend.export(model_under_test, tmp_path / "spoiled", OnnxExportOptions()).files[0]
    stamp = json.loads(stamp_file(path).read_text())
    assert stamp["verdict"] == {"verdict": "FAIL", "name": "audit", "problems": ["it fails on 8 x 7"]}
    judgement = Judgement(
        "PASS", "r", "sha256:s", "gate", "onnx", SuiteSelection(), model_under_test.model.digest, "2026-11-22T12:00:00Z"
    )
    (found,) = backend.record_verdict(
        backend.identity(model_under_test, SessionOptions(path=path)), judgement, SessionOptions(path=path)
    )
    assert found.level == "warning"
    assert "has this PASS in it, and says FAIL: its audit found a problem" in found.message
    stamp = json.loads(stamp_file(path).read_text())
    assert (stamp["verdict"]["name"], [one["name"] for one in stamp["judgements"]]) == ("audit", ["audit", "gate"])


def test_a_file_that_was_changed_while_it_was_judged_is_not_stamped(judge, stamp, shipped):
    before = stamp()
    data = shipped.files[0].with_name("model.onnx.data")
    data.write_bytes(data.read_bytes()[:-1] + b"\x01")
    level, message = judge("PASS")
    assert (level, message.endswith("`model.onnx` was changed while it was judged")) == ("warning", True)
    assert stamp() == before
    shipped.files[0].write_bytes(b"no file at all")
    assert judge("PASS") == (level, message)


def test_a_stamp_that_was_replaced_during_the_run_is_not_written(judge, stamp, shipped):
    stamp_file(shipped.files[0]).write_text(json.dumps(stamp() | {"sha256": "another"}))
    assert judge("PASS")[0] == "warning"
    assert stamp()["verdict"] is None


def test_a_stamp_of_an_earlier_version_gets_its_verdict_and_is_replaced_by_an_export(
    backend, model_under_test, judge, stamp, shipped
):
    """Nothing but its digests, its model and its judgements is read; the names in its audit were others."""
    audit = {"opset_asked": None, "precision_asked": "float32", "types": {"float32": 274}, "findings": []}
    path = stamp_file(shipped.files[0])
    path.write_text(json.dumps(stamp() | {"audit": audit, "recipe": {"subject": "", "opset": None}}))
    assert judge("PASS")[0] == "note"
    assert (stamp()["verdict"]["verdict"], stamp()["audit"]) == ("PASS", audit)
    backend.export(model_under_test, path.parent, OnnxExportOptions())
    assert "requested_opset" in stamp()["audit"]


def test_a_suite_of_another_model_writes_no_verdict_into_the_stamp(judge, stamp):
    level, message = judge("PASS", model="sha256:other")
    assert (level, message.endswith("the suite has another model than the file was exported from")) == ("warning", True)
    assert stamp()["verdict"] is None


@pytest.mark.parametrize(
    "content", ["", "[]", '{"judgements": 7}', '{"judgements": [{"verdict": "GOOD"}]}', '{"model": 7}']
)
def test_a_stamp_that_was_damaged_during_the_run_is_one_warning_and_stays(judge, shipped, content):
    if content.startswith("{"):
        content = json.dumps({"sha256": shipped.facts["sha256"]} | json.loads(content))
    stamp_path = stamp_file(shipped.files[0])
    stamp_path.write_text(content)
    level, message = judge("PASS")
    assert (level, "cannot be read" in message) == ("warning", True)
    assert stamp_path.read_text() == content


def test_a_folder_that_cannot_be_written_is_one_warning(judge, stamp, monkeypatch):
    def refuse(*arguments, **more):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)  # whoever runs the tests may be above permissions
    level, message = judge("PASS")
    assert (level, message.endswith("does not get this run's verdict PASS: read-only file system")) == (
        "warning",
        True,
    )
    assert stamp()["verdict"] is None


def test_a_file_without_a_stamp_stays_without(backend, model_under_test, shipped, judge):
    stamp_file(shipped.files[0]).unlink()
    with pytest.raises(ValueError, match="not enough values"):
        judge("PASS")
    assert not stamp_file(shipped.files[0]).exists()


def test_of_many_runs_at_once_every_judgement_is_kept(judge, stamp):
    runs = [threading.Thread(target=judge, args=("PASS",), kwargs={"suite": f"sha256:{n}"}) for n in range(16)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert {one["suite"] for one in stamp()["judgements"]} == {f"sha256:{n}" for n in range(16)}
