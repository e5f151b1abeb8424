"""Models that are no transformers': a TorchScript file, an exported program, a function of one's own."""

from __future__ import annotations

import importlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from mqa_torch.model_sources import FactoryOptions, FactorySource, FileOptions, FileSource

import mqa_transformers
from mqa_registry import DataError, ModelUnderTest, RunContext
from mqa_transformers.tasks.forward import ForwardOptions
from mqa_transformers.torch_backend import TorchBackend, TorchOptions

TASKS = {task.name: task for task in mqa_transformers.mqa_tasks()}
ROWS = [{"inputs": {"x": [0.5, -1.0, 2.0]}}, {"inputs": {"x": [1.0, 1.0, 1.0]}}]
CODE = """
import torch

def tiny():
    torch.manual_seed({seed})
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5)).train()

def pair():
    return Pair()

class Pair(torch.nn.Module):
    def forward(self, x):
        return x + 1, x * 2

def nothing():
    return 3

def broken():
    raise ZeroDivisionError("no weights")
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """Writes the module with the functions, beside which the command runs."""
    monkeypatch.chdir(tmp_path)

    def write(seed=7):
        (tmp_path / "ours.py").write_text(CODE.format(seed=seed))
        sys.modules.pop("ours", None)
        importlib.invalidate_caches()

    write()
    yield write
    sys.modules.pop("ours", None)


@pytest.fixture
def context(tmp_path):
    return RunContext(tmp_path / "exports", device="cpu", allow_code=True)


def run_model(model, context, argument="x"):
    model_under_test = ModelUnderTest(model, TASKS["forward"], context, ForwardOptions())
    rows = model_under_test.codec.encode([{"inputs": {argument: row["inputs"]["x"]}} for row in ROWS])
    with TorchBackend().open(model_under_test, TorchOptions()) as runner:
        return runner.run(model_under_test.codec.collate(rows))


def saved(folder):
    """The same small model as TorchScript and as an exported program, and what it answers."""
    import torch

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.first(x).relu()

    torch.manual_seed(7)
    tiny = Tiny().eval()
    x = torch.tensor([row["inputs"]["x"] for row in ROWS])
    script = torch.jit.trace(tiny, x, check_trace=False)
    script.save(str(folder / "tiny.pt"))
    program = torch.export.export(tiny, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(program, folder / "tiny.pt2")
    return tiny(x).detach().numpy()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", ["tiny.pt", "tiny.pt2"])
def test_a_file_predicts_as_the_model_it_was_saved_from(tmp_path, context, name):
    expected = saved(tmp_path)
    model = FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / name))
    outputs = run_model(model, context)
    assert list(outputs) == ["output"]
    np.testing.assert_allclose(outputs["output"], expected, rtol=1e-6)


BROKEN = {"a.pt": "constants.pkl", "a.pt2": "serialized_exported_program.json"}  # what tells the format of an archive


def broken(folder, name, content="nothing of the kind"):
    """A file that says it is a model, and is none."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(f"a/{BROKEN[name]}", content)


def test_the_digest_of_a_file_needs_no_torch(tmp_path, context):
    broken(tmp_path, "a.pt", "one")
    one = FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / "a.pt")).digest
    broken(tmp_path, "a.pt", "two")
    assert FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / "a.pt")).digest != one


@pytest.mark.parametrize("name", ["empty.pt", "text.jit", "half.pt2", "vocab.txt"])
def test_a_file_of_an_unknown_format_is_refused_before_the_flag(tmp_path, context, name):
    (tmp_path / name).write_bytes({"empty.pt": b"", "half.pt2": b"PK\x03\x04"}.get(name, b"some words"))
    with pytest.raises(DataError, match="is a file of no known format") as refusal:
        FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / name))
    assert "torch.jit.save" in refusal.value.hint
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DataError) as refusal:
        FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / name))
    assert refusal.value.hint == f"name the folder that it is in, `{tmp_path}`"


@pytest.mark.parametrize("name", ["a.pt", "a.pt2"])
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_damaged_file_is_refused_in_one_line(tmp_path, context, name):
    broken(tmp_path, name)
    model = FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / name))
    with pytest.raises(DataError, match="cannot be loaded") as refusal:
        _ = model.module
    assert "\n" not in refusal.value.message


@pytest.mark.slow
def test_pytorch_logs_nothing_about_a_damaged_file(tmp_path):
    """In a process of its own, whose PyTorch is not yet imported."""
    broken(tmp_path, "a.pt2")
    program = """
import sys
from pathlib import Path
from mqa_registry import RunContext, DataError
from mqa_torch.model_sources import FileOptions, FileSource
import mqa_transformers

task = next(task for task in mqa_transformers.mqa_tasks() if task.name == "forward")
try:
    FileSource().load(task, RunContext(Path(), allow_code=True), FileOptions(id=Path(sys.argv[1]))).module
except DataError:
    sys.exit(2)
"""
    command = [sys.executable, "-c", program, tmp_path / "a.pt2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")


