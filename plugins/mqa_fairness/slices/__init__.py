"""Slices: how rows fall into groups that a model should treat alike."""
