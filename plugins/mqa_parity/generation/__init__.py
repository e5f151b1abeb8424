"""A decoder step by step: its logits and its caches at every token, and the tokens that it chooses."""
