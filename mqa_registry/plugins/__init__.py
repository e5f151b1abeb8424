"""Plugins: found by entry point, loaded by name, each by itself, so that a broken one does not affect the others."""

from mqa_registry.plugins.catalog import HOOKS, ROLES, Catalog, Kinds, Plugin, Role, find_role
from mqa_registry.plugins.loading import (
    disabled_plugins,
    find_entry_points,
    import_plugin,
    installed_entry_points,
    load,
    load_all,
    load_entry_point,
)

__all__ = [
    "HOOKS",
    "ROLES",
    "Catalog",
    "Kinds",
    "Plugin",
    "Role",
    "disabled_plugins",
    "find_entry_points",
    "find_role",
    "import_plugin",
    "installed_entry_points",
    "load",
    "load_all",
    "load_entry_point",
]
