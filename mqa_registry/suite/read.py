"""Reading a suite: a TOML file over those that it extends, or the tables that a command makes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.formats import FileFormat, file_format, is_special
from mqa_registry.naming import did_you_mean
from mqa_registry.options import describe_value
from mqa_registry.suite.names import references
from mqa_registry.suite.overrides import Overrides, lay_over, skip_checks, with_settings
from mqa_registry.suite.paths import check_confined, check_inside, real_folder
from mqa_registry.suite.toml import Node, Span, Text, make_tree, read_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Chain: TypeAlias = tuple[Path, ...]

WRONG_FILE = "is it a model or a data set?"
MAX_BYTES = 4 * 1024 * 1024  # bytes; a suite is written by people
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A line that a suite has and hardly anything else: of another file no error may show a word.
SUITE_LINE = re.compile(rb"^\s*(?:[\"']?format[\"']?\s*=\s*\d|extends\s*=\s*[\"']|\[\[\s*check\s*\]\])", re.MULTILINE)


@dataclass(frozen=True)
class RawSuite:
    """A suite as its files have it, which is not checked yet."""

    path: Path
    root: Node
    overrides: Overrides = field(default_factory=Overrides)


def read(path: str | Path, overrides: Overrides | None = None) -> RawSuite:
    """The suite of this file; SuiteError where the file, or one that it extends, is missing or broken TOML.

    Where it is confined, a SuiteError too for all that it names outside of its own folder.
    """
    overrides, path = overrides or Overrides(), Path(path)
    folder = real_folder(path.parent) if overrides.confined else None
    root = with_settings(_extended(path, (), None, folder), overrides.set)
    if folder is not None:
        check_confined(root, folder)
    return RawSuite(path, root, overrides)


def made_up(name: str, tables: Mapping[str, Any], folder: Path) -> RawSuite:
    """The suite of these tables, as if a file of that name in a folder held them; paths are relative to the folder."""
    path = folder / name
    return RawSuite(path, make_tree(str(path), tables, folder))


def plugin_names(raw: RawSuite) -> frozenset[str]:
    """The plugins that a suite names, installed or not."""
    top = raw.root
    tables = [top.get("model"), *_tables(top.get("data")), *_tables(top.get("backends"))]
    model = top.get("model")
    nodes = [*tables, model.get("task") if model else None]
    checks = top.get("check")
    nodes += [check.get(key) for check in (checks.items if checks else ()) for key in ("measure", "perturb", "by")]
    named = [reference.partition("/") for node in nodes for reference in references(node)]
    return frozenset(plugin for plugin, slash, _ in named if slash)


def _tables(node: Node | None) -> list[Node]:
    return list(node.tables.values()) if node else []


def _extended(path: Path, chain: Chain, at: Location | None, folder: Path | None) -> Node:
    """The suite of this file over those it extends; `chain` are the files that led here, `at` the position of its name.

    With a `folder`, all of them have to be in it.
    """
    if folder is not None:
        check_inside([path], folder, at)
    if any(_is_same(path, other) for other in chain):
        circle = " -> ".join(f"`{file}`" for file in (*chain, path))
        raise SuiteError([Problem(f"suites extend each other in a circle: {circle}", "take one `extends` out", at)])
    own = read_tree(_text(path, at), path.parent)
    extends, skip = own.get("extends"), own.get("skip")
    if extends is None:
        if skip is not None:
            raise SuiteError([Problem("`skip` drops inherited checks, and this suite extends none", "", skip.key)])
        return own
    if not isinstance(extends.value, str) or not extends.value:
        message = f"`extends` must be a string, the name of a suite file, not {describe_value(extends.plain())}"
        raise SuiteError([Problem(message, 'write `extends = "base.toml"`', extends.at)])
    under = _extended(path.parent / extends.value, (*chain, path), extends.at, folder)
    return lay_over(skip_checks(under, skip), own.without(("extends", "skip")))


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _text(path: Path, at: Location | None) -> Text:
    """The content of a suite file; of one that another names, and that is no suite, no error shows any of it."""
    try:
        if is_special(path):
            raise SuiteError([Problem(f"`{path}` is no file on disk, and a suite is one", "", at)])
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SuiteError([_unreadable(path, error, at)]) from None
    kind = file_format(path)
    if kind is not FileFormat.UNKNOWN:
        raise SuiteError([Problem(f"`{path}` is {kind}, and a suite is TOML", WRONG_FILE, at)])
    if len(content) > MAX_BYTES:
        raise SuiteError([Problem(f"`{path}` is too large to be a suite", WRONG_FILE, at)])
    content = content.removeprefix(BYTE_ORDER_MARK)
    if at is not None and not SUITE_LINE.search(content):
        raise SuiteError([Problem(f"`{path}` is no suite", "a suite is TOML, with `format = 1` at its top", at)])
    try:
        return Text(str(path), content.decode())
    except UnicodeDecodeError as error:
        raise SuiteError([_not_text(path, content, error)]) from None


def _unreadable(path: Path, error: Exception, at: Location | None) -> Problem:
    if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises for a name too long for a file
        hint = did_you_mean("suite.toml", [file.name for file in sorted(path.glob("*.toml"))])
        return Problem(f"`{path}` is a folder, and a suite is a file", hint, at)
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return Problem(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}", "", at)
    if path.suffix != ".toml":
        hint = "the name of a suite file ends in `.toml`; suites that plugins ship cannot be named yet"
        return Problem(f"there is no suite `{path}`", hint, at)
    return Problem(f"there is no file `{path}`", did_you_mean(str(path), _suites_near(path.parent)), at)


def _suites_near(folder: Path) -> list[str]:
    """The files that a person may have meant, beside the one that is not there and in a folder of suites."""
    found = [*sorted(folder.glob("*.toml")), *sorted(folder.glob("suites/*.toml"))]
    return [str(file) for file in found if file.name != "pyproject.toml"]


def _not_text(path: Path, content: bytes, error: UnicodeDecodeError) -> Problem:
    text = Text(str(path), content.decode(errors="replace"))
    offset = len(content[: error.start].decode().replace("\r\n", "\n"))
    message = f"byte 0x{content[error.start]:02x} is not UTF-8, and TOML is"
    return Problem(message, "save the file as UTF-8", text.location(Span(offset, offset + 1)))
