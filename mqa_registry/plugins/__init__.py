"""Plugins: found by entry point, loaded by name, each by itself, so that a broken one harms nobody else."""

from mqa_registry.plugins.catalog import Catalog, Plugin, role_of
from mqa_registry.plugins.discovery import installed, scan
from mqa_registry.plugins.loader import import_plugin, load, load_all

__all__ = ["Catalog", "Plugin", "import_plugin", "installed", "load", "load_all", "role_of", "scan"]
