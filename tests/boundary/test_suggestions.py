"""What plugins suggest for a suite is checked: it becomes part of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry import SuggestedBackend, SuggestedCheck
from mqa_registry.boundary import Contributor, check_suggestions, suggest_backend
from mqa_registry.errors import ContributionError
from tests.stand_ins import make_backend

OURS = Contributor("suggestion", "ours/one")
SOUND = {"measure": "metrics/accuracy", "expect": {"min": 0.5}}


def suggest(output):
    """What comes of a backend that suggests this."""
    backend = make_backend("one", lambda model_under_test: None, suggest=lambda model, file: output)
    return suggest_backend("ours/one", backend, None, None)


def check(**given):
    return SuggestedCheck(**({"table": SOUND, "about": "Is it good?"} | given))


def test_sound_suggestions_are_passed_on():
    assert check_suggestions(OURS, iter([check()])) == [check()]
    backend = SuggestedBackend(name="onnx", options={"path": Path("model.onnx"), "threads": 2})
    assert suggest(backend) is backend
    assert suggest(None) is None


def fails():
    yield check()
    raise KeyError("no")


@pytest.mark.parametrize(
    "output",
    [
        None,
        7,
        [SOUND],
        [check(table={"expect": {"min": 0.5}})],
        [check(table=SOUND | {"by": object()})],
        [check(table=SOUND | {"by": None})],
        [check(table={"measure": "metrics/accuracy"})],
        [check(table=SOUND | {7: "x"})],
        [check(bounds="maybe")],
        [check(about=None)],
        [check(order="first")],
        fails(),
    ],
)
def test_what_no_suite_can_have_is_an_error_of_the_plugin(output):
    with pytest.raises(ContributionError, match="ours/one"):
        check_suggestions(OURS, output)


@pytest.mark.parametrize(
    "output",
    [
        "onnx",
        SuggestedBackend(name=7),
        SuggestedBackend(name="x", options=7),
        SuggestedBackend(name="x", options={"y": object()}),
    ],
)
def test_what_is_no_backend_is_an_error_of_the_plugin(output):
    with pytest.raises(ContributionError, match="ours/one"):
        suggest(output)
