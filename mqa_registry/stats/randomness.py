"""Random streams that depend on a seed and on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence

if TYPE_CHECKING:
    import numpy.typing as npt

KEY_BYTES = 16  # of Philox


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """A generator for one purpose: equal for equal words, unrelated for any others, and so are those it spawns."""
    words = "\0".join((str(seed), *purpose)).encode("utf-8", "surrogatepass")
    key = _Key(hashlib.blake2b(words, digest_size=KEY_BYTES).digest())
    return np.random.Generator(np.random.Philox(key))  # type: ignore[arg-type]  # numpy's stubs know no other seeds


def row_generator(seed: int, row_id: str) -> np.random.Generator:
    """The generator of what is drawn for one row, which does not depend on other rows."""
    digest = hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


class _Key(ISpawnableSeedSequence):
    """A key of Philox as it is: one is made for every row, and numpy's own way to give a key draws entropy besides."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._family: np.random.SeedSequence | None = None

    def generate_state(self, n_words: int, dtype: npt.DTypeLike = np.uint32) -> npt.NDArray[Any]:
        """The first words of the key; Philox asks for all of it."""
        return np.frombuffer(self._key, dtype, n_words)

    def spawn(self, n_children: int) -> list[np.random.SeedSequence]:  # type: ignore[override]  # they spawn, too
        """Seeds of further generators, which depend on the key alone."""
        if self._family is None:
            self._family = np.random.SeedSequence(int.from_bytes(self._key, "little"))
        return self._family.spawn(n_children)
