"""Making exports, keeping them, and shipping them."""
