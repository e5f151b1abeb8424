"""Edits of whole words: what is added to a text, before or behind it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mqa_registry import edited
from mqa_robustness.lexicon import read_lines
from mqa_robustness.perturbations.word_edits import extra_handle, extra_sentence, extra_url


def after(perturbation, seed=0, **options):
    return edited("Fine.", perturbation({"text": "Fine."}, np.random.default_rng(seed), **options)["text"])


@pytest.mark.parametrize(("options", "count"), [({}, 1), *(({"severity": number}, number) for number in range(1, 6))])
@pytest.mark.parametrize("seed", range(5))
def test_a_severity_is_the_number_of_sentences_none_of_them_twice(options, count, seed):
    added = [sentence for sentence in read_lines("sentences") if sentence in after(extra_sentence, seed, **options)]
    assert len(added) == count
    assert len(after(extra_sentence, seed, **options)) == len("Fine.") + sum(len(sentence) + 1 for sentence in added)


def test_any_of_the_sentences_may_come():
    made = " ".join(after(extra_sentence, seed, rate=1.0) for seed in range(100))
    assert all(sentence in made for sentence in read_lines("sentences"))


@pytest.mark.parametrize(
    ("perturbation", "pattern"), [(extra_url, r"https://example\.com/\w{6}"), (extra_handle, r"@\w{6}")]
)
def test_a_name_of_six_characters_comes_before_or_behind(perturbation, pattern):
    made = {after(perturbation, seed) for seed in range(40)}
    assert all(re.fullmatch(f"{pattern} Fine\\.|Fine\\. {pattern}", text) for text in made)
    assert len({text.startswith("Fine.") for text in made}) == 2
    assert len(made) == 40