def test_a_program_may_give_the_outputs_of_transformers(tmp_path):
    """In a process of its own, which has imported nothing of transformers yet."""
    import torch
    from transformers.modeling_outputs import SequenceClassifierOutput

    class Classifier(torch.nn.Module):
        def forward(self, x):
            return SequenceClassifierOutput(logits=x * 2)

    torch.export.save(torch.export.export(Classifier(), (torch.ones(2, 3),)), tmp_path / "a.pt2")
    program = """
import sys
from pathlib import Path
from mqa_registry import RunContext
from mqa_torch.model_sources import FileOptions, FileSource
import mqa_transformers
import torch

task = next(task for task in mqa_transformers.mqa_tasks() if task.name == "forward")
model = FileSource().load(task, RunContext(Path(), allow_code=True), FileOptions(id=Path(sys.argv[1])))
print(model.module(x=torch.ones(2, 3)).logits.sum().item())
"""
    command = [sys.executable, "-c", program, tmp_path / "a.pt2"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "12.0\n"


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_texts_are_refused_since_such_a_model_has_no_tokenizer(tmp_path, context):
    saved(tmp_path)
    model_under_test = ModelUnderTest(
        FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / "tiny.pt")),
        TASKS["forward"],
        context,
        ForwardOptions(),
    )
    with pytest.raises(DataError, match="has no tokenizer to make its inputs of a text") as refusal:
        model_under_test.codec.encode([{"text": "a b"}])
    assert "`--inputs`" in refusal.value.hint


def test_a_missing_file_is_named(tmp_path, context):
    with pytest.raises(DataError, match="there is no file"):
        FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / "a.pt"))


def test_a_function_builds_a_model_that_is_put_into_evaluation_mode(code, context):
    model = FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny"))
    assert not any(part.training for part in model.module.modules())
    assert model.about["mode"] == "evaluation mode, which mqa set: `1` (Dropout) was in training mode"
    assert run_model(model, context, argument="input")["output"].shape == (2, 2)


def test_training_mode_is_no_fact_where_it_changes_nothing(code, context):
    assert "mode" not in FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:pair")).about


def test_outputs_without_names_are_numbered(code, context):
    outputs = run_model(FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:pair")), context)
    assert list(outputs) == ["output.0", "output.1"]


def test_other_weights_have_another_digest(code, context):
    first = FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny")).digest
    assert FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny")).digest == first
    code(seed=8)
    assert FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny")).digest != first


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ours:nothing", "gives a `int`"),
        ("ours:broken", "ZeroDivisionError: no weights"),
        ("ours:missing", "has no function `missing`"),
        ("elsewhere:tiny", "cannot be imported"),
        ("ours", "names no function"),
    ],
)
def test_a_function_that_builds_no_model_is_refused(code, context, name, reason):
    with pytest.raises(DataError, match=reason):
        FactorySource().load(TASKS["forward"], context, FactoryOptions(id=name))


def test_a_module_is_found_in_its_folder_though_another_has_its_name(code, tmp_path, context):
    digests = {}
    for seed in (1, 2):
        folder = tmp_path / f"version {seed}"
        folder.mkdir()
        (folder / "ours.py").write_text(CODE.format(seed=seed))
        options = FactoryOptions(id="ours:tiny", folder=folder)
        digests[seed] = FactorySource().load(TASKS["forward"], context, options).digest
    assert len(set(digests.values())) == 2
    assert (
        FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny")).digest not in digests.values()
    )
    with pytest.raises(DataError, match="there is no folder"):
        FactorySource().load(TASKS["forward"], context, FactoryOptions(id="ours:tiny", folder=tmp_path / "none"))


def test_no_code_is_run_without_the_flag(code, tmp_path):
    (tmp_path / "ours.py").write_text("raise SystemExit('it was run')")
    broken(tmp_path, "a.pt")
    careful = RunContext(tmp_path / "exports")
    for source, options in (
        (FactorySource(), FactoryOptions(id="ours:tiny")),
        (FileSource(), FileOptions(id=tmp_path / "a.pt")),
    ):
        with pytest.raises(DataError, match="is code") as refusal:
            source.load(TASKS["forward"], careful, options)
        assert "--allow-code" in refusal.value.hint


def test_a_task_that_interprets_outputs_is_refused(tmp_path, context):
    broken(tmp_path, "a.pt")
    with pytest.raises(DataError, match="needs more"):
        FileSource().load(TASKS["text-classification"], context, FileOptions(id=tmp_path / "a.pt"))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_format_follows_from_the_content_and_an_unrunnable_file_gets_a_hint(tmp_path, context):
    import torch

    expected = saved(tmp_path)
    (tmp_path / "tiny.pt").rename(tmp_path / "tiny.jit")
    np.testing.assert_allclose(
        run_model(FileSource().load(TASKS["forward"], context, FileOptions(id=tmp_path / "tiny.jit")), context)[
            "output"
        ],
        expected,
        rtol=1e-6,
    )
    torch.save({"weight": torch.ones(2)}, tmp_path / "last.ckpt")
    careful = RunContext(tmp_path / "exports")
    with pytest.raises(DataError, match=r"last\.ckpt` is a file that PyTorch saved .*, and no model") as refusal:
        FileSource().load(TASKS["forward"], careful, FileOptions(id=tmp_path / "last.ckpt"))
    assert "`module:function`" in refusal.value.hint
    with pytest.raises(DataError, match="is a folder"):
        FileSource().load(TASKS["forward"], careful, FileOptions(id=tmp_path))
