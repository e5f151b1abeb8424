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
        given = {"id": [f"r{row}" for row in range(len(texts))], "text": pa.array(texts, pa.string())}
        if targets is not None:
            given["target"] = targets
        return Rows(pa.table(given | columns), ("text",))

    return make


@pytest.fixture(scope="session")
def run_probe():
    """Runs a probe on rows, and on reference rows where it compares: its observations, numbers and evidence."""
    probes = {probe.name: probe for probe in mqa_probes()}

    def run(name, current, reference=None, *, seed=7, **options):
        probe = probes[name]
        view, reference = ViewContext("", current), ViewContext("", reference) if reference is not None else None
        context = ProbeContext(view, np.random.default_rng(seed), reference)
        table = probe.observe(context, probe.options(**options))
        numbers = probe.numbers(table)
        assert list(numbers) == list(probe.outputs)
        return table, numbers, probe.evidence(table)

    return run


@pytest.fixture(scope="session")
def estimate():
    """The estimate of a number that a probe gave: scores by row, one number, or a statistic of counts."""

    def estimate(value):
        if isinstance(value, np.ndarray | float):
            return float(np.nanmean(value))
        bins = value.bins[value.bins >= 0]
        return float(value.compute(np.bincount(bins, minlength=value.n_bins).astype(np.float64)))

    return estimate


HOSTILE_TEXTS = [
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
def hostile_texts():
    return HOSTILE_TEXTS
