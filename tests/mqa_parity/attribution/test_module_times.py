"""The time of a transformer's modules, on PyTorch and on ONNX Runtime: the same names and classes on both."""

from __future__ import annotations

import pytest


@pytest.fixture
def runners(lab, reference, candidate):
    """The same model on both backends."""

    def of(architecture):
        made = lab(architecture)
        return reference(made.module), candidate(made.path)

    return of


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bert", "albert"])
def test_the_modules_of_both_sides_are_the_models(runners, batches, architecture):
    torch, onnx = runners(architecture)
    there, here = torch.time_modules(batches[1], 2), onnx.time_modules(batches[1], 2)
    assert set(here) <= set(there)
    assert len(here) > len(there) / 2
    assert {torch.class_name(name) == onnx.class_name(name) for name in here if name} == {True}


def test_almost_all_kernels_have_a_module(runners, batches):
    _, onnx = runners("bert")
    found = onnx.time_modules(batches[1], 10)
    least = {name: min(seconds) for name, seconds in found.items()}  # a machine at other work makes runs slow, not fast
    assert least[""] < 0.2 * sum(least.values())
    assert any(name.endswith("LayerNorm") for name in found)


def test_attention_takes_longer_than_a_layers_norm_on_both_sides(runners, batches):
    for runner in runners("bert"):
        least = {name: min(seconds) for name, seconds in runner.time_modules(batches[2], 10).items()}
        assert least["bert.encoder.layer.1.attention.self"] > least["bert.encoder.layer.1.output.LayerNorm"]
