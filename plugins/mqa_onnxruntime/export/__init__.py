"""Making exports, in float32 and other precisions, keeping them, and writing them for users."""
