"""Sample sentences: each alone, and rows of several up to the longest that a model takes."""

from __future__ import annotations

from collections import Counter

import pytest

from mqa_datasets.sentences import SENTENCES, sample_sentences
from mqa_registry import RunContext


@pytest.fixture
def table(tmp_path):
    return sample_sentences(RunContext(tmp_path))


def test_rows_are_short_and_long_and_every_text_is_distinct(table):
    texts = table.column("text").to_pylist()
    assert texts[: len(SENTENCES)] == list(SENTENCES)
    assert len(set(texts)) == len(texts)
    n_sentences = Counter(sum(text.count(sentence) for sentence in SENTENCES) for text in texts)
    assert n_sentences == {1: 12, 2: 6, 4: 3, 8: 1, 16: 2, 32: 2, 64: 2, 128: 2}


def test_the_longest_rows_exceed_the_limit_of_most_models(table):
    assert max(len(text.split()) for text in table.column("text").to_pylist()) > 1_300


def test_ids_are_unique(table):
    assert len(set(table.column("id").to_pylist())) == len(table)
