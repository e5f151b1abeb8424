"""What a file calls its inputs and outputs, and the task of the model, as the command line of `mqa parity` has them."""

from __future__ import annotations

import shutil

import onnx
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app


def rename_interface(parity):
    """Other names than the model's, and an input more that is always the same."""

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

    parity.damage(change)


def test_inputs_and_outputs_of_the_file_are_mapped_on_the_command_line(parity):
    rename_interface(parity)
    arguments = ["--input", "input.1=x", "--constant", "rate=1", "--outputs", "y=output"]
    done = parity.run(*arguments)
    assert done.exit_code == 0, done.output
    wrong = parity.run("--input", "input.1=x", "--constant", "rate=1", "--outputs", "other=output")
    assert wrong.exit_code == 1, wrong.output
    assert parity.report()["results"][0]["numbers"]["ratio"]["estimate"] > 100


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ([], "takes an input `input.1`, which this task does not give", 'inputs = { "input.1" = "..." }'),
        (["--input", "input.1"], "`--input input.1` is no pair", "as in `--input ids=input_ids`"),
        (["--input", "input=x"], "`inputs` names `input`", "did you mean `input.1`?"),
        (["--constant", "rate=fast"], "`--constant rate=fast` is no number", "as in `--constant rate=16000`"),
        (["--batch-axis", "rate=-1"], "`--batch-axis rate=-1` is no axis", "axes are counted from 0"),
        (["--outputs", "y="], "`--outputs y=` names no output", "as in"),
    ],
)
def test_a_mapping_without_meaning_is_an_error_with_a_hint(parity, arguments, error, hint):
    rename_interface(parity)
    done = parity.run(*arguments)
    message = " ".join(done.stderr.split())
    assert done.exit_code == 2, done.output
    assert error in message
    assert hint in message


def test_an_output_that_the_model_does_not_have_cannot_be_required(parity):
    rename_interface(parity)
    done = parity.run("--input", "input.1=x", "--constant", "rate=1", "--outputs", "z")
    assert done.exit_code == 2, done.output
    assert done.stderr.endswith("error: the model has no output `z`\nhint: it has `output`\n")


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("inputs", '{ z = "x" }', "input"),
        ("constants", "{ z = 1 }", "input"),
        ("outputs", '{ z = "output" }', "output"),
        ("batch_axis", "{ z = 1 }", "input or output"),
    ],
)
def test_names_that_the_file_does_not_have_are_found_before_a_model_is_loaded(parity, option, value, kind):
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
{option} = {value}
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
    (parity.folder / "suite.toml").write_text(suite.replace(f"{option} = {value}", ""))
    done = CliRunner().invoke(app, ["run", "suite.toml", "--allow-code"])
    assert done.exit_code == 2, done.output
    assert "suite.toml:18:" in done.stderr
    assert "the model has no output `z`" in done.stderr
    assert "^^^" in done.stderr


def test_one_mapping_serves_two_files_of_one_interface(files, parity):
    rename_interface(parity)
    shutil.copy(parity.folder / "model.onnx", parity.folder / "old.onnx")
    done = files("--input", "input.1=x", "--constant", "rate=1", "--outputs", "y=scores")
    assert done.exit_code == 0, done.output


def test_the_inferred_task_is_reported(parity):
    note = "task  transformers/forward, which takes arrays as they are"
    assert note in parity.run().stdout
    assert note not in parity.run("--task", "transformers/forward").stdout


@pytest.mark.parametrize(
    ("task", "code", "message"), [("forward", 0, "PASS"), ("forwrad", 2, "hint: did you mean `transformers/forward`")]
)
def test_a_task_may_be_named_without_its_plugin(parity, task, code, message):
    done = parity.run("--task", task)
    assert (done.exit_code, message in done.output) == (code, True), done.output
