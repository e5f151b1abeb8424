"""Perturbations of characters: typing and recognition errors, case, punctuation, white space, Unicode."""
