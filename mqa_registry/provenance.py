"""Provenance: digests of the source code and of the files that a prediction depends on."""

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

HOST = __name__.partition(".")[0]  # counts its own changes: the store's keys have a format
INSTALLED = frozenset({"site-packages", "dist-packages"})  # folders of installed packages, which have a version
SETTLED = 2.0  # seconds after which another change of a file shows in its times
CACHES = frozenset({"__pycache__", "node_modules"})
INIT = "__init__.py"

# To parse every file takes some twenty times as long. What an expression finds in a text that is no code is harmless.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>\.*[\w.]*)[ \t]+)?import[ \t]+(?P<names>\([^)]*\)|(?:[^\n#;\\]|\\\n)*)", re.MULTILINE
)
_NAME = re.compile(r"[\w.]+")
_LITERAL = re.compile(r"""(["'])((?:(?!\1)[^\n\\]){1,200})\1""")

_digests: MutableMapping[ModuleType, str] = WeakKeyDictionary()
_contents: dict[tuple[int, ...], str] = {}


def source_digest(module: ModuleType) -> str:
    """The sha256 over the source files of a module, wherever they lie; taken once for a package that is loaded."""
    owner = _owner(module)
    if owner not in _digests:
        _digests[owner] = _total(source_files(owner).items())
    return _digests[owner]


def source_files(module: ModuleType) -> dict[str, Path]:
    """The files that a module's behaviour depends on, by names that are the same wherever they lie.

    Of a package those are all files in its folder. Of a module that is a file alone it is that file, with the files
    beside it that it names in a string. Where that is no installed package, the modules that it imports, which are
    neither installed nor Python's, belong to it as well, and what those import.
    """
    file = _file(_owner(module))
    if file is None:
        return {}
    root = file.parent if file.name == INIT else file
    home = root.parent
    found = dict(_package(root, home)) if root.is_dir() else dict(_alone(root, home))
    if INSTALLED & set(root.parts):
        return found
    waiting = [file for file in found.values() if file.suffix == ".py"]
    seen = set(waiting)
    own = root.name if root.is_dir() else ""
    place = cache(lambda top: None if top == own else _place(top, home))  # a package's own files are all there
    while waiting:
        for file in _imported(waiting.pop(), place):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
                found |= _alone(file, home)
    return found


def content_digest(path: Path) -> str:
    """The sha256 of a file's content, or over the names and contents of all files in a folder.

    A file that did not change is read once in a process. Hidden files and caches in a folder do not count. Raises a
    DataError where something cannot be read.
    """
    if path.is_dir():
        return _total(_package(path, path))
    try:
        with path.open("rb") as content:
            about = os.fstat(content.fileno())
            key = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
            if key in _contents:
                return _contents[key]
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror}") from error
    if time.time() - max(about.st_mtime, about.st_ctime) > SETTLED:
        _contents[key] = digest
    return digest


def _total(files: Iterable[tuple[str, Path]]) -> str:
    total = hashlib.sha256()
    for name, file in sorted(files):
        total.update(f"{name}\0{content_digest(file)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _owner(module: ModuleType) -> ModuleType:
    """The outermost package that a module is in, else the module; a package without a file of its own is none."""
    parts = module.__name__.split(".")
    packages = (sys.modules.get(".".join(parts[:length])) for length in range(1, len(parts)))
    return next((package for package in packages if package is not None and _file(package)), module)


def _file(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    file = Path(name) if isinstance(name, str) else None
    return file if file is not None and file.is_file() else None


def _package(folder: Path, home: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        inside = file.relative_to(folder).parts
        if not any(part.startswith(".") or part in CACHES for part in inside) and file.is_file():
            yield file.relative_to(home).as_posix(), file


def _alone(file: Path, home: Path) -> Iterator[tuple[str, Path]]:
    """A file of code, with the files beside it that it names."""
    yield _name(file, home), file
    for _, text in _LITERAL.findall(_text(file)):
        with suppress(OSError, ValueError):
            named = file.parent / text
            if named.is_file():
                yield _name(named, home), named


def _name(file: Path, home: Path) -> str:
    return file.relative_to(home).as_posix() if file.is_relative_to(home) else "/".join(file.parts[-2:])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _imported(file: Path, place: Callable[[str], Path | None]) -> Iterator[Path]:
    """The files of the modules that a file imports, as far as they are neither installed nor Python's own."""
    for base, names in _IMPORT.findall(_text(file)):
        words = [name for name in _NAME.findall(names) if name != "as"]
        dots = len(base) - len(base.lstrip("."))
        if dots:
            yield from _found(file.parents[dots - 1], base.strip("."), words)
            continue
        for name in [base] if base else words:
            if (folder := place(name.partition(".")[0])) is not None:
                yield from _found(folder, name, words if base else [])


def _found(folder: Path, module: str, names: list[str]) -> Iterator[Path]:
    """The files of a module below a folder, of the packages around it, and of those of its names that are modules."""
    place = folder
    for part in module.split(".") if module else []:
        place = place / part
        yield from _files(place)
    for name in names:
        yield from _files(place / name)


def _files(place: Path) -> Iterator[Path]:
    yield from (file for file in (place.with_name(f"{place.name}.py"), place / INIT) if file.is_file())


def _place(top: str, home: Path) -> Path | None:
    """The folder that a module of this name lies in; None where it is installed, Python's own, or not there."""
    if not top or top == HOST or top in sys.stdlib_module_names:
        return None
    if any(_files(home / top)):
        return home
    with suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(top)
        if spec is not None and spec.origin and spec.has_location and not INSTALLED & set(Path(spec.origin).parts):
            file = Path(spec.origin)
            return file.parents[1] if file.name == INIT else file.parent
    return None
