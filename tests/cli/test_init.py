"""`mqa init`: a model and its data become a suite that runs at once."""

from __future__ import annotations

import os
import pty
import shutil
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from mqa_registry.cli import app
from tests.cli.conftest import Project

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "suites/models/reviews-minilm"
ROWS = pq.read_table(ROOT / "suites/data/sentiment.parquet").take(list(range(0, 4200, 60)))  # 70
ODD = "stars \x1b[31m\"'\n]"  # a column of data that must not become TOML, or act on a terminal


@pytest.fixture
def folder(tmp_path):
    """A folder with the demo model and some rows of its data, under names that the model does not know."""
    return make_folder(tmp_path)


@pytest.fixture(scope="module")
def drafted(tmp_path_factory):
    """Such a folder with the suite that `mqa init` wrote there, and what it said."""
    project = make_folder(tmp_path_factory.mktemp("drafted"))
    return project, project.mqa("init", "my-model", "--data", "test.csv")


@pytest.fixture(scope="module")
def store(tmp_path_factory, demo_export):
    """A store that has the export of the model."""
    return str(demo_export(tmp_path_factory.mktemp("store") / "store"))


def make_folder(tmp_path):
    (tmp_path / "my-model").symlink_to(DEMO)
    labels = ["pos" if label == "positive" else "neg" for label in ROWS["label"].to_pylist()]
    odd = {"reviewText": ROWS["text"], "gold-label": labels, ODD: ["a", "b"] * 35}
    pc.write_csv(pa.table(odd), tmp_path / "test.csv")
    return Project(tmp_path)


def read(project, name="suite.toml"):
    return tomllib.loads((project.folder / name).read_text("utf-8"))


def measures(suite):
    found = [check["measure"] for check in suite["check"]]
    return [one if isinstance(one, str) else one["use"] for one in found]


def write_onnx(path, names=("x",)):
    """A file that doubles what it is given."""
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", 3]) for name in (*names, "y")]
    two = onnx.numpy_helper.from_array(np.array(2, np.float32), "two")
    nodes = [onnx.helper.make_node("Mul", ["x", "two"], ["y"])]
    graph = onnx.helper.make_graph(nodes, "double", value[:-1], value[-1:], [two])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10), path)


def test_a_suite_has_the_task_the_columns_the_labels_both_backends_and_checks_of_every_kind(drafted):
    folder, done = drafted
    assert done.code == 0
    assert done.out.endswith("Run it with `mqa run suite.toml`\n")
    suite = read(folder)
    assert suite["model"] == {
        "use": "transformers/auto",
        "id": "my-model",
        "task": "transformers/text-classification",
    }
    assert suite["data"] == {
        "test": {
            "use": "datasets/file",
            "path": "test.csv",
            "columns": {"text": "reviewText", "target": "gold-label"},
            "labels": {"neg": "negative", "pos": "positive"},
        }
    }
    assert suite["backends"] == {"torch": {"use": "transformers/torch"}, "onnx": {"use": "onnxruntime/session"}}
    assert {"metrics/accuracy", "metrics/f1", "metrics/auroc", "parity/tensors"} <= set(measures(suite))
    perturbed = [check["perturb"] for check in suite["check"] if "perturb" in check]
    assert {"use": "robustness/typos", "rate": 0.1} in perturbed
    assert folder.mqa("validate", "suite.toml").code == 0


def test_its_comments_say_what_a_check_asks_and_what_is_a_guess(drafted):
    folder, _ = drafted
    text = (folder.folder / "suite.toml").read_text("utf-8")
    assert (
        "# BertForSequenceClassification; 20.4 MB of weights; up to 256 tokens; 2 classes: negative, positive" in text
    )
    assert "# Is it right more often than one that always answers `" in text
    assert "# a guess: set it, then take out the next line\ncritical = false" in text
    assert "#   parity/agreement" not in text
    assert "#   `parity/agreement`: it has 70 rows, and it takes 368" in text
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if len(line) > 160]


def test_a_guess_decides_nothing_and_what_every_sound_model_keeps_decides(drafted):
    folder, _ = drafted
    decide = [check for check in read(folder)["check"] if check.get("critical", True)]
    assert measures({"check": decide}) == ["metrics/accuracy", "metrics/f1", "metrics/auroc", "parity/tensors"]
    assert not [check for check in decide if "perturb" in check or "by" in check]


