"""Randomness: one generator for a purpose, whatever else is drawn."""

from __future__ import annotations

import copy
import hashlib
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.stats.randomness import generator, row_generator

words = st.lists(st.text(max_size=5), min_size=1, max_size=3)


@given(st.integers(0, 2**40), words)
def test_a_generator_is_philox_under_the_digest_of_its_purpose(seed: int, purpose: list[str]) -> None:
    key_text = "\0".join((str(seed), *purpose)).encode("utf-8", "surrogatepass")
    key = int.from_bytes(hashlib.blake2b(key_text, digest_size=16).digest(), "little")
    theirs = np.random.Generator(np.random.Philox(key=key))

    assert np.array_equal(generator(seed, *purpose).integers(2**63, size=9), theirs.integers(2**63, size=9))


def test_what_a_generator_spawns_depends_on_its_purpose_alone() -> None:
    parent = generator(7, "typos", "row 1")
    spawned = [child.random() for child in parent.spawn(2) + parent.spawn(1)]

    assert spawned == [child.random() for child in generator(7, "typos", "row 1").spawn(3)]
    assert len({*spawned, *(child.random() for child in generator(7, "typos", "row 2").spawn(3))}) == 6


def test_a_copy_goes_on_as_its_original() -> None:
    one = generator(7, "typos")
    copies = (copy.deepcopy(one), pickle.loads(pickle.dumps(one)))

    assert {one.random(), *(other.random() for other in copies)} == {generator(7, "typos").random()}


def test_what_is_drawn_for_a_row_depends_on_the_seed_and_its_id_alone() -> None:
    draws = [row_generator(seed, row).random() for seed, row in [(7, "r1"), (7, "r2"), (8, "r1"), (7, "\ud800")]]

    assert len({*draws}) == 4
    assert row_generator(7, "r1").random() == draws[0]
    assert draws[0] == 0.22331369063921613  # kept predictions of attacks rest on it
