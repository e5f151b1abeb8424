"""Metrics of how far a model treats groups of rows alike."""
