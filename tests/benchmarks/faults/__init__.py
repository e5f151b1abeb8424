"""Faults put into exports on purpose, and sound exports: which of them `mqa parity` catches, and what it attributes them to."""
