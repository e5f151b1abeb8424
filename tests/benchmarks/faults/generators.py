"""Every kind of fault there is."""

from __future__ import annotations

from tests.benchmarks.faults import attributes, ends, modules, strays, weights

GENERATORS = {one.kind: one for family in (weights, strays, attributes, ends, modules) for one in family.GENERATORS}
