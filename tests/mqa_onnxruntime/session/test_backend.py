"""`onnxruntime/session`: the model's export, or a given file, answers as the model does."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mqa_onnxruntime.execution_providers import CPU, CUDA
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_registry import DataError, NotRunError

BATCHES = [[[5]], [[5, 6]], [[1], [2]], [[1, 2, 3], [4], [5, 6]], [[7] * 99] * 5]


def batch_of(model_under_test, words):
    return model_under_test.codec.collate(model_under_test.codec.encode([{"words": one} for one in words]))


def reference(module, batch):
    import torch

    with torch.inference_mode():
        outputs = module(**{name: torch.tensor(values) for name, values in batch.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def agree(runner, module, model_under_test, words):
    batch = batch_of(model_under_test, words)
    found, expected = runner.run(batch), reference(module, batch)
    assert list(found) == ["logits", "pooled"] == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=1e-5)


@pytest.mark.parametrize("words", BATCHES, ids=lambda words: f"{len(words)}x{max(map(len, words))}")
def test_the_export_agrees_with_the_model_for_any_number_of_rows_and_any_length(
    backend, model_under_test, module, words
):
    with backend.open(model_under_test, SessionOptions()) as runner:
        agree(runner, module, model_under_test, words)


@pytest.mark.parametrize("optimization", ["all", "extended", "basic", "disabled"])
def test_every_level_of_optimization_agrees(backend, model_under_test, module, optimization):
    with backend.open(model_under_test, SessionOptions(optimization=optimization, threads=1)) as runner:
        agree(runner, module, model_under_test, BATCHES[3])
        assert runner.facts.details["optimization"] == runner.identity["optimization"] == optimization
        assert runner.facts.threads == 1


def test_a_given_file_agrees_with_the_model(backend, model_under_test, module, with_data):
    path = with_data()
    with backend.open(model_under_test, SessionOptions(path=path)) as runner:
        agree(runner, module, model_under_test, BATCHES[3])
        assert "exporter" not in runner.facts.details


def test_exporting_and_running_print_nothing(backend, make, tmp_path, capfd):
    model_under_test = make(exports=tmp_path / "exports")
    with backend.open(model_under_test, SessionOptions()) as runner:
        runner.run(model_under_test.sample())
    assert capfd.readouterr() == ("", "")


def test_the_report_says_what_ran_and_on_what(backend, model_under_test, exported):
    with backend.open(model_under_test, SessionOptions()) as runner:
        facts = runner.facts
    assert facts.providers == (CPU,)
    assert (facts.details["exporter"], facts.opset, facts.precision, facts.details["optimization"]) == (
        "transformers",
        20,
        "float32",
        "all",
    )
    assert facts.bytes == sum(file.stat().st_size for file in exported.parent.glob("model.onnx*"))
    assert len(facts.details["sha256"]) == 64


def test_a_session_on_the_requested_provider_has_the_identity_that_was_computed_before(backend, model_under_test):
    identities = backend.identity(model_under_test, SessionOptions())
    with backend.open(model_under_test, SessionOptions()) as runner:
        assert runner.identity == identities
        assert runner.budget > 0


def test_whatever_changes_predictions_changes_the_identity(backend, model_under_test, make, with_data):
    identities = [
        backend.identity(model_under_test, SessionOptions()),
        backend.identity(model_under_test, SessionOptions(opset=18)),
        backend.identity(model_under_test, SessionOptions(optimization="basic")),
        backend.identity(model_under_test, SessionOptions(threads=1)),
        backend.identity(make(device="cuda"), SessionOptions()),
        backend.identity(model_under_test, SessionOptions(providers=[CUDA])) | {"given": "yes"},
        backend.identity(make(digest="sha256:other"), SessionOptions()),
        backend.identity(model_under_test, SessionOptions(path=with_data())),
    ]
    assert len({tuple(sorted(each.items())) for each in identities}) == len(identities)


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data"])
def test_the_identity_of_a_given_file_has_its_digest(backend, model_under_test, with_data, name):
    """Same size, same time stamps, one bit of a weight or of the graph changed."""
    path = with_data()
    before = backend.identity(model_under_test, SessionOptions(path=path))
    file = path.with_name(name)
    content, stat = bytearray(file.read_bytes()), file.stat()
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert backend.identity(model_under_test, SessionOptions(path=path)) != before


def test_the_identity_loads_no_model_library():
    program = """
import sys
from pathlib import Path
import mqa_onnxruntime
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_registry import RunContext, Model, ModelUnderTest, NoOptions, Task

class Bag(Task[NoOptions]):
    name, schema, fields, sample, metric = "bag", "label", {}, ({},), ""
    def bind(self, model, options): raise NotImplementedError

