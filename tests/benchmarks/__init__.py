"""Benchmarks: ratios measured in one run, printed, and never a timed test."""
