"""Execution providers: which one is to run a model, which one does, and why one does not start."""
