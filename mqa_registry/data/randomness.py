"""Randomness that depends on what it is for and on nothing else."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """A generator for one purpose: equal for equal words, unrelated for any others."""
    words = "\0".join((str(seed), *purpose)).encode("utf-8", "surrogatepass")
    key = int.from_bytes(hashlib.blake2b(words, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))
