"""Plugins: found by entry point, loaded by name, each by itself, so that a broken one harms nobody else."""

from mqa_registry.plugins.catalog import Catalog, Plugin
from mqa_registry.plugins.kinds import HOOKS, ROLES, Kinds, Role, role_of
from mqa_registry.plugins.loading import import_plugin, installed, load, load_all, scan

__all__ = [
    "HOOKS",
    "ROLES",
    "Catalog",
    "Kinds",
    "Plugin",
    "Role",
    "import_plugin",
    "installed",
    "load",
    "load_all",
    "role_of",
    "scan",
]
