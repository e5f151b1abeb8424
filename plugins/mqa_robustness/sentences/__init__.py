"""Perturbations of sentences: what is added to one, and what turns its meaning round."""
