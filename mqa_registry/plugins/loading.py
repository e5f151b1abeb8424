"""Plugins that are installed, found by their entry points, and loaded by name, each by itself.

Finding them imports none, and a broken one does not affect the others.
"""

from __future__ import annotations

import os
import re
import time
import traceback
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mqa_registry
from mqa_registry.boundary import HOST_FOLDER, ContributionCall, Contributor, TimeLimitReached
from mqa_registry.contributions import HOOKS_VERSION, RENAMED_IMPORTS
from mqa_registry.entry_points import DISTRIBUTION, describe_origins, list_entry_points, read_origin
from mqa_registry.errors import ContributionError, MqaError, PluginError
from mqa_registry.hookspecs import GROUP
from mqa_registry.naming import did_you_mean
from mqa_registry.plugins.catalog import NAME, Catalog, Plugin
from mqa_registry.plugins.compatibility import UPGRADE, IncompatiblePluginError, check_requirement, read_api_version
from mqa_registry.plugins.files import import_file, name_file_plugin
from mqa_registry.plugins.inspection import BrokenPluginError, find_unknown_hooks, read_contributions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.metadata import EntryPoint

    from mqa_registry.entry_points import EntryPoints

T = TypeVar("T")
_LOADED: dict[str, Plugin] = {}  # those of `installed_entry_points`
MAX_ERROR_CHARACTERS = 200  # characters of what a plugin raised that a message repeats
DISABLED = "MQA_PLUGINS_DISABLED"  # the variable with the names of plugins that are not loaded, as `a,b`


def find_entry_points() -> EntryPoints:
    """Every entry point of the group `mqa` by its name: more than one where distributions claim the same."""
    return list_entry_points(GROUP)


@cache
def installed_entry_points() -> EntryPoints:
    """What `find_entry_points` finds, looked up once per process."""
    return find_entry_points()


def load(names: Iterable[str], *, files: Sequence[Path] = (), candidates: EntryPoints | None = None) -> Catalog:
    """The plugins of these names, as far as they are installed, and one for each file of the command line.

    `candidates` are the entry points to choose from; left out, all that are installed. A broken plugin is in the catalog
    with the reason. Raises PluginError where a file is none, or takes the name of another plugin.
    """
    read = _load_once if candidates is None else _load_installed
    candidates = installed_entry_points() if candidates is None else candidates
    named, disabled = sorted(set(names) & set(candidates)), disabled_plugins()
    plugins = {name: (_leave_out if name in disabled else read)(name, candidates[name]) for name in named}
    for path in files:
        plugin = _load_file(path)
        if plugin.name in candidates or plugin.name in plugins:
            raise PluginError(f"there is another plugin `{plugin.name}` than that of `{path}`", hint="rename the file")
        plugins[plugin.name] = plugin
    return Catalog(plugins, tuple(candidates))


def load_all(*, files: Sequence[Path] = (), candidates: EntryPoints | None = None) -> Catalog:
    """Every plugin that is installed, broken ones with their reason."""
    return load(installed_entry_points() if candidates is None else candidates, files=files, candidates=candidates)


def disabled_plugins() -> frozenset[str]:
    """The names of plugins that the variable MQA_PLUGINS_DISABLED has, installed or not."""
    return frozenset(name for part in os.environ.get(DISABLED, "").split(",") if (name := part.strip()))


def _leave_out(name: str, points: Sequence[EntryPoint]) -> Plugin:
    """A plugin that is disabled, which is not imported."""
    reason, hint = f"it is disabled by `{DISABLED}`", f"take `{name}` out of that variable"
    return Plugin(name, *read_origin(points[0]), broken=reason, hint=hint, disabled=True)


def _load_once(name: str, points: Sequence[EntryPoint]) -> Plugin:
    """A plugin that is installed, read once per process; a broken one is tried again."""
    plugin = _LOADED.get(name) or _load_installed(name, points)
    if not plugin.broken:
        _LOADED[name] = plugin
    return plugin


