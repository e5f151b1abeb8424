"""`transformers/torch`: the model's own module, run as it is, on the device that was asked for."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mqa_registry import DataError, Model, ModelUnderTest, NotRunError
from mqa_transformers.tasks.text_classification import TextClassificationOptions
from mqa_transformers.torch_backend import TorchOptions


@pytest.fixture
def opened_runner(backend, make_model_under_test):
    """A runner for the model in a folder, as a context manager."""
    return lambda folder, **options: backend.open(make_model_under_test(folder), TorchOptions(**options))


def test_the_logits_are_those_of_transformers(bert, backend, make_model_under_test):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from mqa_transformers.loading import silence_transformers

    model_under_test = make_model_under_test(bert)
    with silence_transformers():
        module = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    texts = [example["text"] for example in model_under_test.task.sample]
    inputs = AutoTokenizer.from_pretrained(bert)(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        expected = module(**inputs).logits.numpy()
    with backend.open(model_under_test, TorchOptions()) as runner:
        actual = runner.run(model_under_test.sample())
    assert list(actual) == ["logits"]
    np.testing.assert_array_equal(actual["logits"], expected)


def test_running_prints_nothing(bert, backend, make_model_under_test, capfd):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        runner.run(model_under_test.sample())
    assert capfd.readouterr() == ("", "")


def test_float32_runs_the_original_module(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        assert runner.module is model_under_test.model.module


@pytest.mark.parametrize(
    ("dtype", "array", "tolerance"),
    [("float64", np.float64, 1e-5), ("bfloat16", np.float32, 0.2), ("float16", np.float32, 0.02)],
)
def test_another_precision_does_not_change_the_original(
    bert, backend, make_model_under_test, *, dtype, array, tolerance
):
    import torch

    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        full = runner.run(model_under_test.sample())["logits"]
    with backend.open(model_under_test, TorchOptions(dtype=dtype)) as runner:
        actual = runner.run(model_under_test.sample())["logits"]
        assert runner.module is not model_under_test.model.module
        assert runner.facts.precision == runner.identity["dtype"] == dtype
    assert actual.dtype == array
    assert 0 < np.abs(actual - full).max() < tolerance
    assert {parameter.dtype for parameter in model_under_test.model.module.parameters()} == {torch.float32}


def test_a_variant_agrees_with_a_backend_of_that_precision(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    for dtype in ("float64", "float16", "bfloat16"):
        with backend.open(model_under_test, TorchOptions()) as runner, runner.variant(dtype=dtype) as variant:
            actual = variant.run(model_under_test.sample())["logits"]
            identity, facts = variant.identity, variant.facts
        with backend.open(model_under_test, TorchOptions(dtype=dtype)) as runner:
            np.testing.assert_array_equal(actual, runner.run(model_under_test.sample())["logits"])
            assert (identity, facts) == (runner.identity, runner.facts)


def test_a_variant_of_a_variant_starts_from_the_models_own_weights(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        full = runner.run(model_under_test.sample())["logits"]
    with (
        backend.open(model_under_test, TorchOptions(dtype="bfloat16")) as runner,
        runner.variant(dtype="float32") as variant,
    ):
        np.testing.assert_array_equal(variant.run(model_under_test.sample())["logits"], full)


def test_float64_is_more_exact_than_float32_and_does_not_change_it(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        before = runner.run(model_under_test.sample())["logits"]
        with runner.variant(dtype="float64") as variant:
            exact = variant.run(model_under_test.sample())["logits"]
        after = runner.run(model_under_test.sample())["logits"]
    assert exact.dtype == np.float64
    assert 0 < np.abs(before - exact).max() < 1e-5
    np.testing.assert_array_equal(before, after)


def test_a_variant_may_have_other_threads(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner, runner.variant(threads=3) as variant:
        assert (variant.threads, variant.facts.threads, variant.identity["threads"]) == (3, 3, "3")
        assert variant.module is runner.module
        np.testing.assert_allclose(
            variant.run(model_under_test.sample())["logits"], runner.run(model_under_test.sample())["logits"], atol=1e-5
        )


def test_an_unknown_variant_is_refused(bert, backend, make_model_under_test):
    with backend.open(make_model_under_test(bert), TorchOptions()) as runner:
        with pytest.raises(NotRunError, match="does not run this model in `int8`"):
            runner.variant(dtype="int8").__enter__()
        with pytest.raises(NotRunError, match="no optimization level `basic`"):
            runner.variant(optimization="basic").__enter__()


def test_modules_are_named_in_the_order_in_which_they_finish(bert, backend, make_model_under_test):
    with backend.open(make_model_under_test(bert), TorchOptions()) as runner:
        names = runner.module_names()
    assert names[0] == "bert.embeddings.word_embeddings"
    assert names[-1] == "classifier"
    assert names.index("bert.encoder.layer.0.output.dense") < names.index("bert.encoder.layer.0.output")
    assert names.index("bert.encoder.layer.0") < names.index("bert.encoder.layer.1.attention.self.query")
    assert len(names) == len(set(names))


def test_module_outputs_are_those_of_forward_hooks(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        names = runner.module_names()
        found = runner.module_outputs(model_under_test.sample(), names)
        logits = runner.run(model_under_test.sample())["logits"]
        assert list(found) == list(names)
        assert list(runner.module_outputs(model_under_test.sample(), names[::-1])) == list(names)
        assert runner.module_outputs(model_under_test.sample(), ["bert"]).keys() == {"bert"}
        assert {len(calls) for calls in found.values()} == {1}
        np.testing.assert_array_equal(found["classifier"][0], logits)
        assert found["bert.encoder.layer.0"][0].shape == (*model_under_test.sample()["input_ids"].shape, 32)
        with runner.variant(dtype="float64") as exact:
            assert {calls[0].dtype for calls in exact.module_outputs(model_under_test.sample(), names).values()} == {
                np.dtype(np.float64)
            }
        assert not any(module._forward_hooks for module in runner.module.modules())


def test_a_module_that_runs_twice_has_two_outputs(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    layers = model_under_test.model.module.bert.encoder.layer
    layers[1] = layers[0]
    with backend.open(model_under_test, TorchOptions()) as runner:
        calls = runner.module_outputs(model_under_test.sample(), ["bert.encoder.layer.0"])["bert.encoder.layer.0"]
    assert len(calls) == 2
    assert np.abs(calls[0] - calls[1]).max() > 0


def test_a_recorded_output_is_not_changed_by_later_modules(task, context, backend, opened, bert):
    import torch

    class InPlace(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Identity()

        def forward(self, **inputs):
            return {"logits": self.first(inputs["input_ids"].float()).mul_(0)}

    real = opened(bert)
    model = Model(digest="", module=lambda: InPlace().eval(), processor=lambda: real.processor, labels=("a", "b"))
    model_under_test = ModelUnderTest(model, task, context, TextClassificationOptions())
    with backend.open(model_under_test, TorchOptions()) as runner:
        assert runner.module_outputs(model_under_test.sample(), ["first"])["first"][0].max() > 0


def test_an_unknown_module_is_refused_and_no_hook_remains(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        with pytest.raises(NotRunError, match=r"no module `bert\.head`"):
            runner.module_outputs(model_under_test.sample(), ["classifier", "bert.head"])
        assert not runner.module.classifier._forward_hooks


def test_batches_of_any_shape_agree_with_rows_alone(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    rows = model_under_test.codec.encode([{"text": text} for text in ("", "good", "the movie was bad " * 9)])
    with backend.open(model_under_test, TorchOptions()) as runner:
        together = runner.run(model_under_test.codec.collate(rows))["logits"]
        alone = np.concatenate([runner.run(model_under_test.codec.collate([row]))["logits"] for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_nan_in_a_weight_is_nan_in_the_logits_and_no_prediction(rewrite, backend, make_model_under_test):
    model_under_test = make_model_under_test(rewrite(lambda weights: weights["classifier.bias"].fill_(math.nan)))
    rows = model_under_test.codec.encode(model_under_test.task.sample)
    with backend.open(model_under_test, TorchOptions()) as runner:
        answers = model_under_test.codec.decode(runner.run(model_under_test.codec.collate(rows)), rows)
    assert answers["label"].to_pylist() == [None] * 3


def test_read_only_arrays_are_accepted(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    batch = model_under_test.sample()
    for values in batch.values():
        values.flags.writeable = False
    with backend.open(model_under_test, TorchOptions()) as runner:
        assert runner.run(batch)["logits"].shape == (3, 2)


def test_a_module_in_training_mode_is_refused_by_name(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    model_under_test.model.module.bert.encoder.layer[1].attention.self.train()
    with pytest.raises(NotRunError, match=r"`bert\.encoder\.layer\.1\.attention\.self\S*` is in training mode"):
        backend.open(model_under_test, TorchOptions()).__enter__()


@pytest.mark.parametrize("given", ["tensor", "pair"])
def test_outputs_without_names_are_numbered(bert, task, context, backend, opened, *, given):
    import torch

    class Bare(torch.nn.Module):
        def forward(self, **inputs):
            ids = inputs["input_ids"]
            return ids if given == "tensor" else (ids, ids + 1)

    real = opened(bert)
    bare = Model(digest="", module=lambda: Bare().eval(), processor=lambda: real.processor, labels=("a", "b"))
    model_under_test = ModelUnderTest(bare, task, context, TextClassificationOptions())
    with backend.open(model_under_test, TorchOptions()) as runner:
        names = list(runner.run(model_under_test.sample()))
    assert names == (["output"] if given == "tensor" else ["output.0", "output.1"])


@pytest.mark.parametrize("names", [True, False])
def test_the_gradient_of_a_linear_model_has_the_direction_of_that_of_the_cross_entropy(
    bert, task, context, backend, opened, *, names
):
    import torch

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(5, 3)

        def forward(self, values):
            logits = self.layer(values)
            return {"logits": logits} if names else logits

    real, module = opened(bert), Linear().eval()
    model = Model(digest="", module=lambda: module, processor=lambda: real.processor, labels=("a", "b", "c"))
    values = np.random.default_rng(7).normal(size=(3, 5)).astype(np.float32)
    classes = np.array([0, 1, 2])
    with backend.open(ModelUnderTest(model, task, context, TextClassificationOptions()), TorchOptions()) as runner:
        runner.run({"values": values})  # in inference mode, which leaves nothing behind
        gradient = runner.loss_gradient({"values": values}, "values", classes)
    weight, bias = (tensor.detach().numpy() for tensor in (module.layer.weight, module.layer.bias))
    scores, is_class = np.exp(values @ weight.T + bias), np.eye(3)[classes]
    shares = scores / scores.sum(axis=1, keepdims=True)
    cross_entropy = (shares - is_class) @ weight  # its gradient, which has this direction
    np.testing.assert_allclose(gradient, cross_entropy / (1 - shares[is_class == 1])[:, None], atol=1e-6)
    assert module.layer.weight.grad is None


def test_a_model_that_its_input_has_no_gradient_in_is_refused(bert, task, context, backend, opened):
    import torch

    class Rounded(torch.nn.Module):
        def forward(self, values):
            return values.round().int().float()

    real = opened(bert)
    model = Model(digest="", module=lambda: Rounded().eval(), processor=lambda: real.processor, labels=("a", "b"))
    under_test = ModelUnderTest(model, task, context, TextClassificationOptions())
    with (
        backend.open(under_test, TorchOptions()) as runner,
        pytest.raises(NotRunError, match="PyTorch has no gradient of this model"),
    ):
        runner.loss_gradient({"values": np.ones((1, 2), np.float32)}, "values", np.array([0]))


def test_the_number_of_threads_is_restored_after_a_run(bert, backend, make_model_under_test, monkeypatch):
    import torch

    model_under_test = make_model_under_test(bert)
    before = torch.get_num_threads()
    forward, seen = model_under_test.model.module.forward, []
    monkeypatch.setattr(
        model_under_test.model.module, "forward", lambda **i: seen.append(torch.get_num_threads()) or forward(**i)
    )
    with backend.open(model_under_test, TorchOptions(threads=1)) as runner:
        runner.run(model_under_test.sample())
        assert torch.get_num_threads() == before
        assert runner.facts.threads == 1
    assert seen == [1]


def test_zero_threads_are_refused(bert, backend, make_model_under_test):
    for call in (backend.identity, lambda *arguments: backend.open(*arguments).__enter__()):
        with pytest.raises(DataError, match="`threads` is 0"):
            call(make_model_under_test(bert), TorchOptions(threads=0))


def test_more_threads_than_any_machine_has_cores_are_refused(bert, backend, make_model_under_test):
    for call in (backend.identity, lambda *arguments: backend.open(*arguments).__enter__()):
        with pytest.raises(DataError, match="`threads` is 100,000"):
            call(make_model_under_test(bert), TorchOptions(threads=100_000))


def test_tensorfloat_is_off_during_a_run_and_restored_afterwards(bert, backend, make_model_under_test, monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    model_under_test, seen = make_model_under_test(bert), []

    def look(module, given):
        seen.append((torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()))

    with backend.open(model_under_test, TorchOptions()) as runner:
        hook = model_under_test.model.module.register_forward_pre_hook(look)
        runner.run(model_under_test.sample())
        hook.remove()
    assert seen == [(False, "highest")]
    assert torch.backends.cudnn.allow_tf32


def test_tensorfloat_changes_the_identity_only_on_a_gpu(bert, backend, make_model_under_test, context):
    model_under_test = make_model_under_test(bert)
    on_cpu, on_gpu = (
        ModelUnderTest(
            model_under_test.model,
            model_under_test.task,
            dataclasses.replace(context, device=device),
            TextClassificationOptions(),
        )
        for device in ("cpu", "cuda")
    )
    with backend.open(on_cpu, TorchOptions(tf32=True)) as runner:
        assert runner.facts.tf32 is False
        assert runner.identity == backend.identity(on_cpu, TorchOptions())
    assert backend.identity(on_gpu, TorchOptions(tf32=True)) == backend.identity(on_gpu, TorchOptions()) | {
        "tf32": "on"
    }


@pytest.mark.gpu
def test_on_a_gpu_the_facts_say_whether_tensorfloat_is_allowed(gpu, bert, backend, on):
    for tf32 in (False, True):
        with backend.open(on("cuda"), TorchOptions(tf32=tf32)) as runner:
            assert runner.facts.tf32 is tf32


@pytest.fixture
def on(bert, make_model_under_test, context):
    """The model as a model under test for a device."""
    model_under_test = make_model_under_test(bert)
    return lambda device: ModelUnderTest(
        model_under_test.model,
        model_under_test.task,
        dataclasses.replace(context, device=device),
        TextClassificationOptions(),
    )


def test_loading_does_not_change_the_identity(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        assert runner.identity == backend.identity(model_under_test, TorchOptions())
        assert runner.facts.device == "cpu"
        assert runner.budget > 0


def test_whatever_changes_predictions_changes_the_identity(bert, backend, make_model_under_test, context):
    model_under_test = make_model_under_test(bert)
    other = ModelUnderTest(
        model_under_test.model, model_under_test.task, dataclasses.replace(context, device="cuda:1"), {}
    )
    identities = [
        backend.identity(model_under_test, TorchOptions()),
        backend.identity(model_under_test, TorchOptions(dtype="float64")),
        backend.identity(model_under_test, TorchOptions(threads=1)),
        backend.identity(other, TorchOptions()),
    ]
    assert len({tuple(sorted(each.items())) for each in identities}) == len(identities)


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-4), ("float16", 0.05), ("bfloat16", 0.4)])
def test_on_a_gpu_it_agrees_with_the_cpu(gpu, backend, on, dtype, atol):
    there, here = on("cuda"), on("cpu")
    with backend.open(there, TorchOptions(dtype=dtype)) as runner, backend.open(here, TorchOptions()) as reference:
        expected = reference.run(here.sample())["logits"]
        np.testing.assert_allclose(runner.run(there.sample())["logits"], expected, atol=atol)
        assert (runner.identity["device"], runner.facts.precision) == ("cuda:0", dtype)
        assert next(there.model.module.parameters()).device.type == "cpu"


@pytest.mark.gpu
def test_on_a_gpu_outputs_are_complete_when_the_run_returns(gpu, backend, on):
    import torch

    model_under_test = on("cuda")
    with backend.open(model_under_test, TorchOptions()) as runner:
        runner.run(model_under_test.sample())
        assert torch.cuda.current_stream().query()  # nothing is left to do, so that a run's time is that of its work
        found = runner.time_modules(model_under_test.sample(), 3)
    assert min(found["bert.encoder.layer.0.attention.self.query"]) > 0


@pytest.mark.gpu
def test_on_a_gpu_float64_is_the_same_as_on_a_cpu_to_its_last_digits(gpu, backend, on):
    exact = {}
    for device in ("cpu", "cuda"):
        there = on(device)
        with backend.open(there, TorchOptions()) as runner, runner.variant(dtype="float64") as variant:
            exact[device] = variant.run(there.sample())["logits"]
            assert variant.module_outputs(there.sample(), ["classifier"])["classifier"][0].dtype == np.float64
    np.testing.assert_allclose(exact["cuda"], exact["cpu"], rtol=1e-11, atol=1e-12)


def test_the_demo_model_predicts(demo, backend, make_model_under_test):
    model_under_test = make_model_under_test(demo)
    rows = model_under_test.codec.encode([{"text": "A joy from start to end."}, {"text": "Dull, and far too long."}])
    with backend.open(model_under_test, TorchOptions()) as runner:
        answers = model_under_test.codec.decode(runner.run(model_under_test.codec.collate(rows)), rows)
    assert answers["label"].to_pylist() == ["positive", "negative"]


def test_module_inputs_and_outputs_are_those_of_the_same_run(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner:
        names = ["bert.embeddings.LayerNorm", "bert.encoder.layer.0", "classifier"]
        given, gave = runner.module_inputs_and_outputs(model_under_test.sample(), names)
        assert {name: len(calls) for name, calls in given.items()} == dict.fromkeys(names, 1)
        np.testing.assert_array_equal(given["bert.encoder.layer.0"][0][0], gave["bert.embeddings.LayerNorm"][0][0])
        np.testing.assert_array_equal(
            gave["classifier"][0][0], runner.module_outputs(model_under_test.sample(), names)["classifier"][0]
        )
        assert not any(module._forward_pre_hooks for module in runner.module.modules())


def test_parameters_are_those_of_the_model_in_whatever_precision_it_runs(bert, backend, make_model_under_test):
    model_under_test = make_model_under_test(bert)
    with backend.open(model_under_test, TorchOptions()) as runner, runner.variant(dtype="float16") as half:
        shown = half.weights("classifier")
        assert {name: array.dtype for name, array in shown.items()} == dict.fromkeys(("weight", "bias"), np.float32)
        np.testing.assert_array_equal(shown["weight"], model_under_test.model.module.classifier.weight.detach().numpy())
        assert half.class_name("classifier") == "Linear"
        with pytest.raises(NotRunError, match="no module `pooler`"):
            runner.weights("pooler")
