"""Perturbations of text: a module for each family."""
