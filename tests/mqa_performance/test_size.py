"""The size is that of the files a backend runs, as it tells it."""

from __future__ import annotations

import pytest

from mqa_performance.size import numbers, size
from mqa_registry import NotRunError


def test_it_is_in_megabytes(scene, sleeper):
    assert numbers(size(scene(sleeper(facts={"bytes": 41_112_601})))) == {"value": 41.112601}


def test_a_backend_that_does_not_tell_has_none(scene, sleeper):
    with pytest.raises(NotRunError, match="backend `new` does not say how large its files are"):
        size(scene(sleeper()))
