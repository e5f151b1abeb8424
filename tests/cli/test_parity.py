"""`mqa parity`: a file that answers as its model does, and files that do not, from the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_parity.command import refine_criteria
from mqa_parity.suite import Criteria, Pair
from mqa_registry import ResolvedModel
from mqa_registry.cli import app
from mqa_registry.judging import Verdict
from mqa_registry.judging.result import ResultEvidence

ROOT = Path(__file__).parents[2]

CODE = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.norm = torch.nn.LayerNorm(16)
        self.second = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.second(torch.nn.functional.gelu(self.norm(self.first(x))))

def make():
    torch.manual_seed(7)
    return Tiny().eval()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model of one's own, its export, and rows for both."""
    import torch

    folder = tmp_path_factory.mktemp("parity")
    (folder / "ours.py").write_text(CODE)
    names: dict = {}
    exec(CODE, names)  # the module as the command will build it
    batch = {0: torch.export.Dim("rows")}
    given = {"input_names": ["x"], "output_names": ["scores"], "dynamic_shapes": (batch,), "dynamo": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(names["make"](), (torch.randn(5, 8),), folder / "model.onnx", verbose=False, **given)
    rows = np.random.default_rng(7).normal(size=(20, 8)).astype(np.float32)
    np.savez(folder / "rows.npz", x=rows)
    return folder


@pytest.fixture
def parity(made, tmp_path, monkeypatch):
    """`mqa parity ours:make model.onnx` in a copy of that folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(*more, model="ours:make", file="model.onnx"):
        return CliRunner().invoke(app, ["parity", model, file, "--inputs", "rows.npz", "--allow-code", *more])

    return SimpleNamespace(run=run, folder=tmp_path)


def damage(folder, change):
    import onnx

    model = onnx.load(str(folder / "model.onnx"))
    change(model.graph)
    onnx.save(model, str(folder / "model.onnx"))


def test_a_file_that_answers_as_its_model_passes(parity):
    done = parity.run("--json", "told.json")
    assert done.exit_code == 0, done.output
    told = json.loads((parity.folder / "told.json").read_text())
    assert (told["verdict"], told["first_divergence"]) == ("PASS", None)
    assert told["results"][0]["numbers"]["ratio"]["estimate"] < 10


def test_what_a_row_s_company_does_to_it_is_shown_of_both_and_left_to_a_person(parity):
    import onnx

    def change(graph):  # the last row's scores stand in for those of every row
        (last,) = [node for node in graph.node if "scores" in node.output]
        last.output[0] = "own"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "last"))
        graph.node.append(onnx.helper.make_node("Gather", ["own", "last"], ["one"], axis=0))
        graph.node.append(onnx.helper.make_node("Sub", ["own", "own"], ["none"]))
        graph.node.append(onnx.helper.make_node("Add", ["one", "none"], ["scores"]))

    damage(parity.folder, change)
    done = parity.run("--json", "told.json")
    assert done.exit_code == 1, done.output
    results = json.loads((parity.folder / "told.json").read_text())["results"]
    moved = {one["backend"]: one["verdict"] for one in results if one["check"] == "invariance" and not one["critical"]}
    assert moved == {"torch": "PASS", "onnx": "FAIL"}


def test_a_few_rows_of_many_that_are_wrong_are_looked_at(parity):
    """The task decides nothing: all rows are compared, and the file is held on those that part most."""
    import onnx

    rows = np.random.default_rng(7).normal(size=(600, 8)).astype(np.float32)
    rows[[400, 500], 0] = 50
    np.savez(parity.folder / "rows.npz", x=rows)

    def change(graph):  # 0.49 more where the first number is large
        (last,) = [node for node in graph.node if "scores" in node.output]
        last.output[0] = "own"
        for name, value in (("zero", [0]), ("large", 9.0), ("more", 0.49)):
            kind = np.int64 if name == "zero" else np.float32
            graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, kind), name))
        nodes = (
            ("Gather", ["x", "zero"], "first", {"axis": 1}), ("Greater", ["first", "large"], "is_large", {}),
            ("Cast", ["is_large"], "one", {"to": 1}), ("Mul", ["one", "more"], "added", {}),
            ("Add", ["own", "added"], "scores", {}),
        )  # fmt: skip
        graph.node.extend(onnx.helper.make_node(kind, given, [out], **more) for kind, given, out, more in nodes)

    assert parity.run("--json", "told.json").exit_code == 0
    told = json.loads((parity.folder / "told.json").read_text())
    assert [one["message"] for one in told["findings"] if one["subject"] == "rows"] == [
        "80 of 600 rows were looked at, those that part most of 600 among them"
    ]
    damage(parity.folder, change)
    done = parity.run("--force", "--json", "told.json")
    assert done.exit_code == 1, done.output
    (tensors, *_) = json.loads((parity.folder / "told.json").read_text())["results"]
    assert tensors["numbers"]["ratio"]["estimate"] > 1000
    assert sum(one["details"]["error"] > 0.4 for one in tensors["evidence"]["examples"]) == 2


def more(folder, *names):
    """Further outputs of the file: every value of its graph that ends like one of these."""
    import onnx

    def change(graph):
        values = [value for node in graph.node for value in node.output]
        for name in names:
            value = next(one for one in values if one.endswith(name))
            graph.output.append(onnx.helper.make_tensor_value_info(value, 1, None))

    damage(folder, change)


def test_an_output_more_is_a_note_and_no_fault(parity):
    more(parity.folder, "gelu")
    done = parity.run("--json", "told.json")
    assert done.exit_code == 0, done.output
    assert "which the model does not: not compared" in " ".join(done.stdout.split())
    assert json.loads((parity.folder / "told.json").read_text())["results"][0]["evidence"]["details"]["unheld"] == [
        "gelu"
    ]


def test_one_that_nothing_is_held_against_may_not_move_with_the_batch(parity):
    import onnx

    def change(graph):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "last"))
        graph.node.append(onnx.helper.make_node("Gather", ["scores", "last"], ["one"], axis=0))
        graph.node.append(onnx.helper.make_node("Sub", ["scores", "one"], ["apart"]))
        graph.output.append(onnx.helper.make_tensor_value_info("apart", 1, None))

    damage(parity.folder, change)
    done = parity.run("--json", "told.json")
    assert done.exit_code == 1, done.output
    results = json.loads((parity.folder / "told.json").read_text())["results"]
    assert {one["check"]: one["verdict"] for one in results if one["backend"] == "onnx"} == {
        "tensors": "PASS",
        "invariance": "FAIL",
    }
    assert all(one["critical"] for one in results)


def renamed(folder):
    """Other names than the model's, and an input more that is always the same."""
    import onnx

    def change(graph):
        for node in graph.node:
            for values in (node.input, node.output):
                values[:] = [{"x": "input.1", "scores": "own"}.get(name, name) for name in values]
        graph.input[0].name = "input.1"
        graph.input.append(onnx.helper.make_tensor_value_info("rate", 7, []))
        graph.node.append(onnx.helper.make_node("Cast", ["rate"], ["times"], to=1))
        graph.node.append(onnx.helper.make_node("Mul", ["own", "times"], ["y"]))
        graph.node.append(onnx.helper.make_node("Neg", ["own"], ["other"]))
        graph.output[0].name = "y"
        graph.output.append(onnx.helper.make_tensor_value_info("other", 1, None))

    damage(folder, change)


def test_what_a_file_calls_its_inputs_and_outputs_can_be_said(parity):
    renamed(parity.folder)
    said = ["--input", "input.1=x", "--constant", "rate=1", "--outputs", "y=output"]
    done = parity.run(*said)
    assert done.exit_code == 0, done.output
    wrong = parity.run(
        "--input", "input.1=x", "--constant", "rate=1", "--outputs", "other=output", "--json", "told.json"
    )
    assert wrong.exit_code == 1, wrong.output
    assert json.loads((parity.folder / "told.json").read_text())["results"][0]["numbers"]["ratio"]["estimate"] > 100


@pytest.mark.parametrize(
    ("said", "error", "hint"),
    [
        ([], "takes an input `input.1`, which this task does not give", 'inputs = { "input.1" = "..." }'),
        (["--input", "input.1"], "`--input input.1` is no pair", "as in `--input ids=input_ids`"),
        (["--input", "input=x"], "`inputs` names `input`", "did you mean `input.1`?"),
        (["--constant", "rate=fast"], "`--constant rate=fast` is no number", "as in `--constant rate=16000`"),
        (["--batch-axis", "rate=-1"], "`--batch-axis rate=-1` is no axis", "axes are counted from 0"),
        (["--outputs", "y="], "`--outputs y=` names no output", "as in"),
    ],
)
def test_what_is_said_and_has_no_meaning_is_an_error_with_a_hint(parity, said, error, hint):
    renamed(parity.folder)
    done = parity.run(*said)
    told = " ".join(done.stderr.split())
    assert done.exit_code == 2, done.output
    assert error in told
    assert hint in told


def test_an_output_that_the_model_does_not_have_cannot_be_asked_for(parity):
    renamed(parity.folder)
    done = parity.run("--input", "input.1=x", "--constant", "rate=1", "--outputs", "z")
    assert done.exit_code == 2, done.output
    assert done.stderr.endswith("error: the model has no output `z`\nhint: it has `output`\n")


@pytest.mark.parametrize(
    ("option", "said", "kind"),
    [
        ("inputs", '{ z = "x" }', "input"),
        ("constants", "{ z = 1 }", "input"),
        ("outputs", '{ z = "output" }', "output"),
        ("batch_axis", "{ z = 1 }", "input or output"),
    ],
)
def test_names_that_the_file_does_not_have_are_found_before_a_model_is_loaded(parity, option, said, kind):
    suite = f"""
format = 1
name = "names"
[model]
use = "torch/factory"
id = "ours:make"
task = "transformers/forward"
[data.rows]
use = "datasets/arrays"
path = "rows.npz"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
path = "model.onnx"
{option} = {said}
[[check]]
measure = {{ use = "parity/tensors", outputs = ["z"] }}
expect = {{ mismatches = {{ max = 0 }} }}
"""
    (parity.folder / "suite.toml").write_text(suite)
    for command in ("validate", "run"):
        done = CliRunner().invoke(app, [command, "suite.toml", "--allow-code"])
        assert done.exit_code == 2, done.output
        assert "loading" not in done.stderr
        assert f"`{option}` names `z`, and `model.onnx` has no such {kind}" in " ".join(done.stderr.split())
    (parity.folder / "suite.toml").write_text(suite.replace(f"{option} = {said}", ""))
    done = CliRunner().invoke(app, ["run", "suite.toml", "--allow-code"])
    assert done.exit_code == 2, done.output
    assert "suite.toml:18:" in done.stderr
    assert "the model has no output `z`" in done.stderr
    assert "^^^" in done.stderr


def test_a_file_with_another_bias_fails_and_the_module_is_named(parity):
    from onnx import numpy_helper

    def change(graph):
        bias = next(tensor for tensor in graph.initializer if tensor.name == "second.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))

    damage(parity.folder, change)
    done = parity.run("--json", "told.json", "--repro")
    assert done.exit_code == 1, done.output
    found = json.loads((parity.folder / "told.json").read_text())["first_divergence"]
    assert (found["kind"], found["module"], found["class"]) == ("weights", "second", "Linear")
    assert "second" in done.stdout
    script = parity.folder / found["repro"] / "repro.py"
    shown = subprocess.run([sys.executable, "-P", script], capture_output=True, text=True, check=False)
    assert shown.returncode == 1, shown.stderr
    assert "mqa" not in script.read_text().replace("without mqa", "")


def fix_rows(graph, rows):
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_that_takes_a_fixed_number_of_rows_is_held_like_any_other(parity, rows):
    from onnx import numpy_helper

    damage(parity.folder, lambda graph: fix_rows(graph, rows))
    done = parity.run("--json", "told.json")
    assert done.exit_code == 0, done.output
    told = json.loads((parity.folder / "told.json").read_text())
    assert told["environment"]["backends"]["onnx"]["facts"]["fixed_rows"] == rows

    def change(graph):
        bias = next(tensor for tensor in graph.initializer if tensor.name == "second.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))

    damage(parity.folder, change)
    done = parity.run("--json", "told.json", "--repro")
    assert done.exit_code == 1, done.output
    found = json.loads((parity.folder / "told.json").read_text())["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", "second")
    shown = subprocess.run(
        [sys.executable, "-P", Path(found["repro"], "repro.py")], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1, shown.stderr


def test_an_output_too_many_is_a_note(parity):
    from onnx import helper

    damage(parity.folder, lambda graph: graph.output.append(helper.make_tensor_value_info("layer_norm", 1, None)))
    done = parity.run("--json", "told.json")
    assert done.exit_code == 0, done.output
    assert "`layer_norm`" in done.stdout
    report = json.loads((parity.folder / "told.json").read_text())
    assert report["first_divergence"] is None
    assert any("`layer_norm`" in note for note in report["results"][0]["evidence"]["notes"])


def test_a_fixed_tolerance_takes_the_place_of_the_ratio(parity):
    done = parity.run("--tolerance", "1e-3", "1e-3")
    assert done.exit_code == 0, done.output
    assert "outside" in done.stdout


def test_the_verdict_goes_into_the_stamp_beside_the_file(parity):
    from mqa_onnxruntime.graph.onnx_file import read_onnx_file

    stamp = {"sha256": read_onnx_file(parity.folder / "model.onnx").sha256(), "verdict": None}
    beside = parity.folder / "model.mqa.json"
    beside.write_text(json.dumps(stamp))
    done = parity.run()
    assert done.exit_code == 0, done.output
    assert json.loads(beside.read_text())["verdict"]["verdict"] == "PASS"


def test_the_task_that_was_taken_is_told_where_none_was_named(parity):
    told = "task  transformers/forward, which takes arrays as they are"
    assert told in parity.run().stdout
    assert told not in parity.run("--task", "transformers/forward").stdout


@pytest.mark.parametrize(
    ("task", "code", "told"), [("forward", 0, "PASS"), ("forwrad", 2, "hint: did you mean `transformers/forward`?")]
)
def test_a_task_is_named_in_short(parity, task, code, told):
    done = parity.run("--task", task)
    assert (done.exit_code, told in done.output) == (code, True), done.output


def test_a_run_of_it_can_be_judged_again(parity):
    parity.run()
    again = CliRunner().invoke(app, ["judge", "last"])
    assert again.exit_code == 0, again.output


@pytest.fixture
def odd(parity):
    """A copy of the folder, whose name is no UTF-8."""
    if sys.platform == "darwin":
        pytest.skip("its file systems take no such name")
    return shutil.copytree(parity.folder, Path(os.fsdecode(b"f\xff")))


def test_a_run_with_a_name_that_is_no_utf8_is_kept_and_judged_again(parity, odd):
    done = parity.run("--inputs", str(odd / "rows.npz"))
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(app, ["judge", "last"])
    assert again.exit_code == 0, again.output


def test_a_file_with_a_name_that_is_no_utf8_is_not_run_and_says_why(parity, odd):
    done = parity.run(file=str(odd / "model.onnx"))
    assert done.exit_code == 3
    assert "opens no file whose path is not UTF-8" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file": "missing.onnx"}, "there is no file `missing.onnx`"),
        ({"file": "rows.npz"}, "rows.npz"),
        ({"model": "ours:missing"}, "has no function `missing`"),
    ],
)
def test_what_cannot_be_held_against_each_other_is_one_line_and_2(parity, more, reason):
    done = parity.run(**more)
    assert done.exit_code == 2, done.output
    assert reason in done.stderr


@pytest.mark.parametrize("file", [".", "no/such/folder.json", "x" * 300])
def test_a_report_that_cannot_be_written_is_said_before_anything_is_predicted(parity, file):
    done = parity.run("--json", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"`{file}`" in done.stderr
    assert not (parity.folder / ".mqa").exists()


def test_two_kinds_of_rows_are_refused(parity):
    done = parity.run("--data", "rows.csv")
    assert (done.exit_code, "both name rows" in done.stderr) == (2, True)


def test_arrays_are_no_rows_and_the_hint_says_what_takes_them(parity):
    done = CliRunner().invoke(app, ["parity", "ours:make", "model.onnx", "--data", "rows.npz"])
    assert (done.exit_code, "`--inputs rows.npz`" in done.stderr) == (2, True)


def test_code_is_not_run_without_its_flag(parity):
    done = CliRunner().invoke(app, ["parity", "ours:make", "model.onnx", "--inputs", "rows.npz"])
    assert (done.exit_code, "--allow-code" in done.stderr) == (2, True)


# Two files, and no PyTorch


@pytest.fixture
def files(parity):
    """The file as `old.onnx`, and `mqa parity old.onnx model.onnx`."""
    shutil.copy(parity.folder / "model.onnx", parity.folder / "old.onnx")
    return lambda *more: parity.run("--json", "told.json", *more, model="old.onnx")


def scaled(folder, factor):
    import onnx

    def change(graph):
        (weight,) = [one for one in graph.initializer if one.name.startswith("second") and len(one.dims) == 2]
        weight.CopyFrom(
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(factor), weight.name)
        )

    damage(folder, change)


def test_a_file_is_held_against_another_without_pytorch(files, parity):
    done = files()
    assert done.exit_code == 0, done.output
    told = json.loads((parity.folder / "told.json").read_text())
    assert set(told["environment"]["backends"]) == {"reference", "onnx"}
    assert told["results"][0]["numbers"]["ratio"]["estimate"] <= 1


def test_a_wrong_weight_is_placed_in_its_module(files, parity):
    scaled(parity.folder, 1.001)
    done = files()
    assert done.exit_code == 1, done.output
    assert "times as far from float64 as the reference file in float32" in " ".join(done.stdout.split())
    assert json.loads((parity.folder / "told.json").read_text())["first_divergence"]["module"] == "second"


def test_where_the_file_has_no_such_precision_a_tolerance_decides(files, parity):
    from onnxruntime.quantization import quantize_dynamic

    damage(parity.folder, lambda graph: graph.ClearField("value_info"))  # with which the quantizer disagrees
    quantize_dynamic(parity.folder / "model.onnx", parity.folder / "model.onnx")
    done = files()
    assert done.exit_code == 4, done.output
    assert "the reference file has no int8, and so no error to hold the file's against" in " ".join(done.stdout.split())
    assert files("--tolerance", "1", "0").exit_code == 0
    assert files("--tolerance", "1e-6", "0").exit_code == 1


def test_two_files_of_one_interface_are_told_of_it_once(files, parity):
    renamed(parity.folder)
    shutil.copy(parity.folder / "model.onnx", parity.folder / "old.onnx")
    done = files("--input", "input.1=x", "--constant", "rate=1", "--outputs", "y=scores")
    assert done.exit_code == 0, done.output


# A precision that PyTorch has not


def to_int8(folder):
    from mqa_onnxruntime.export.conversion import ExportPrecision, convert

    convert(ExportPrecision("int8-dynamic"), folder / "model.onnx", folder / "int8.onnx")
    (folder / "int8.onnx").replace(folder / "model.onnx")


def test_int8_without_decisions_says_what_would_decide_and_asks_for_no_rows(parity):
    to_int8(parity.folder)
    done = parity.run("--json", "told.json")
    assert done.exit_code == 4, done.output
    shown = " ".join(done.stdout.split())
    assert "PyTorch has no int8" in shown
    assert "`transformers/forward` decides nothing that could flip" in shown
    assert "fix: `--tolerance ATOL RTOL`, or a suite with bounds" in shown
    assert "add rows" not in shown
    told = json.loads((parity.folder / "told.json").read_text())
    assert [(one["level"], one["subject"]) for one in told["findings"]][-1] == ("warning", "precision")
    assert told["results"][0]["note"] == "ratio is undefined, since PyTorch has no int8"


def test_int8_under_a_fixed_tolerance_is_settled(parity):
    to_int8(parity.folder)
    assert parity.run("--tolerance", "1", "0").exit_code == 0
    assert parity.run("--tolerance", "1e-6", "0").exit_code == 1


PAIR = Pair(ResolvedModel("model", "torch/file", "own/task"), Path("model.onnx"), has_decisions=True)
BY_DECISIONS, BY_PREDICTIONS = Criteria(by_decisions=True), Criteria(by_predictions=True)


def criticals(criteria):
    return {one["name"] for one in PAIR.build_suite(criteria)["check"] if one.get("critical", True)}


def test_held_by_its_decisions_a_file_may_not_flip_and_has_no_ratio():
    by_ratio, by_decisions = PAIR.build_suite(Criteria())["check"], PAIR.build_suite(BY_DECISIONS)["check"]
    assert criticals(Criteria()) == {"tensors"}
    assert criticals(BY_DECISIONS) == {"tensors", "flips"}
    assert by_ratio[0]["expect"].keys() == {"mismatches", "ratio"}
    assert by_decisions[0]["expect"].keys() == {"mismatches"}
    assert by_ratio[1]["expect"] == by_decisions[1]["expect"] == {"max": 0.01}


def executed(*verdicts, **evidence):
    """A run of which nothing counts here but the verdicts and the evidence of them."""
    names = ("tensors", "flips")[: len(verdicts)]
    results = [
        SimpleNamespace(check=name, verdict=Verdict(one), evidence=ResultEvidence(**evidence))
        for name, one in zip(names, verdicts, strict=True)
    ]
    environment = {"backends": {"onnx": {"facts": {"precision": "int8"}}}}
    report = SimpleNamespace(results=results, environment=environment)
    return SimpleNamespace(report=report, predictions=lambda backend: None)


@pytest.mark.parametrize(
    ("verdicts", "counts"),
    [
        (("PASS", "ERROR"), True),
        (("PASS", "NOT-RUN"), True),
        (("PASS", "FAIL"), False),  # flips of ties
        (("FAIL", "ERROR"), False),  # it is the difference that is told
        (("PASS",), False),
    ],
)
def test_a_file_that_gives_no_answer_on_some_row_does_not_hold_by_those_that_were_sampled(verdicts, counts):
    assert refine_criteria(PAIR, executed(*verdicts))[0].by_predictions is counts
    assert criticals(BY_PREDICTIONS) == {"tensors", "flips"}
    assert PAIR.build_suite(BY_PREDICTIONS)["check"][0]["expect"].keys() == {"mismatches", "ratio"}


def test_a_file_without_a_ratio_is_held_by_its_decisions_though_it_gives_no_answer_on_some_row():
    refined, remarks = refine_criteria(PAIR, executed("INCONCLUSIVE", "ERROR", never_settles=True))
    assert (refined.by_decisions, refined.by_predictions) == (True, False)
    assert "PyTorch has no int8" in remarks[0].message


def test_a_limit_is_kept(parity):
    parity.run("--limit", "5", "--json", "told.json")
    numbers = json.loads((parity.folder / "told.json").read_text())["results"][0]["numbers"]
    assert numbers["mean"]["rows"] == 5


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    """The demo model in int8, as `mqa export` makes it."""
    folder = tmp_path_factory.mktemp("int8")
    model = str(ROOT / "suites/models/reviews-minilm")
    more = ["--out", folder / "out", "--precision", "int8-dynamic", "--store", folder / "store"]
    done = CliRunner().invoke(app, ["export", model, *map(str, more)])
    assert done.exit_code == 0, done.output

    def hold(file):
        told = folder / "told.json"
        more = ["--data", ROOT / "suites/data/sentiment.parquet", "--limit", 300, "--json", told]
        done = CliRunner().invoke(
            app, ["parity", model, str(folder / file), *map(str, more), "--store", str(folder / "store")]
        )
        return done, json.loads(told.read_text())

    return SimpleNamespace(folder=folder, hold=hold)


def test_int8_is_held_by_its_decisions_and_stamped_with_that_alone(int8):
    done, told = int8.hold("out/model.onnx")
    assert done.exit_code == 1, done.output
    assert "it is held by its mismatches and decisions, at most 1% flips" in " ".join(done.stdout.split())
    judged = {one["check"]: one["verdict"] for one in told["results"] if one["critical"]}
    assert judged == {"tensors": "PASS", "flips": "FAIL"}
    assert told["first_divergence"]["kind"] == "precision"
    stamp = json.loads((int8.folder / "out/model.mqa.json").read_text())
    assert [one["verdict"] for one in stamp["judgements"]] == ["FAIL"]  # what was tried first is not in it


def test_int8_with_a_damaged_weight_fails_and_the_weight_is_named(int8):
    import onnx
    from onnx import numpy_helper

    shutil.copytree(int8.folder / "out", int8.folder / "damaged")
    (int8.folder / "damaged/model.mqa.json").unlink()  # else the file is refused, as it should be
    path = str(int8.folder / "damaged/model.onnx")
    model = onnx.load(path)
    name = next(one.input[1] for one in model.graph.node if one.op_type == "MatMulInteger" and "linear" not in one.name)
    scale = next(one for one in model.graph.initializer if one.name == name.replace("_quantized", "_scale"))
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(3), scale.name))
    onnx.save(model, path)
    done, told = int8.hold("damaged/model.onnx")
    assert done.exit_code == 1, done.output
    found = told["first_divergence"]
    assert (found["kind"], found["class"], found["weight"]) == ("weights", "Linear", f"{name}: weight")
    assert f"`{found['module']}` (Linear): weights" in " ".join(done.stdout.split())


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A tiny classifier of texts with random weights, its export, and 2,000 rows, of which 3 have one word."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch
    import transformers

    from mqa_onnxruntime.export.exporters import export

    monkeypatch.chdir(tmp_path)
    demo = ROOT / "suites/models/reviews-minilm"
    tokenizer = transformers.AutoTokenizer.from_pretrained(demo, model_max_length=512)
    torch.manual_seed(7)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=len(tokenizer), **sizes)
    ).eval()
    for part in (model, tokenizer):
        part.save_pretrained("model")
    batch = {name: array.numpy() for name, array in tokenizer(["a word"] * 3, return_tensors="pt").items()}
    export(model, batch, dict.fromkeys(batch, (0, 1)), tmp_path, None)
    texts = [f"{'dvd' if number in {120, 200, 290} else 'row'} {number}" for number in range(2000)]
    pq.write_table(pa.table({"id": [str(number) for number in range(2000)], "text": texts}), "rows.parquet")
    return tokenizer


