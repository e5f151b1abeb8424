"""Perturbations of words: other words for the same, in another order, or not there."""
