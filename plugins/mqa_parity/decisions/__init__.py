"""Comparisons of two predictions of the same rows: whether they agree, and how far their scores lie apart."""
