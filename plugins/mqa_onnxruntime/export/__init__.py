"""Exports in float32 and other precisions: making them, caching them, and writing them to a folder of the user's."""
