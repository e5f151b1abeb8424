"""Adversarial attacks: a search for the smallest edit of a row that changes the model's prediction."""
