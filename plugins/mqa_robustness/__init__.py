"""What happens to text on its way to a model: slips of the keyboard, look-alike letters, lost case and punctuation.

A `rate` is the share of a text's words (or gaps between them) that are changed, of those that can be. Where that is no
whole number, it is rounded up or down by chance, so that it holds on average. For the same generator a higher rate
changes the same places in the same way, and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import Perturbation, hookimpl
from mqa_robustness.lookalikes import homoglyphs
from mqa_robustness.misspelling import typos
from mqa_robustness.plain import strip_punctuation, upper_case
from mqa_robustness.slips import keyboard
from mqa_robustness.spaces import extra_space

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("typos", typos, modality="text")
    yield Perturbation("keyboard", keyboard, modality="text")
    yield Perturbation("upper-case", upper_case, modality="text")
    yield Perturbation("strip-punctuation", strip_punctuation, modality="text")
    yield Perturbation("extra-space", extra_space, modality="text")
    yield Perturbation("homoglyphs", homoglyphs, modality="text")
