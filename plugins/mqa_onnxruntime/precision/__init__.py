"""Exports in other precisions than float32, and the weights and graphs in them."""
