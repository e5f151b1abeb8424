"""Model cards: the metrics that the `model-index` of a card claims are measured, and measured ones are written to it.

A card is a `README.md` whose front matter the Hugging Face hub reads.
"""
