"""Views of rows made by hand, and probes called as the host calls them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_data import mqa_probes
from mqa_registry import ProbeContext, ViewContext
from mqa_registry.types import Rows


@pytest.fixture(scope="session")
def rows():
    """Rows of one text each, with targets where they are given."""

    def make(texts, targets=None, **columns):
        given = {"id": [f"r{place}" for place in range(len(texts))], "text": pa.array(texts, pa.string())}
        if targets is not None:
            given["target"] = targets
        return Rows(pa.table(given | columns), ("text",))

    return make


@pytest.fixture(scope="session")
def ask_probe():
    """The observations of a probe on some rows, the numbers it makes of them, and the evidence."""
    probes = {probe.name: probe for probe in mqa_probes()}

    def ask(name, here, there=None, *, seed=7, **options):
        probe = probes[name]
        view, reference = ViewContext("", here), ViewContext("", there) if there is not None else None
        context = ProbeContext(view, np.random.default_rng(seed), reference)
        table = probe.observe(context, probe.options(**options))
        numbers = probe.numbers(table)
        assert list(numbers) == list(probe.outputs)
        return table, numbers, probe.evidence(table)

    return ask


@pytest.fixture(scope="session")
def number():
    """A number on the rows at hand, whatever form it has."""

    def of(answer):
        if isinstance(answer, np.ndarray | float):
            return float(np.nanmean(answer))
        bins = answer.bins[answer.bins >= 0]
        return float(answer.compute(np.bincount(bins, minlength=answer.n_bins).astype(np.float64)))

    return of


HOSTILE = [
    "",
    " \n",
    "你好世界。",
    "שלום עולם",
    "😀😀",
    "a\u0000b",
    "\u202eabc",
    "<b>[red]x[/red]</b>",
    "!!!",
    "é" * 5000,
]


@pytest.fixture(scope="session")
def hostile():
    return HOSTILE
