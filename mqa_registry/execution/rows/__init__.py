"""The rows of a run: read from their source, cut into shards, perturbed, and checked before anything is predicted."""
