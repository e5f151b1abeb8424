"""`transformers/torch`: the model's own module, run as it is, on the device that was asked for."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mqa_registry import DataError, Model, NotRunError, Subject


@pytest.fixture
def opened_runner(backend, subject):
    """A runner for the model in a folder, as a context manager."""
    return lambda folder, **options: backend.function(subject(folder), **options)


def test_the_logits_are_those_of_transformers(bert, backend, subject):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from mqa_transformers.quiet import quiet

    one = subject(bert)
    with quiet():
        module = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    texts = [example["text"] for example in one.task.sample]
    inputs = AutoTokenizer.from_pretrained(bert)(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        wanted = module(**inputs).logits.numpy()
    with backend.function(one) as runner:
        found = runner.run(one.sample())
    assert list(found) == ["logits"]
    np.testing.assert_array_equal(found["logits"], wanted)


def test_running_says_nothing(bert, backend, subject, capfd):
    one = subject(bert)
    with backend.function(one) as runner:
        runner.run(one.sample())
    assert capfd.readouterr() == ("", "")


def test_float32_runs_the_models_own_module_and_no_copy(bert, backend, subject):
    one = subject(bert)
    with backend.function(one) as runner:
        assert runner.module is one.model.module


@pytest.mark.parametrize(
    ("dtype", "array", "tolerance"),
    [("float64", np.float64, 1e-5), ("bfloat16", np.float32, 0.2), ("float16", np.float32, 0.02)],
)
def test_another_precision_runs_on_a_copy(bert, backend, subject, *, dtype, array, tolerance):
    import torch

    one = subject(bert)
    with backend.function(one) as runner:
        whole = runner.run(one.sample())["logits"]
    with backend.function(one, dtype=dtype) as runner:
        found = runner.run(one.sample())["logits"]
        assert {parameter.dtype for parameter in runner.module.parameters()} == {getattr(torch, dtype)}
        assert runner.facts["precision"] == runner.identity["dtype"] == dtype
    assert found.dtype == array
    assert 0 < np.abs(found - whole).max() < tolerance
    assert {parameter.dtype for parameter in one.model.module.parameters()} == {torch.float32}


def test_batches_of_any_shape_agree_with_rows_alone(bert, backend, subject):
    one = subject(bert)
    rows = one.codec.encode([{"text": text} for text in ("", "good", "the movie was bad " * 9)])
    with backend.function(one) as runner:
        together = runner.run(one.codec.collate(rows))["logits"]
        alone = np.concatenate([runner.run(one.codec.collate([row]))["logits"] for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_nan_in_a_weight_is_nan_in_the_logits_and_no_answer(rewrite, backend, subject):
    one = subject(rewrite(lambda weights: weights["classifier.bias"].fill_(math.nan)))
    rows = one.codec.encode(one.task.sample)
    with backend.function(one) as runner:
        answers = one.codec.decode(runner.run(one.codec.collate(rows)), rows)
    assert answers["label"].to_pylist() == [None] * 3


def test_arrays_that_may_not_be_written_are_taken_too(bert, backend, subject):
    one = subject(bert)
    batch = one.sample()
    for values in batch.values():
        values.flags.writeable = False
    with backend.function(one) as runner:
        assert runner.run(batch)["logits"].shape == (3, 2)


def test_a_module_in_training_mode_is_refused_by_name(bert, backend, subject):
    one = subject(bert)
    one.model.module.bert.encoder.layer[1].attention.self.train()
    with pytest.raises(NotRunError, match=r"`bert\.encoder\.layer\.1\.attention\.self\S*` is in training mode"):
        backend.function(one).__enter__()


def test_outputs_without_names_are_refused(bert, task, conditions, backend, opened):
    import torch

    class Bare(torch.nn.Module):
        def forward(self, **inputs):
            return inputs["input_ids"]

    real = opened(bert)
    bare = Model(digest="", module=lambda: Bare().eval(), processor=lambda: real.processor, labels=("a", "b"))
    one = Subject(bare, task, conditions, {})
    with backend.function(one) as runner, pytest.raises(NotRunError, match="outputs need names"):
        runner.run(one.sample())


def test_threads_hold_while_it_runs_and_for_nobody_else(bert, backend, subject, monkeypatch):
    import torch

    one = subject(bert)
    before = torch.get_num_threads()
    forward, seen = one.model.module.forward, []
    monkeypatch.setattr(one.model.module, "forward", lambda **i: seen.append(torch.get_num_threads()) or forward(**i))
    with backend.function(one, threads=1) as runner:
        runner.run(one.sample())
        assert torch.get_num_threads() == before
        assert runner.facts["threads"] == 1
    assert seen == [1]


def test_no_threads_cannot_run(bert, backend, subject):
    for call in (backend.identity, lambda *a, **o: backend.function(*a, **o).__enter__()):
        with pytest.raises(DataError, match="`threads` is 0"):
            call(subject(bert), threads=0)


def test_tensorfloat_stays_off_as_long_as_a_runner_is_open(bert, backend, subject, monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    with backend.function(subject(bert)):
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.backends.cudnn.allow_tf32


def test_where_it_lands_as_asked_its_identity_is_what_was_known_before(bert, backend, subject):
    one = subject(bert)
    with backend.function(one) as runner:
        assert runner.identity == backend.identity(one)
        assert runner.facts["device"] == "cpu"
        assert runner.budget > 0


def test_whatever_changes_answers_changes_the_identity(bert, backend, subject, conditions):
    one = subject(bert)
    other = Subject(one.model, one.task, dataclasses.replace(conditions, device="cuda:1"), {})
    known = [
        backend.identity(one),
        backend.identity(one, dtype="float64"),
        backend.identity(one, threads=1),
        backend.identity(other),
    ]
    assert len({tuple(sorted(each.items())) for each in known}) == len(known)


@pytest.mark.gpu
def test_on_a_gpu_it_agrees_with_the_cpu(bert, backend, subject, conditions):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    one = subject(bert)
    on_gpu = Subject(one.model, one.task, dataclasses.replace(conditions, device="cuda"), {})
    on_cpu = Subject(one.model, one.task, dataclasses.replace(conditions, device="cpu"), {})
    with backend.function(on_gpu) as gpu, backend.function(on_cpu) as cpu:
        np.testing.assert_allclose(gpu.run(one.sample())["logits"], cpu.run(one.sample())["logits"], atol=1e-4)
        assert gpu.identity["device"] == "cuda:0"
        assert next(one.model.module.parameters()).device.type == "cpu"


def test_the_demo_model_answers(demo, backend, subject):
    one = subject(demo)
    rows = one.codec.encode([{"text": "A joy from start to end."}, {"text": "Dull, and far too long."}])
    with backend.function(one) as runner:
        answers = one.codec.decode(runner.run(one.codec.collate(rows)), rows)
    assert answers["label"].to_pylist() == ["positive", "negative"]