def put_behind_the_embedding(kept, nodes):
    """Nodes that read the words' embeddings as `embedded`; what they make as `changed` is read in their place."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load("model.onnx")
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(one), name) for name, one in kept.items())
    reading = (node.op_type == "Gather" and "input_ids" in node.input for node in model.graph.node)
    place = next(place for place, reads in enumerate(reading) if reads)
    value = model.graph.node[place].output[0]
    for node in model.graph.node:
        node.input[:] = ["changed" if name == value else name for name in node.input]
    for offset, node in enumerate(nodes, 1):
        node.input[:] = [value if name == "embedded" else name for name in node.input]
        model.graph.node.insert(place + offset, node)
    onnx.save(model, "model.onnx")


def spoil(number):
    """Let the export make NaN of a word, by nodes behind its embedding."""
    from onnx import helper

    kept = {"word": np.int64(number), "bad": np.float32("nan"), "good": np.float32(0), "last": np.array([-1])}
    made = [
        helper.make_node("Equal", ["input_ids", "word"], ["is_word"], name="comparing"),
        helper.make_node("Where", ["is_word", "bad", "good"], ["either"], name="choosing"),
        helper.make_node("Unsqueeze", ["either", "last"], ["wide"], name="widening"),
        helper.make_node("Add", ["embedded", "wide"], ["changed"], name="spoiling"),
    ]
    put_behind_the_embedding(kept, made)


def fade():
    """Let the export take words from the 129th on for half of what they are."""
    from onnx import helper

    ends = {"start": np.array([0]), "from": np.array([128]), "to": np.array([9999]), "along": np.array([1])}
    made = [
        helper.make_node("Slice", ["embedded", "start", "from", "along"], ["early"], name="beginning"),
        helper.make_node("Slice", ["embedded", "from", "to", "along"], ["late"], name="ending"),
        helper.make_node("Mul", ["late", "half"], ["less"], name="fading"),
        helper.make_node("Concat", ["early", "less"], ["changed"], name="joining", axis=1),
    ]
    put_behind_the_embedding({**ends, "half": np.float32(0.5)}, made)


@pytest.mark.usefixtures("words")
def test_sentences_of_its_own_reach_the_longest_input_that_the_model_takes():
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx"])
    assert done.exit_code == 0, done.output
    assert "30 of 30 rows were looked at, the longest of 512 tokens of the model's 512" in " ".join(done.stdout.split())
    fade()
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx"])
    assert done.exit_code == 1, done.output


def change_weights(number):
    """Another embedding of a word."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load("model.onnx")
    table = next(one for one in model.graph.initializer if one.name.endswith("word_embeddings.weight"))
    weights = numpy_helper.to_array(table).copy()
    weights[number] += np.float32(0.5)
    table.CopyFrom(numpy_helper.from_array(weights, table.name))
    onnx.save(model, "model.onnx")


