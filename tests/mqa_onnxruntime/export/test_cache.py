"""Exports are kept: whole ones are used again, half ones never seen, damaged ones made anew."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mqa_onnxruntime.export import cache, job
from mqa_onnxruntime.export.cache import cached_export, export_recipe, recipe_digest
from mqa_registry import DataError, Model, ModelUnderTest, NotRunError


@pytest.fixture
def counted(monkeypatch, exported):
    """Exporting, without PyTorch: it copies an export, and counts how often it is called."""
    calls = []

    def copy(model_under_test, job, timeout):
        calls.append(job)
        (job.folder / "export.log").write_text("all that was said")
        for file in (*exported.parent.glob("model.*"), exported.parent / "audit.json"):
            (job.folder / file.name).write_bytes(file.read_bytes())
        return "copy"

    monkeypatch.setattr(cache, "run_job", copy)
    return calls


@pytest.fixture
def fresh(make, tmp_path):
    """A model under test whose folder for exports is empty."""
    return make(exports=tmp_path / "kept")


def cached_names(model_under_test):
    return sorted(path.name for path in model_under_test.run_context.exports.iterdir())


def with_attributes(task, **attributes):
    """A task like another, with some of its attributes changed."""
    return type("Other", (type(task),), attributes)()


def test_an_export_is_made_once(fresh, counted):
    first, second = cached_export(fresh, None), cached_export(fresh, None)
    assert first == second
    assert len(counted) == 1
    assert cached_names(fresh) == [recipe_digest(export_recipe(fresh, None))]


def test_the_recipe_of_an_export_is_written_with_it(fresh, counted):
    path = cached_export(fresh, None).path
    about = json.loads((path.parent / "recipe.json").read_text())
    assert about["recipe"] == export_recipe(fresh, None)
    assert about["exporter"] == "copy"
    assert set(about["files"]) == {"model.onnx", "model.onnx.data", "model.trace.json", "audit.json"}
    assert about["facts"]["opset"] == 20
    assert about["seconds"] >= 0


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data", "model.trace.json", "audit.json", "recipe.json"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone"])
def test_a_damaged_export_is_made_again(fresh, counted, name, damage):
    whole = cached_export(fresh, None)
    file = whole.path.with_name(name)
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(content[:-9])
    else:
        middle = len(content) // 3
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    assert cached_export(fresh, None) == whole
    assert len(counted) == 2
    assert cached_export(fresh, None) == whole
    assert cached_names(fresh) == [whole.path.parent.name]


def test_an_export_under_the_name_of_another_recipe_is_not_used(fresh, counted):
    home = cached_export(fresh, None).path.parent
    other = home.with_name(recipe_digest(export_recipe(fresh, 18)))
    home.rename(other)
    cached_export(fresh, 18)
    assert len(counted) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda make, task: make(digest="sha256:other"),
        lambda make, task: make(task=with_attributes(task, name="other")),
        lambda make, task: make(identity="a task of the same name, of another plugin"),
    ],
)
def test_another_model_or_task_has_another_recipe(make, task, change):
    assert recipe_digest(export_recipe(change(make, task), None)) != recipe_digest(export_recipe(make(), None))


def test_another_opset_or_library_has_another_recipe(model_under_test, monkeypatch):
    plain = recipe_digest(export_recipe(model_under_test, None))
    assert recipe_digest(export_recipe(model_under_test, 20)) != plain
    monkeypatch.setattr("mqa_onnxruntime.export.cache.version", lambda name: "0")
    assert recipe_digest(export_recipe(model_under_test, None)) != plain


def test_a_task_of_one_sample_is_traced_with_two_rows(make, task, tmp_path, monkeypatch):
    seen = []

    def refuse(module, batch, *rest):
        seen.append(batch)
        raise NotRunError("seen enough")

    monkeypatch.setattr(job, "export", refuse)
    with pytest.raises(NotRunError, match="seen enough"):
        cached_export(make(task=with_attributes(task, sample=task.sample[:1]), exports=tmp_path / "one"), None)
    assert seen[0]["words"].shape == (2, 3)


def test_a_failed_export_leaves_its_log_and_nothing_else(fresh, monkeypatch):
    def refuse(model_under_test, job, timeout):
        (job.folder / "export.log").write_text("why not")
        raise NotRunError("the model cannot be exported")

    monkeypatch.setattr(cache, "run_job", refuse)
    with pytest.raises(NotRunError, match="cannot be exported") as refused:
        cached_export(fresh, None)
    (name,) = cached_names(fresh)
    assert name.endswith(".log")
    assert name in refused.value.hint
    assert (fresh.run_context.exports / name).read_text() == "why not"


@pytest.mark.parametrize("opset", [-1, 0, 99])
def test_an_unknown_opset_is_refused_before_anything_is_exported(fresh, counted, opset):
    with pytest.raises(DataError, match=f"there is no opset {opset}: "):
        cached_export(fresh, opset)
    assert counted == []


def test_an_empty_log_is_not_named_in_the_hint(fresh, monkeypatch):
    def die(model_under_test, job, timeout):
        (job.folder / "export.log").touch()
        raise NotRunError("it was killed")

    monkeypatch.setattr(cache, "run_job", die)
    with pytest.raises(NotRunError) as refused:
        cached_export(fresh, None)
    assert (refused.value.hint, cached_names(fresh)) == ("", [])


def test_a_model_that_cannot_be_built_is_reported_as_such(fresh, task):
    def refuse():
        raise NotRunError("the model needs `sentencepiece`")

    model = Model(digest="sha256:bag", module=refuse, processor=lambda: None)
    with pytest.raises(NotRunError, match=r"^the model needs `sentencepiece`$"):
        cached_export(ModelUnderTest(model, task, fresh.run_context, {}), None)
    assert cached_names(fresh) == []


def test_a_full_disk_is_one_line(fresh, monkeypatch):
    def full(model_under_test, order, limit):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "run_job", full)
    with pytest.raises(NotRunError, match=r"cannot be stored in .*: No space left on device"):
        cached_export(fresh, None)
    assert cached_names(fresh) == []


def test_a_folder_that_is_a_file_is_one_line(make, tmp_path, counted):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotRunError, match="cannot be stored in"):
        cached_export(make(exports=tmp_path / "file"), None)


def test_a_second_process_uses_the_export_of_the_first(fresh, counted, monkeypatch):
    """Another process puts the same export in place while this one is making it."""
    copy = cache.run_job

    def slow(*arguments):
        if not counted:
            monkeypatch.setattr(cache, "run_job", copy)
            cached_export(fresh, None)
        return copy(*arguments)

    monkeypatch.setattr(cache, "run_job", slow)
    found = cached_export(fresh, None)
    assert len(counted) == 2
    assert cached_names(fresh) == [found.path.parent.name]
    assert cached_export(fresh, None) == found


PROCESS = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import conftest
from mqa_onnxruntime.export import cache
from mqa_registry import RunContext, Model, ModelUnderTest, NoOptions

def slow(model_under_test, job, timeout):
    for file in (*Path({source!r}).glob("model.*"), Path({source!r}) / "audit.json"):
        (job.folder / file.name).write_bytes(file.read_bytes())
        print("half", flush=True)
        time.sleep({seconds})
    return "copy"

cache.run_job = slow
model = Model(digest="sha256:bag", module=lambda: None, processor=lambda: None)
print(cache.cached_export(ModelUnderTest(model, conftest.Words(), RunContext(exports=Path({home!r})), NoOptions()), None).path)
"""


def process(exported, home, seconds):
    program = PROCESS.format(
        tests=str(Path(__file__).parents[1]), source=str(exported.parent), home=str(home), seconds=seconds
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def test_a_killed_export_leaves_nothing_that_counts_as_an_export(fresh, exported, counted):
    home = fresh.run_context.exports
    with process(exported, home, 60) as making:
        assert making.stdout.readline() == "half\n"
        making.send_signal(signal.SIGKILL)
    (draft,) = cached_names(fresh)
    assert draft.endswith(".tmp")
    assert cached_export(fresh, None).path.is_file()
    assert len(counted) == 1


def test_two_processes_at_once_make_one_export(fresh, exported):
    home = fresh.run_context.exports
    both = [process(exported, home, 0.2) for _ in range(2)]
    paths = {running.communicate()[0].split()[-1] for running in both}
    assert [running.returncode for running in both] == [0, 0]
    assert paths == {str(home / recipe_digest(export_recipe(fresh, None)) / "model.onnx")}
    assert len(cached_names(fresh)) == 1