@pytest.mark.usefixtures("exports_here")
def test_after_measure_the_same_rows_pass_and_every_bound_says_when_it_was_measured(folder, store):
    done = folder.mqa("init", "my-model", "--data", "test.csv", "--measure", "--store", store)
    assert done.code == 0, done.err
    text = (folder.folder / "suite.toml").read_text("utf-8")
    suite = read(folder)
    fixed = [one for one in measures(suite) if one.startswith("parity/") and one != "parity/flip-rate"]
    assert text.count("# measured 20") == len(suite["check"]) - len(fixed)
    assert "critical" not in text
    accuracy = next(check for check in suite["check"] if check["measure"] == "metrics/accuracy")
    line = next(line for line in text.splitlines() if f"min = {accuracy['expect']['min']}" in line)
    low = float(line.partition("[")[2].partition(",")[0])
    assert 0 <= low - accuracy["expect"]["min"] < 0.002
    done = folder.run("-q", "--store", store)
    assert (done.code, done.out.split()[0]) == (0, "PASS")


def test_where_a_column_could_be_meant_as_well_the_likeliest_is_taken_and_told(folder):
    texts = ROWS["text"].to_pylist()
    columns = {"body text": texts, "summary": [text[:30] for text in texts], "sentiment": ROWS["label"]}
    pc.write_csv(pa.table(columns), folder.folder / "two.csv")
    done = folder.mqa("init", "my-model", "--data", "two.csv", "--yes")
    assert "`text` is the column `body text`; it could be `summary` as well\n" in done.err
    assert read(folder)["data"]["two"]["columns"] == {"text": "body text", "target": "sentiment"}


def test_on_a_terminal_it_asks_which_column_is_meant(folder):
    texts = ROWS["text"].to_pylist()
    columns = {"body text": texts, "summary": [text[:30] for text in texts], "sentiment": ROWS["label"]}
    pc.write_csv(pa.table(columns), folder.folder / "two.csv")
    seen, code = _on_terminal(folder, ["init", "my-model", "--data", "two.csv"], ["seven", "2"])
    assert "Which column is `text`, the text that the model reads?" in seen
    assert "write a number from 1 to 2" in seen
    assert code == 0
    assert read(folder)["data"]["two"]["columns"] == {"text": "summary", "target": "sentiment"}


def _on_terminal(project, arguments, answers):
    """What a command prints on a terminal where each question gets the next answer, and its exit code."""
    person, terminal = pty.openpty()
    seen = b""

    def answer():
        nonlocal seen
        while b"nothing more" not in seen:
            seen += os.read(person, 4096)
            if seen.endswith(b"[1] ") and answers:
                os.write(person, answers.pop(0).encode() + b"\n")

    reader = threading.Thread(target=answer, daemon=True)
    reader.start()
    with (
        pytest.MonkeyPatch.context() as patch,
        os.fdopen(os.dup(terminal)) as typed,
        os.fdopen(terminal, "w") as printed,
    ):
        patch.chdir(project.folder)
        patch.setattr(sys, "stdin", typed)
        patch.setattr(sys, "stderr", printed)
        with pytest.raises(SystemExit) as end:
            app(arguments)
        printed.write("nothing more")
        printed.flush()
        reader.join()
    os.close(person)
    return seen.decode(), end.value.code


def test_labels_that_match_no_class_are_taken_by_their_order_which_is_said(folder):
    stars = [2 if label == "positive" else 1 for label in ROWS["label"].to_pylist()]
    pq.write_table(pa.table({"text": ROWS["text"], "label": stars}), folder.folder / "stars.parquet")
    done = folder.mqa("init", "my-model", "--data", "stars.parquet")
    assert "note: `1`, `2` taken for `negative`, `positive` by their order\n" in done.err
    assert read(folder)["data"]["stars"]["labels"] == {"1": "negative", "2": "positive"}
    assert "# look at it: `1`, `2` taken for" in (folder.folder / "suite.toml").read_text("utf-8")


@pytest.mark.parametrize("label", ["great", None])
def test_without_targets_it_asks_what_needs_none(folder, label):
    columns = {"text": ROWS["text"]} | ({"label": [f"{label} {row}" for row in range(70)]} if label else {})
    pq.write_table(pa.table(columns), folder.folder / "texts.parquet")
    done = folder.mqa("init", "my-model", "--data", "texts.parquet")
    assert done.code == 0
    assert "note: without targets there is no metric" in done.err
    assert set(measures(read(folder))) == {"parity/flip-rate", "parity/tensors"}
    assert folder.mqa("validate", "suite.toml").code == 0


@pytest.mark.usefixtures("exports_here")
def test_without_data_it_takes_sentences_of_its_own(folder, store):
    assert folder.mqa("init", "my-model").code == 0
    suite = read(folder)
    assert suite["data"] == {"sample": {"use": "datasets/sentences"}}
    assert "parity/tensors" in measures(suite)
    assert folder.run("-q", "--limit", "4", "--store", store).code == 0


