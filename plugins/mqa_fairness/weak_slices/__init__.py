"""Weak slices: a search for the groups of rows on which a model is worst, confirmed on rows held back."""
