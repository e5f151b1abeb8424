"""The command line: one module a command, loaded when the command is called."""

from mqa_registry.cli.app import app, main

__all__ = ["app", "main"]
