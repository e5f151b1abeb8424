"""The attack: a search for the smallest edit of a row that the model answers otherwise."""