def test_a_task_that_decides_nothing_has_its_text_and_is_held_against_its_export(folder):
    done = folder.mqa("init", "my-model", "--task", "forward", "--data", "test.csv")
    assert done.code == 0
    suite = read(folder)
    assert suite["model"]["task"] == "forward"
    assert suite["data"]["test"]["columns"] == {"text": "reviewText"}
    assert measures(suite) == ["parity/tensors"]
    assert folder.mqa("validate", "suite.toml").code == 0


def test_a_given_onnx_file_is_the_second_backend_and_paths_are_those_from_the_suite(folder):
    write_onnx(folder.folder / "model.onnx")
    (folder.folder / "suites").mkdir()
    done = folder.mqa("init", "my-model", "--onnx", "model.onnx", "--data", "test.csv", "--out", "suites/release.toml")
    assert done.code == 0
    suite = read(folder, "suites/release.toml")
    assert suite["model"]["id"] == "../my-model"
    assert suite["data"]["test"]["path"] == "../test.csv"
    assert suite["backends"]["onnx"] == {"use": "onnxruntime/session", "path": "../model.onnx"}
    assert folder.mqa("validate", "suites/release.toml").code == 0


def test_an_onnx_file_alone_is_run_on_its_arrays(folder):
    write_onnx(folder.folder / "model.onnx")
    np.savez(folder.folder / "rows.npz", x=np.random.default_rng(7).normal(size=(20, 3)).astype(np.float32))
    done = folder.mqa("init", "model.onnx", "--data", "rows.npz")
    assert done.code == 0
    assert "note: the task is transformers/forward, as the model's source infers" in done.err
    suite = read(folder)
    assert suite["backends"] == {"onnx": {"use": "onnxruntime/session"}}
    assert measures(suite) == ["parity/invariance"]
    assert folder.run("-q").code == 0


def test_an_onnx_file_is_compared_with_another(folder):
    for name in ("model", "other"):
        write_onnx(folder.folder / f"{name}.onnx")
    np.savez(folder.folder / "rows.npz", x=np.random.default_rng(7).normal(size=(20, 3)).astype(np.float32))
    assert folder.mqa("init", "model.onnx", "--onnx", "other.onnx", "--data", "rows.npz").code == 0
    suite = read(folder)
    assert suite["backends"] == {
        "onnx": {"use": "onnxruntime/session"},
        "onnx-2": {"use": "onnxruntime/session", "path": "other.onnx"},
    }
    assert folder.run("-q").code == 0


@pytest.mark.usefixtures("exports_here")
def test_a_model_of_ones_own_is_compared_with_its_export(folder):
    (folder.folder / "ours.py").write_text(
        "import torch\ndef make():\n    torch.manual_seed(7)\n    return torch.nn.Sequential(torch.nn.Linear(3, 2))\n"
    )
    np.savez(folder.folder / "rows.npz", input=np.random.default_rng(7).normal(size=(20, 3)).astype(np.float32))
    done = folder.mqa("init", "ours:make", "--data", "rows.npz", "--allow-code")
    assert done.code == 0, done.err
    assert read(folder)["model"] == {"use": "torch/factory", "id": "ours:make", "task": "transformers/forward"}
    assert "mqa run suite.toml --allow-code" in (folder.folder / "suite.toml").read_text("utf-8")
    assert folder.run("-q", "--allow-code").code == 0


SUGGESTING = """
from mqa_registry import SuggestedCheck, Suggestion, hookimpl

def suggest(context):
    \"\"\"A check of ours, for models of text.\"\"\"
    yield SuggestedCheck(table={"measure": "metrics/accuracy", "name": "ours", "expect": {"min": 0.1}},
                         about="Is it\\n[check] ours?", bounds="least", order=5)

def fails(context):
    \"\"\"One that does not work at all.\"\"\"
    raise KeyError("nothing")

@hookimpl
def mqa_suggestions():
    yield Suggestion("one", suggest)
    yield Suggestion("two", fails)
"""


def test_a_plugin_brings_its_own_part_and_a_broken_one_costs_only_that(folder):
    (folder.folder / "mine.py").write_text(SUGGESTING)
    done = folder.mqa("init", "my-model", "--data", "test.csv", "--plugin", "mine.py")
    assert done.code == 0
    assert "note: `mine/two`: " in done.err
    assert read(folder)["check"][0] == {"name": "ours", "measure": "metrics/accuracy", "expect": {"min": 0.1}}
    assert "\n# Is it\\n[check] ours?\n[[check]]\n" in (folder.folder / "suite.toml").read_text("utf-8")
    assert "mqa run suite.toml --plugin mine.py" in (folder.folder / "suite.toml").read_text("utf-8")