def _load_installed(name: str, points: Sequence[EntryPoint]) -> Plugin:
    distribution, version = read_origin(points[0])
    if len(points) > 1:
        claims = describe_origins(points)
        reason, hint = f"{len(points)} distributions give a plugin of this name: {claims}", "uninstall all but one"
        return Plugin(name, distribution, version, broken=reason, hint=hint)
    if not NAME.fullmatch(name):
        reason = "the name of its entry point has other than letters, digits, `_`, `.` and `-`"
        return Plugin(name, distribution, version, broken=reason, hint=f"`pip uninstall {distribution}`")
    plugin = Plugin(name, distribution, version, hint=_reinstall_hint(distribution))
    if distribution != DISTRIBUTION:
        try:
            check_requirement(points[0], mqa_registry.__version__)
        except IncompatiblePluginError as error:
            return replace(plugin, broken=str(error), hint=UPGRADE)
    return _load(plugin, points[0].load)


def _load_file(path: Path) -> Plugin:
    return _load(Plugin(name_file_plugin(path), str(path), hint="fix the file"), lambda: import_file(path))


def _load(plugin: Plugin, import_module: Callable[[], Any]) -> Plugin:
    """The plugin with its contributions, or with the reason why it cannot be used."""
    start = time.thread_time()  # of the processor: a machine that is busy makes no import slow
    loaded, reason = import_plugin(plugin.name, lambda: _read(plugin, import_module))
    return replace(loaded or replace(plugin, broken=reason), seconds=time.thread_time() - start)


def load_entry_point(what: str, points: Sequence[EntryPoint], read: Callable[[object], T]) -> T:
    """What `read` makes of the object that entry points of one name give; it raises a TypeError where it is no such object.

    `what` is the object with its name, as in "command `greet`". Raises a PluginError where several distributions give it,
    or where it cannot be used.
    """
    origins = describe_origins(points)
    if len(points) > 1:
        raise PluginError(f"{len(points)} distributions give a {what}: {origins}", hint="uninstall all but one")
    loaded, reason = import_plugin(points[0].name, lambda: read(points[0].load()))
    if loaded is None:
        hint = _reinstall_hint(read_origin(points[0])[0])
        raise PluginError(f"the {what} of {origins} cannot be used: {reason}", hint=hint)
    return loaded


def _reinstall_hint(distribution: str) -> str:
    return f"`pip install --upgrade {distribution}`, or `pip uninstall {distribution}`"


def import_plugin(name: str, make: Callable[[], T]) -> tuple[T | None, str]:
    """The result of `make`, which runs code of a plugin; None and the reason where that raises anything, SystemExit included."""
    try:
        with ContributionCall(Contributor("plugin", name)):
            return make(), ""
    except MqaError as error:
        return None, _describe_failure(error)


def _read(plugin: Plugin, import_module: Callable[[], Any]) -> Plugin:
    try:
        module = import_module()
        warnings = () if read_api_version(module) is None else tuple(find_unknown_hooks(module))
        contributions = read_contributions(module)
        return replace(plugin, contributions=contributions, hint="", module=module, warnings=warnings)
    except IncompatiblePluginError as error:
        return replace(plugin, broken=str(error), hint=UPGRADE)
    except BrokenPluginError as error:
        return replace(plugin, broken=str(error))


def _describe_failure(error: MqaError) -> str:
    """Why a plugin could not be loaded, to its author."""
    if isinstance(error, ContributionError) and isinstance(error.__cause__, TimeLimitReached):
        return f"it {error.fault}"
    if isinstance(error, ContributionError):
        return _describe_with_line(error.__cause__ or error)
    return f"{error.message}{_error_line(error)}"


def _describe_with_line(error: BaseException) -> str:
    """The type and message of an error, with the line of the plugin and the name that an import may have meant."""
    text = "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2]
    return f"{text[:MAX_ERROR_CHARACTERS]}{_error_line(error)}{_suggest_import(error)}"


def _suggest_import(error: BaseException) -> str:
    """What a name is called now that a plugin tried to import from this package; empty where nothing is like it."""
    found = re.match(r"cannot import name '(\w+)' from 'mqa_registry'", str(error))
    if not (isinstance(error, ImportError) and found):
        return ""
    if found[1] in RENAMED_IMPORTS:
        return f"; since version {HOOKS_VERSION} of the hooks it is `{RENAMED_IMPORTS[found[1]]}`"
    guess = did_you_mean(found[1], mqa_registry.__all__)
    return f"; {guess}" if guess else ""


def _error_line(error: BaseException) -> str:
    """The last line of the plugin that the traceback has, in parentheses; empty where it has none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _is_machinery(file: str) -> bool:
    """Whether a file is of the machinery that loads a plugin, not of the plugin."""
    return "importlib" in file or file.startswith(HOST_FOLDER)
