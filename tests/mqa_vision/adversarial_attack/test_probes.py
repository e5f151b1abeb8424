"""White-box attacks on a linear model of images, whose accuracy under attack is known, and their transfer to another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import DataError, Model, ModelUnderTest, NotRunError, ProbeContext, RunContext, ViewContext
from mqa_registry.types import Rows
from mqa_transformers.tasks.image_classification import ImageClassification
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from mqa_vision.adversarial_attack.attack import GradientAttackOptions
from mqa_vision.adversarial_attack.pixel_scale import PixelScale
from mqa_vision.adversarial_attack.probes import Adversarial, Transfer
from tests.colours import DEVIATION, MEAN, SIZE, build_processor

LABELS = ("dark", "bright")
LEVELS = (0, 60, 100, 120, 124, 132, 140, 160, 200, 255)  # grey, and a row is bright above the threshold of 128
THRESHOLD = 128


def build_module(threshold=THRESHOLD, sharpness=1.0):
    """A model that is sure of `bright` by how far the mean of all pixels lies above a threshold, of 255."""
    import torch

    class Linear(torch.nn.Module):
        def forward(self, pixel_values):
            mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
            score = sharpness * (255 * (pixel_values * deviation + mean).mean(dim=(1, 2, 3)) - threshold)
            return {"logits": torch.stack([-score, score], dim=1)}

    return Linear().eval()


@pytest.fixture(scope="module")
def make_context(tmp_path_factory):
    """A context of grey images: a view of one model, its reference, and a backend for each."""
    run_context = RunContext(exports=tmp_path_factory.mktemp("exports"))

    def open_runner(module):
        model = Model(digest="", module=lambda: module, processor=build_processor, labels=LABELS)
        task = ImageClassification()
        under_test = ModelUnderTest(model, task, run_context, task.options())
        with TorchBackend().open(under_test, TorchOptions()) as runner:
            return under_test, runner

    def make(module=None, reference=None, targets=None, seed=7):
        images = pa.array([np.full((SIZE, SIZE, 3), level, np.uint8).tolist() for level in LEVELS])
        targets = targets or [LABELS[level > THRESHOLD] for level in LEVELS]
        table = pa.table({"id": [f"row-{level}" for level in LEVELS], "image": images, "target": targets})
        rows = ArrayRows(table, ("image",))
        under_test, runner = open_runner(module or build_module())
        view = ViewContext("torch", rows, opened=lambda: runner)
        other = reference and ViewContext("first", rows, opened=lambda: open_runner(reference)[1])
        return ProbeContext(view, np.random.default_rng(seed), other, under_test)

    return make


class ArrayRows(Rows):
    """Rows whose images are arrays, as perturbed ones are."""

    def examples(self):
        for example in super().examples():
            yield {**example, "image": np.array(example["image"], np.uint8)}


def observed(context, probe=None, **options):
    probe = probe or Adversarial()
    table = probe.observe(context, GradientAttackOptions(**options))
    return table, {name: float(scores.mean()) for name, scores in probe.numbers(table).items()}, probe.evidence(table)


# The scale of pixels.


def test_black_and_white_are_what_the_processor_makes_of_them(make_context):
    scale = PixelScale.measure(make_context().model_under_test.codec, "image")
    np.testing.assert_allclose(scale.black.ravel(), -np.array(MEAN) / DEVIATION, rtol=1e-5)
    np.testing.assert_allclose(scale.white.ravel(), (1 - np.array(MEAN)) / DEVIATION, rtol=1e-5)
    inputs = build_processor()(np.full((SIZE, SIZE, 3), 51, np.uint8), return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(scale.to_pixels(inputs), 0.2, atol=1e-6)
    assert (scale.change(inputs, np.zeros(inputs.shape)) == inputs).all()
    np.testing.assert_allclose(scale.to_pixels(scale.change(inputs, np.full(inputs.shape, 0.1))), 0.3, atol=1e-6)


# Accuracy under attack.


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@pytest.mark.parametrize("epsilon", [0, 6, 20, 40, 90, 255])
def test_a_linear_model_keeps_the_images_that_lie_farther_from_its_threshold_than_epsilon(
    make_context, method, epsilon
):
    table, numbers, _ = observed(make_context(), method=method, epsilon=epsilon / 255)
    kept = {row["id"] for row in table.to_pylist() if row["attacked_label"] == row["target"]}
    assert kept == {f"row-{level}" for level in LEVELS if abs(level - THRESHOLD) > epsilon}
    assert numbers == {
        "value": len(kept) / len(LEVELS),
        "accuracy": 1.0,
        "success_rate": pytest.approx(1 - len(kept) / len(LEVELS)),
    }


@pytest.mark.parametrize("shift", [28.2, 40])  # of the first, other shares for other channels would make 27.8
def test_a_length_spread_over_all_values_moves_each_by_its_share(make_context, shift):
    values = 3 * SIZE * SIZE
    table, _, _ = observed(make_context(), norm="l2", method="fgsm", epsilon=shift / 255 * values**0.5)
    kept = {row["id"] for row in table.to_pylist() if row["attacked_label"] == row["target"]}
    assert kept == {f"row-{level}" for level in LEVELS if abs(level - THRESHOLD) > shift}


def test_a_model_that_is_sure_beyond_the_digits_of_float32_is_attacked_all_the_same(make_context):
    _, numbers, _ = observed(make_context(build_module(sharpness=30.0)), method="fgsm", epsilon=10 / 255)
    assert numbers["value"] == 0.7


def test_rows_that_are_wrong_as_they_are_are_left_alone_and_count_as_wrong(make_context):
    targets = ["bright", "dark"] * 5
    table, numbers, evidence = observed(make_context(targets=targets), epsilon=1.0)
    assert numbers["accuracy"] == 0.4
    assert numbers["value"] == 0.0
    wrong = [row for row in table.to_pylist() if row["label"] != row["target"]]
    assert all(row["label"] == row["attacked_label"] for row in wrong)
    assert evidence.notes == ("the attack changed 4 of 4 right predictions",)
    assert len(evidence.examples) == 4
    assert all(one.reference == one.target != one.prediction for one in evidence.examples)


def test_rows_without_a_target_are_not_drawn(make_context):
    targets = [None, *(LABELS[level > THRESHOLD] for level in LEVELS[1:])]
    table, _, _ = observed(make_context(targets=targets))
    assert sorted(table["id"].to_pylist()) == sorted(f"row-{level}" for level in LEVELS[1:])


def test_the_same_seed_gives_the_same_rows_and_labels(make_context):
    options = {"rows": 4, "epsilon": 10 / 255, "steps": 1}
    one, again, other = (observed(make_context(seed=seed), **options)[0] for seed in (7, 7, 8))
    assert one == again
    assert one["id"] != other["id"]


# Transfer.


def test_what_fools_the_reference_fools_an_equal_candidate(make_context):
    context = make_context(build_module(), reference=build_module())
    _, numbers, evidence = observed(context, Transfer(), epsilon=10 / 255)
    assert numbers == {"value": 1.0, "robust_accuracy": 0.7, "reference_robust_accuracy": 0.7}
    assert evidence.notes == ("of 3 successes on the reference, 3 transferred",)
    assert not evidence.examples


def test_a_candidate_with_another_threshold_resists_what_lies_farther_from_it(make_context):
    context = make_context(build_module(threshold=126), reference=build_module())
    table, numbers, evidence = observed(context, Transfer(), method="fgsm", epsilon=5 / 255)
    # 124 becomes 129 and 132 becomes 127 for both; 132 is still above 126.
    assert numbers == {"value": 0.5, "robust_accuracy": 0.9, "reference_robust_accuracy": 0.8}
    assert evidence.notes == ("of 2 successes on the reference, 1 transferred",)
    assert [one.id for one in evidence.examples] == ["row-132"]
    assert table.num_rows == len(LEVELS)


def test_a_success_on_an_image_that_the_candidate_has_wrong_as_it_is_is_ignored(make_context):
    context = make_context(build_module(threshold=134), reference=build_module())
    _, numbers, evidence = observed(context, Transfer(), method="fgsm", epsilon=5 / 255)
    assert numbers["value"] == 0.0  # of 124, which becomes 129; 132 is dark for the candidate from the start
    assert evidence.notes == ("of 1 success on the reference, 0 transferred",)


def test_the_candidate_is_fed_an_image_that_the_reference_has_wrong_as_it_is(make_context):
    context = make_context(build_module(), reference=build_module(threshold=122))
    _, numbers, _ = observed(context, Transfer(), method="fgsm", epsilon=5 / 255)
    # 124 stays, which attacked would be 129; 120 becomes 125, and 132 becomes 127.
    assert numbers == {"value": 0.0, "robust_accuracy": 0.9, "reference_robust_accuracy": 0.8}


# What cannot be attacked.


def test_a_backend_without_gradients_is_not_attacked_and_the_hint_says_which_is(make_context):
    context = make_context()
    runner = context.view.runner

    class Session:
        facts, budget, run = runner.facts, runner.budget, runner.run

    session = replace(context, view=replace(context.view, backend="onnx", opened=Session))
    with pytest.raises(NotRunError, match="backend `onnx` gives no gradients") as refused:
        observed(session)
    assert "PyTorch does" in refused.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "labels"}, "needs a model that gives an image one label, and `image-classification` gives labels"),
        ({"fields": {"text": "text"}}, "a row of `image-classification` is `text`, and an attack changes rows of one image"),
        (None, "there is no model to attack"),
    ],
)  # fmt: skip
def test_other_models_are_not_run_with_the_reason(make_context, change, message):
    context = make_context()
    for name, value in (change or {}).items():
        setattr(context.model_under_test.task, name, value)
    with pytest.raises(NotRunError, match=message):
        observed(context if change else replace(context, model_under_test=None))


def test_data_without_a_target_are_not_run(make_context):
    with pytest.raises(NotRunError, match="no row has a target"):
        observed(make_context(targets=[None] * len(LEVELS)))


def test_steps_of_an_attack_of_one_step_are_refused():
    with pytest.raises(DataError, match="`fgsm` has one step"):
        GradientAttackOptions(method="fgsm", steps=3)
