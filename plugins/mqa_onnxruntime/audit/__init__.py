"""The audit of an export: what was asked for against what came out."""