(backend,) = mqa_onnxruntime.mqa_backends()
model = Model(digest="x", module=lambda: 1 / 0, processor=lambda: 1 / 0)
model_under_test = ModelUnderTest(model, Bag(), RunContext(exports=Path("none")))
print(backend.identity(model_under_test, SessionOptions())["export"])
print(*sorted({"torch", "transformers", "onnx", "onnxscript", "onnxruntime"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    digest, libraries = done.stdout.splitlines()
    assert len(digest) == 64
    assert libraries == ""


def test_a_cached_export_loads_no_pytorch(exported, exports, model_under_test):
    program = f"""
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import conftest, mqa_onnxruntime
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_registry import RunContext, Model, ModelUnderTest, NoOptions
(backend,) = mqa_onnxruntime.mqa_backends()
model = Model(digest={model_under_test.model.digest!r}, module=lambda: 1 / 0, processor=lambda: 1 / 0)
model_under_test = ModelUnderTest(model, conftest.Words(), RunContext(exports=Path({str(exports)!r})), NoOptions())
with backend.open(model_under_test, SessionOptions()) as runner:
    print(runner.run(model_under_test.sample())["logits"].shape)
print(*sorted({{"torch", "transformers", "onnxscript"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout == "(3, 2)\n\n"
    assert done.stderr == ""


def test_a_number_of_threads_below_one_is_refused(backend, model_under_test):
    with pytest.raises(DataError, match="`threads` is 0"):
        backend.identity(model_under_test, SessionOptions(threads=0))


def test_a_given_file_is_not_exported_again(backend, model_under_test, tmp_path):
    with pytest.raises(DataError, match="`opset` is for an export"):
        backend.identity(model_under_test, SessionOptions(path=tmp_path / "x.onnx", opset=18))


@pytest.mark.parametrize("content", [b"", b"no model at all"])
def test_a_foreign_file_is_refused_before_the_run(backend, model_under_test, tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not an ONNX file"):
        backend.identity(model_under_test, SessionOptions(path=path))


def test_weights_cut_short_are_refused(backend, model_under_test, with_data):
    path = with_data()
    data = path.with_name("model.onnx.data")
    data.write_bytes(data.read_bytes()[:64])
    with pytest.raises(DataError, match=r"bytes of weights in `model\.onnx\.data`, which has 64") as refused:
        backend.identity(model_under_test, SessionOptions(path=path))
    assert refused.value.hint == "is it whole, and of this export?"


def test_the_command_line_asking_for_the_cpu_means_the_cpu(backend, make):
    model_under_test = make(device="cpu")
    with backend.open(model_under_test, SessionOptions()) as runner:
        assert runner.facts.providers == (CPU,)
    with pytest.raises(NotRunError, match=f"the suite requests `{CUDA}`, and the command line `--device cpu`"):
        backend.open(model_under_test, SessionOptions(providers=[CUDA])).__enter__()


def test_a_file_for_another_task_is_refused(backend, model_under_test, graph):
    from onnx import helper

    path = graph([helper.make_node("Neg", ["pixels"], ["y"])], {"pixels": ["n", 3]})
    with pytest.raises(DataError, match="takes an input `pixels`, which this task does not give"):
        backend.open(model_under_test, SessionOptions(path=path)).__enter__()


@pytest.mark.gpu
def test_on_a_gpu_it_runs_on_cuda_and_agrees(gpu, backend, make, module):
    model_under_test = make(device="cuda")
    with backend.open(model_under_test, SessionOptions()) as runner:
        agree(runner, module, model_under_test, BATCHES[3])
        assert runner.facts.providers[0] == CUDA
        assert runner.identity == backend.identity(model_under_test, SessionOptions())


def test_another_optimisation_level_is_another_runner(backend, model_under_test):
    batch = model_under_test.sample()
    with backend.open(model_under_test, SessionOptions()) as runner:
        for level in ("disabled", "basic", "extended", "all"):
            with runner.variant(optimization=level) as other:
                assert (other.facts.details["optimization"], other.identity["optimization"]) == (level, level)
                assert np.allclose(other.run(batch)["logits"], runner.run(batch)["logits"], atol=1e-5)


def test_a_variant_that_a_file_does_not_have_is_not_run(backend, model_under_test):
    with backend.open(model_under_test, SessionOptions()) as runner:
        with pytest.raises(NotRunError, match="does not run in `float16`"), runner.variant(dtype="float16"):
            pass
        with (
            pytest.raises(NotRunError, match="no optimization level `most`") as refused,
            runner.variant(optimization="most"),
        ):
            pass
        assert refused.value.hint == "it has `disabled`, `basic`, `extended`, `all`"


def test_in_float64_a_file_agrees_with_its_model(backend, model_under_test):
    import torch

    batch = model_under_test.sample()
    with backend.open(model_under_test, SessionOptions()) as runner, runner.variant(dtype="float64") as wide:
        assert wide.facts.precision == wide.identity["dtype"] == "float64"
        given = {name: torch.from_numpy(array) for name, array in batch.items()}
        module = copy.deepcopy(model_under_test.model.module).double()
        with torch.inference_mode():
            exact = module(**given)
        exact = exact if isinstance(exact, dict) else {"logits": exact[0], "pooled": exact[1]}
        found = wide.run(batch)
        # The file's constants, such as the square root of 2, are rounded to float32; its steps are not.
        assert np.abs(found["logits"] - exact["logits"].numpy()).max() < 1e-8
        assert wide.module_names() == runner.module_names()
        (array,) = wide.module_outputs(batch, ["classifier"])["classifier"]
        assert np.array_equal(array, found["logits"])
        with pytest.raises(NotRunError, match="has no other variants"), wide.variant(dtype="float32"):
            pass


def test_module_outputs_are_requested_by_name(backend, model_under_test):
    batch = model_under_test.sample()
    with backend.open(model_under_test, SessionOptions()) as runner:
        modules = runner.module_names()
        assert modules.index("embedding") < modules.index("inner") < modules.index("classifier")
        taken = runner.module_outputs(batch, ["classifier"])
        assert [array.shape for array in taken["classifier"]] == [(3, 2)]
        assert np.allclose(taken["classifier"][0], runner.run(batch)["logits"], atol=1e-6)
        with pytest.raises(NotRunError, match="a module `pooler`"):
            runner.module_outputs(batch, ["pooler"])
