"""Drafting a suite: what a model and its data are, which checks fit them, and the commented file with these."""
