"""Inference: what is asked of a backend shard by shard is looked up in the store, encoded, batched, run and decoded."""
