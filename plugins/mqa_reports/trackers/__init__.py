"""Trackers: the numbers of a run added to those of earlier runs, in MLflow and TensorBoard."""