def test_a_file_that_is_there_is_replaced_on_demand_alone(folder):
    (folder.folder / "suite.toml").write_text("mine")
    done = folder.mqa("init", "my-model")
    hint = "hint: write to another file with `--out`, or replace it with `--force`"
    assert (done.code, done.err) == (2, f"error: `suite.toml` is there already\n{hint}\n")
    assert (folder.folder / "suite.toml").read_text() == "mine"
    assert folder.mqa("init", "my-model", "--force").code == 0
    assert [file.name for file in folder.folder.iterdir() if file.name.endswith(".tmp")] == []


def test_a_folder_that_holds_no_model_is_told_what_was_looked_for(folder):
    (folder.folder / "empty").mkdir()
    done = folder.mqa("init", "empty")
    assert done.code == 2
    assert done.err.startswith("error: `empty` holds no model\nhint: looked for: ")
    assert "a folder with `config.json`" in done.err
    assert "a file that ends in `.onnx`" in done.err
    assert not (folder.folder / "suite.toml").exists()


def test_a_folder_with_models_inside_is_told_their_names(folder):
    (folder.folder / "release").mkdir()
    write_onnx(folder.folder / "release/model.onnx")
    (folder.folder / "release/notes.txt").write_text("none")
    done = folder.mqa("init", "release")
    assert (done.code, done.err) == (
        2, "error: `release` holds no model, but has one in it\nhint: name that: `release/model.onnx`\n"
    )  # fmt: skip
    done = folder.mqa("init", ".")
    assert done.err.endswith("hint: name that: `my-model`\n")


REFUSALS = {
    "broken.parquet": "error: `broken.parquet` cannot be read as parquet",
    "rows.xlsx": "error: the name of `rows.xlsx` does not tell its format",
    "numbers.csv": "error: the data have no column of text that could be the `text` that the model reads",
    "missing.csv": "error: there is no file `missing.csv`",
    "empty.csv": "error: `empty.csv` has no rows",
    "nested.jsonl": "error: the data have no column of text that could be the `text` that the model reads\n"
    "hint: there are `review` of type struct, `label`",
    "latin1.csv": "error: column `text` of the data set `rows` holds 'a café is good' in line 2, which is not UTF-8 text, and text "
    "is needed\nhint: map a column of text by `columns`; save a file of another encoding as UTF-8",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_data_that_cannot_be_used_are_refused(folder, name):
    contents = {"broken.parquet": "PAR1", "rows.xlsx": "a", "numbers.csv": "a,b\n1,2\n", "empty.csv": "text,label\n",
                "nested.jsonl": '{"review": {"text": "good"}, "label": "positive"}\n',
                "latin1.csv": "text,label\na café is good,positive\n"}  # fmt: skip
    if name in contents:
        (folder.folder / name).write_bytes(contents[name].encode("latin-1"))
    done = folder.mqa("init", "my-model", "--data", name)
    assert done.code == 2
    assert done.err.startswith(REFUSALS[name])
    assert done.err.count("\n") <= 2
    assert not (folder.folder / "suite.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["my-model", "--task", "nonsense"], "error: plugin `transformers` has no task `nonsense`\nhint: did you mean"),
        (["my-model", "--source", "no/thing"], "error: no plugin `no` is installed"),
        (["my-model", "--out", "no/suite.toml"], "error: there is no folder to write `no/suite.toml` to"),
        (["my-model", "--out", "suite.txt"], "error: `suite.txt` is no name of a suite"),
        (["my-model", "--onnx", "none.onnx"], "error: there is no file `none.onnx`"),
        (["none.onnx"], "error: there is no file or folder `none.onnx`"),
        (["alone.onnx"], "error: the model has no tokenizer to make its inputs of a text"),
    ],
)
def test_what_cannot_be_is_one_line_with_a_hint(folder, arguments, message):
    write_onnx(folder.folder / "alone.onnx")
    done = folder.mqa("init", *arguments)
    assert done.code == 2
    assert done.err.startswith(message)
    assert not (folder.folder / "suite.toml").exists()


def test_an_onnx_file_beside_a_tokenizer_is_a_classifier_where_one_says_so(folder):
    shutil.copytree(DEMO, folder.folder / "release", ignore=shutil.ignore_patterns("*.safetensors"))
    write_onnx(folder.folder / "release/model.onnx")
    arguments = ["init", "release/model.onnx", "--task", "text-classification", "--data", "test.csv"]
    assert folder.mqa(*arguments).code == 0
    suite = read(folder)
    assert suite["model"]["task"] == "transformers/text-classification"
    assert {"metrics/accuracy", "parity/invariance"} <= set(measures(suite))
