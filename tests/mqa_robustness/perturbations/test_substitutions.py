from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_robustness.perturbations.substitutions import find_contractible, find_contractions

WORDS = st.sampled_from(
    ["don't", "isn't", "can't", "I'm", "it's", "he'd", "who's", "I", "it", "he", "been", "gone", "?", ".", "'", ","]
)


@settings(deadline=None)  # the first example may load a library
@given(st.lists(WORDS, max_size=8), st.sampled_from([find_contractible, find_contractions]))
def test_no_candidate_overlaps_the_next(words, find):
    text = " ".join(words)
    candidates = find(text)
    assert all(end <= start for (_, end, _), (start, _, _) in pairwise(candidates))
    assert all(new and new.strip() == new for _, _, choices in candidates for new in choices)