def test_a_weight_that_no_row_makes_use_of_is_held_too(words):
    change_weights(words.convert_tokens_to_ids("platform") - 1)
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx", "--data", "rows.parquet", "--json", "told.json"])
    assert done.exit_code == 1, done.output
    told = json.loads(Path("told.json").read_text())
    assert told["first_divergence"]["kind"] == "weights"
    assert told["first_divergence"]["module"] == "bert.embeddings.word_embeddings"
    assert "rows differ, by 0.5 at most" in " ".join(done.stdout.split())
    assert "looked at 64 of 2,000 rows, the longest of " in " ".join(done.stdout.split())


def test_a_row_with_another_answer_is_looked_at_though_it_was_not_sampled(words):
    spoil(words.convert_tokens_to_ids("dvd"))
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx", "--data", "rows.parquet", "--json", "told.json"])
    assert done.exit_code == 1, done.output
    told = json.loads(Path("told.json").read_text())
    assert (told["first_divergence"]["kind"], told["first_divergence"]["node"]) == ("exporter", "spoiling")
    assert set(told["results"][0]["measure"]["including"]) == {"120", "200", "290"}
    assert "3 that it answers otherwise were looked at as well" in " ".join(done.stdout.split())


@pytest.mark.usefixtures("words")
def test_columns_of_the_rows_are_mapped_on_the_command_line():
    Path("rows.csv").write_text("review,more\nrow 1,a\nrow 2,b\n")
    command = ["parity", "model", "model.onnx", "--data", "rows.csv"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, "map a column with `--columns text=COLUMN`" in done.stderr) == (2, True)
    done = CliRunner().invoke(app, [*command, "--columns", "pair=more"])
    assert (done.exit_code, "did you mean `text_pair`?" in done.stderr) == (2, True)
    done = CliRunner().invoke(
        app, [*command, "--columns", "text=review", "--columns", "text_pair=more", "--json", "told.json"]
    )
    assert done.exit_code != 2, done.output
    assert json.loads(Path("told.json").read_text())["environment"]["data"]["rows"]["rows"] == 2


FROZEN = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = torch.nn.Linear(8, 16)
        self.out = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.out(self.entry(x).reshape(int(x.shape[0]), int(x.shape[1]), 16).mean(1))

def make():
    torch.manual_seed(7)
    return Net().eval()
"""


def test_frozen_lengths_are_told_of_a_file_that_runs_no_row_and_calls_its_output_as_it_likes(tmp_path, monkeypatch):
    import torch

    (tmp_path / "net.py").write_text(FROZEN)
    names: dict = {}
    exec(FROZEN, names)  # the module as the command will build it
    axes = {"x": {0: "rows", 1: "long"}, "y": {0: "rows"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        torch.onnx.export(
            names["make"](), (torch.randn(2, 12, 8),), tmp_path / "net.onnx", input_names=["x"], output_names=["y"],
            dynamic_axes=axes, dynamo=False, opset_version=17,
        )  # fmt: skip
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(7).normal(size=(6, 9, 8)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["parity", "net:make", "net.onnx", "--inputs", "rows.npz", "--allow-code"])
    assert done.exit_code == 1, done.output
    assert "the file runs only with 2 rows and 12 along axis 1 of `x`" in " ".join(done.stdout.split())
