"""Plugins that are files or folders of the command line: a module, or a package with `__init__.py`."""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import PluginError
from mqa_registry.plugins.catalog import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

INIT = "__init__.py"


def name_file_plugin(path: Path) -> str:
    """The name of the plugin in a file or a folder; a PluginError where it can be none."""
    if path.is_dir():
        if not (path / INIT).is_file():
            raise PluginError(
                f"`{path}` is no package: it has no `{INIT}`",
                hint="`--plugin` takes a Python file, or the folder of a package; `pip install -e` a whole project",
            )
        name = path.resolve().name
        if not name.isidentifier():
            raise PluginError(f"`{name}` cannot name a package", hint="rename the folder: letters, digits and `_`")
        return name
    if not path.is_file() or path.suffix != ".py":
        raise PluginError(
            f"`{path}` is no Python file", hint="`--plugin` takes the path of one, or of a package's folder"
        )
    if not NAME.fullmatch(path.stem):
        raise PluginError(f"`{path.stem}` cannot name a plugin", hint="rename the file: letters, digits, `_` and `-`")
    return path.stem


def import_file(path: Path) -> ModuleType:
    """Import the module of a file, or the package in a folder under its own name, which its modules import it by."""
    return _import_package(path.resolve()) if path.is_dir() else _import(f"mqa_file_{path.stem}", path)


def _import_package(folder: Path) -> ModuleType:
    name, file = folder.name, folder / INIT
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) != str(file):
        raise PluginError(
            f"another module `{name}` is imported already: {getattr(known, '__file__', None) or 'of Python'}"
        )
    for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[module]
    sys.meta_path[:] = [_PackageFinder(name), *(one for one in sys.meta_path if not _finds(one, name))]
    return _import(name, file, [str(folder)])


def _import(name: str, file: Path, folders: Sequence[str] | None = None) -> ModuleType:
    spec = spec_from_file_location(
        name, file, loader=_SourceLoader(name, str(file)), submodule_search_locations=list(folders) if folders else None
    )
    assert spec is not None  # a loader is given
    assert spec.loader is not None  # likewise
    module = module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and type hints look for it
    spec.loader.exec_module(module)
    return module


class _SourceLoader(SourceFileLoader):
    """Compiles a file as it stands, and never runs the byte code of its last import.

    Python takes that for current where the file's size and the second of its last change are the same. The predictions of
    a plugin are stored by its source, so that old code would be stored as what new code predicted.
    """

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class _PackageFinder:
    """Finds the modules of one package, each to be compiled as it stands."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """The module of this full name in the folder of the package around it; None of any other package."""
        if path is None or not fullname.startswith(f"{self.name}."):
            return None
        loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (_SourceLoader, [".py"]))
        finders = (FileFinder(folder, *loaders) for folder in path)
        return next((spec for finder in finders if (spec := finder.find_spec(fullname)) is not None), None)


def _finds(finder: object, name: str) -> bool:
    return isinstance(finder, _PackageFinder) and finder.name == name
