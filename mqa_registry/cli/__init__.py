"""The command line: the application and what its commands share; `commands` has a module for each command of mqa."""

from mqa_registry.cli.app import app, main

__all__ = ["app", "main"]
