"""Confidences and shares of rows that intervals are tried on."""

from __future__ import annotations

from hypothesis import strategies as st

CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999])
SHARES = st.integers(1, 5000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))  # successes, rows
