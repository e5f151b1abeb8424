"""Provenance: digests of the source code and the files that a prediction depends on."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping
    from types import ModuleType

HOST = __name__.partition(".")[0]  # left out: its own changes count by the format of the store's keys
INSTALLED = frozenset({"site-packages", "dist-packages"})  # folders of installed packages, which have a version
STABLE_AFTER = 2.0  # seconds after which another change of a file shows in its times
CACHES = frozenset({"__pycache__", "node_modules"})
INIT = "__init__.py"

# Regular expressions: to parse every file takes some twenty times as long. A match outside of code is harmless.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>\.*[\w.]*)[ \t]+)?import[ \t]+(?P<names>\([^)]*\)|(?:[^\n#;\\]|\\\n)*)", re.MULTILINE
)
_NAME = re.compile(r"[\w.]+")
_LITERAL = re.compile(r"""(["'])((?:(?!\1)[^\n\\]){1,200})\1""")

_module_digests: MutableMapping[ModuleType, str] = WeakKeyDictionary()
_file_digests: dict[tuple[int, ...], str] = {}


def source_digest(module: ModuleType) -> str:
    """The SHA-256 of the source files of a module, as hexadecimal; computed once for a loaded package."""
    owner = _outermost_package(module)
    if owner not in _module_digests:
        _module_digests[owner] = _combine_digests(source_files(owner).items())
    return _module_digests[owner]


def source_files(module: ModuleType) -> dict[str, Path]:
    """The files that a module's behaviour depends on, by names that are the same wherever the files lie.

    Of a package these are all files in its folder; of a single file, that file and the files next to it that a string in
    it names. Where the module is not installed, the modules that it imports belong to it too, with what they import,
    except those that are installed or Python's own.
    """
    file = _source_file(_outermost_package(module))
    if file is None:
        return {}
    root = file.parent if file.name == INIT else file
    home = root.parent
    files = dict(_package_files(root, home)) if root.is_dir() else dict(_single_file(root, home))
    if INSTALLED & set(root.parts):
        return files
    pending = [file for file in files.values() if file.suffix == ".py"]
    seen = set(pending)
    package = root.name if root.is_dir() else ""  # all of its files are there already
    find_folder = cache(lambda top: None if top == package else _find_folder(top, home))
    while pending:
        for file in _imported_files(pending.pop(), find_folder):
            if file not in seen:
                seen.add(file)
                pending.append(file)
                files |= _single_file(file, home)
    return files


def content_digest(path: Path) -> str:
    """The SHA-256 of a file, or of the names and contents of all files in a folder, as hexadecimal.

    A file that did not change is read once in a process. Hidden files and caches in a folder are left out. Raises a
    DataError where something cannot be read.
    """
    if path.is_dir():
        return _combine_digests(_package_files(path, path))
    try:
        with path.open("rb") as content:
            status = os.fstat(content.fileno())
            key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if key in _file_digests:
                return _file_digests[key]
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror}") from error
    if time.time() - max(status.st_mtime, status.st_ctime) > STABLE_AFTER:
        _file_digests[key] = digest
    return digest


def _combine_digests(files: Iterable[tuple[str, Path]]) -> str:
    total = hashlib.sha256()
    for name, file in sorted(files):
        total.update(f"{name}\0{content_digest(file)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _outermost_package(module: ModuleType) -> ModuleType:
    """The outermost package that a module is in, else the module; a package without a file of its own is none."""
    parts = module.__name__.split(".")
    packages = (sys.modules.get(".".join(parts[:length])) for length in range(1, len(parts)))
    return next((package for package in packages if package is not None and _source_file(package)), module)


def _source_file(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    file = Path(name) if isinstance(name, str) else None
    return file if file is not None and file.is_file() else None


def _package_files(folder: Path, home: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        inside = file.relative_to(folder).parts
        if not any(part.startswith(".") or part in CACHES for part in inside) and file.is_file():
            yield file.relative_to(home).as_posix(), file


def _single_file(file: Path, home: Path) -> Iterator[tuple[str, Path]]:
    """A file of code, with the files next to it that a string in it names."""
    yield _relative_name(file, home), file
    for _, text in _LITERAL.findall(_read_text(file)):
        with suppress(OSError, ValueError):
            named = file.parent / text
            if named.is_file():
                yield _relative_name(named, home), named


def _relative_name(file: Path, home: Path) -> str:
    return file.relative_to(home).as_posix() if file.is_relative_to(home) else "/".join(file.parts[-2:])


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _imported_files(file: Path, find_folder: Callable[[str], Path | None]) -> Iterator[Path]:
    """The files of the modules that a file imports, except those that are installed or Python's own."""
    for base, names in _IMPORT.findall(_read_text(file)):
        words = [name for name in _NAME.findall(names) if name != "as"]
        dots = len(base) - len(base.lstrip("."))
        if dots:
            yield from _module_files(file.parents[dots - 1], base.strip("."), words)
            continue
        for name in [base] if base else words:
            if (folder := find_folder(name.partition(".")[0])) is not None:
                yield from _module_files(folder, name, words if base else [])


def _module_files(folder: Path, module: str, names: list[str]) -> Iterator[Path]:
    """The files of a module below a folder, of the packages around it, and of those of its names that are modules."""
    path = folder
    for part in module.split(".") if module else []:
        path = path / part
        yield from _existing_files(path)
    for name in names:
        yield from _existing_files(path / name)


def _existing_files(path: Path) -> Iterator[Path]:
    """The file of a module, or of a package, at a path without ending."""
    yield from (file for file in (path.with_name(f"{path.name}.py"), path / INIT) if file.is_file())


def _find_folder(top: str, home: Path) -> Path | None:
    """The folder of a top-level module; None where it is installed, Python's own, or missing."""
    if not top or top == HOST or top in sys.stdlib_module_names:
        return None
    if any(_existing_files(home / top)):
        return home
    with suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(top)
        if spec is not None and spec.origin and spec.has_location and not INSTALLED & set(Path(spec.origin).parts):
            file = Path(spec.origin)
            return file.parents[1] if file.name == INIT else file.parent
    return None
