"""A model that a command names: its name tells what knows it, and that tells what it is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqa_registry import RunOptions, resolve_model
from mqa_registry.errors import ContributionError, UsageError

SOURCES = ("onnx/file", "torch/file", "torch/factory", "transformers/auto")
DEMO = Path(__file__).parents[2] / "suites/models/reviews-minilm"


KNOWN = """\
from dataclasses import dataclass
from mqa_registry import ModelSource, hookimpl

@dataclass(frozen=True, kw_only=True)
class KnownOptions:
    id: str

class Known(ModelSource[KnownOptions]):
    name = "known"
    def load(self, task, run_context, options): ...

"""


def resolved(model, source=None, task=None, options=None):
    options = options or RunOptions()
    return resolve_model(model, options, task=task, source=source, sources=SOURCES, tasks="transformers")


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("model.onnx", "onnx/file"),
        ("no/such/model.onnx", "onnx/file"),
        ("model.pt2", "torch/file"),
        ("old/model.pt", "torch/file"),
        ("model.jit", "torch/file"),
        ("last.ckpt", "torch/file"),
        ("model.pkl", "torch/file"),
        ("ours:make", "torch/factory"),
        ("pkg.ours:make", "torch/factory"),
        ("org/name", "transformers/auto"),
        ("./models/mine", "transformers/auto"),
    ],
)
def test_the_source_is_told_by_the_models_name(model, source):
    assert resolved(model, task="forward").source == source


@pytest.mark.parametrize(
    ("model", "source", "task"),
    [
        (str(DEMO), "transformers/auto", "transformers/text-classification"),
        ("model.pt2", "torch/file", "transformers/forward"),
        ("ours:make", "torch/factory", "transformers/forward"),
    ],
)
def test_the_task_is_told_by_the_source_and_no_code_is_run_for_it(model, source, task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt2").touch()
    assert resolved(model, source).task == task


@pytest.mark.parametrize(
    ("task", "source", "full"),
    [
        ("forward", "torch/factory", "transformers/forward"),
        ("forwrad", "torch/file", "transformers/forwrad"),  # which is refused, with what was meant
        ("forward", "transformers/auto", "forward"),
        ("own/forward", "torch/factory", "own/forward"),
        ("forward", "nobody/knows", "forward"),
        ("forward", "torch", "forward"),
    ],
)
def test_a_short_task_of_a_source_without_tasks_is_one_of_transformers(task, source, full):
    assert resolved("model", source, task).task == full


def test_a_source_whose_plugin_has_tasks_means_its_own(tmp_path):
    plugin = tmp_path / "own.py"
    plugin.write_text(
        "from mqa_registry import NoOptions, Task, hookimpl\n"
        "class Words(Task[NoOptions]):\n"
        "    name, schema, fields, metric = 'words', 'label', {'text': 'text'}, 'metrics/f1'\n"
        "    def bind(self, model, options): ...\n"
        "@hookimpl\ndef mqa_tasks():\n    return [Words()]\n"
    )
    options = RunOptions(plugin_files=(plugin,))
    found = resolved("model", "own/known", "words", options)
    assert (found.task, found.schema) == ("words", "label")
    assert resolved("model", "own/known", "wrods", options).task == "wrods"  # which is refused as no task of `own`
    assert resolved("model", "torch/factory", "forward", options).task == "transformers/forward"


def test_a_source_that_tells_nothing_asks_for_the_task(tmp_path):
    plugin = tmp_path / "own.py"
    plugin.write_text(f"{KNOWN}@hookimpl\ndef mqa_models():\n    return [Known()]\n")
    with pytest.raises(UsageError, match="`own/known` does not infer the task of a model") as refused:
        resolved("model", "own/known", options=RunOptions(plugin_files=(plugin,)))
    assert refused.value.hint == "name its task with `--task`"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nobody/knows", "no plugin `nobody` is installed"),
        ("auto", "`auto` names no contribution"),
        ("transformers/atuo", "plugin `transformers` has no model source `atuo`"),
    ],
)
def test_a_source_that_is_not_there_is_one_line(source, message):
    with pytest.raises(UsageError) as refused:
        resolved("model", source)
    assert refused.value.message.startswith(message)


def test_a_folder_without_a_model_is_refused_as_ever(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.json").write_text(json.dumps({}))
    with pytest.raises(Exception, match=r"holds no transformers model: there is no `config.json` in it"):
        resolved("model", "transformers/auto")


def test_a_source_that_fails_on_a_name_is_named(tmp_path):
    plugin = tmp_path / "own.py"
    plugin.write_text(
        f"{KNOWN}Known.recognizes = lambda self, name: name.nothing\n"
        "@hookimpl\ndef mqa_models():\n    return [Known()]\n"
    )
    options = RunOptions(plugin_files=(plugin,))
    with pytest.raises(ContributionError, match="the model source `own/known` crashed: AttributeError"):
        resolve_model("a:b", options, task="own/task", sources=("own/known", "transformers/auto"), tasks="transformers")
