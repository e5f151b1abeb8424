"""Reading a suite: from a TOML file and those that it extends, or from tables in memory; confined to its folder if asked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.files import FileFormat, file_format, is_special, is_suite_reference, suite_folder
from mqa_registry.naming import did_you_mean, referenced_names
from mqa_registry.options import describe_value
from mqa_registry.suite.confinement import PACKAGED, real_folder, require_confined, require_inside
from mqa_registry.suite.overrides import EXECUTION, Overrides, merge_suites, skip_checks, with_overrides
from mqa_registry.suite.positions import Span, Text
from mqa_registry.suite.registered import find_suite
from mqa_registry.suite.toml import Node, make_tree, read_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    Chain: TypeAlias = tuple[Path, ...]

WRONG_FILE_HINT = "is it a model or a data set?"
MAX_BYTES = 4 * 1024 * 1024  # bytes; a suite is written by people
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A line that a suite has and hardly anything else: of another file no error may show a word.
SUITE_LINE = re.compile(rb"^\s*(?:[\"']?format[\"']?\s*=\s*\d|extends\s*=\s*[\"']|\[\[\s*check\s*\]\])", re.MULTILINE)


@dataclass(frozen=True)
class RawSuite:
    """A suite as its files have it, not validated yet.

    `objects` are models and tables in memory that a caller passes in place of what the files name, by their digests.
    `suites` are those of plugins that it is, or extends.
    """

    path: Path
    root: Node
    overrides: Overrides = field(default_factory=Overrides)
    objects: Mapping[str, Any] = field(default_factory=dict, repr=False)
    suites: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """How the files of one suite are read: inside of a `folder`, with plugins from files.

    `packages` gathers the folders of the suites of plugins that are read, by their names. What such a suite names is in
    there, whatever the folder.
    """

    folder: Path | None
    plugin_files: Sequence[Path]
    packages: dict[str, Path] = field(default_factory=dict)


def read(path: str | Path, overrides: Overrides | None = None, plugin_files: Sequence[Path] = ()) -> RawSuite:
    """The suite of a file, or of a plugin by its name `plugin/name`.

    A SuiteError where it, or one that it extends, is missing or no TOML. Where `overrides` confine it, a path that leads
    out of its folder is a SuiteError too; a suite of a plugin is always confined to its own.
    """
    overrides, path = overrides or Overrides(), Path(path)
    reading = _Reading(real_folder(suite_folder(path)) if overrides.confined else None, plugin_files)
    if is_suite_reference(path):
        root = _read_registered(path.as_posix(), (), None, reading)
    else:
        root = _read_extended(path, (), None, reading)
    return _finish(path, root, overrides, reading)


def suite_of_tables(
    name: str,
    tables: Mapping[str, Any],
    folder: Path,
    overrides: Overrides | None = None,
    plugin_files: Sequence[Path] = (),
) -> RawSuite:
    """The suite of tables in memory, with the name of a file in a folder that paths are relative to; it raises as `read` does."""
    overrides, path = overrides or Overrides(), folder / name
    reading = _Reading(real_folder(folder) if overrides.confined else None, plugin_files)
    return _finish(path, _extend(make_tree(str(path), tables, folder), (path,), reading), overrides, reading)


def _finish(path: Path, root: Node, overrides: Overrides, reading: _Reading) -> RawSuite:
    """The suite with what the command line says of it, confined where it is to be."""
    root = with_overrides(root, overrides, reading.plugin_files)
    if reading.folder is not None:
        require_confined(root, reading.folder, reading.packages.values())
    return RawSuite(path, root, overrides, suites=tuple(reading.packages))


def plugin_names(raw: RawSuite) -> frozenset[str]:
    """The plugins that a suite names, installed or not. The name of an executor without its own counts as a plugin's."""
    top = raw.root
    tables = [top.get("model"), *_tables(top.get("data")), *_tables(top.get("backends"))]
    model = top.get("model")
    nodes = [*tables, model.get("task") if model else None]
    checks = top.get("check")
    nodes += [check.get(key) for check in (checks.items if checks else ()) for key in ("measure", "perturb", "by")]
    names = [name for node in nodes if node is not None for name in referenced_names(node.plain())]
    named = [name.partition("/") for name in (*names, *raw.suites)]
    executors = referenced_names(execution.plain()) if (execution := top.get(EXECUTION)) else []
    return frozenset(plugin for plugin, slash, _ in named if slash).union(name.partition("/")[0] for name in executors)


def _tables(node: Node | None) -> list[Node]:
    return list(node.tables.values()) if node else []


def _read_registered(name: str, chain: Chain, at: Location | None, reading: _Reading) -> Node:
    """The suite of a plugin merged over the one that it extends; all that it names is in the folder of its file."""
    path = find_suite(name, reading.plugin_files, at).path
    folder = real_folder(path.parent)
    reading.packages[name] = folder
    within = replace(reading, folder=folder)
    _check_circle(path, chain, at)
    root = _extend(read_tree(Text(name, _read_text(path, at).content), path.parent), (*chain, path), within)
    require_confined(root, folder, reading.packages.values(), rule=PACKAGED)
    return root


def _read_extended(path: Path, chain: Chain, at: Location | None, reading: _Reading) -> Node:
    """The suite of a file merged over the one that it extends, and so on; with a folder to read in, all have to be in it.

    `chain` are the files that extend this one, `at` the position of its name in the last of them.
    """
    if reading.folder is not None:
        require_inside([path], reading.folder, at)
    _check_circle(path, chain, at)
    return _extend(read_tree(_read_text(path, at), path.parent), (*chain, path), reading)


def _check_circle(path: Path, chain: Chain, at: Location | None) -> None:
    """Raise a SuiteError where a suite extends itself, by way of others."""
    if any(_is_same(path, other) for other in chain):
        circle = " -> ".join(f"`{file}`" for file in (*chain, path))
        raise SuiteError([Problem(f"suites extend each other in a circle: {circle}", "take one `extends` out", at)])


def _extend(own: Node, chain: Chain, reading: _Reading) -> Node:
    """A suite merged over the one that it extends; the last of `chain` is its own file."""
    extends, skip = own.get("extends"), own.get("skip")
    if extends is None:
        if skip is not None:
            raise SuiteError([Problem("`skip` drops inherited checks, and this suite extends none", "", skip.key)])
        return own
    if not isinstance(extends.value, str) or not extends.value:
        message = f"`extends` must be a string, the name of a suite file, not {describe_value(extends.plain())}"
        raise SuiteError([Problem(message, 'write `extends = "base.toml"`', extends.at)])
    file = chain[-1].parent / extends.value
    if is_suite_reference(extends.value, chain[-1].parent):
        base = _read_registered(extends.value, chain, extends.at, reading)
    else:
        base = _read_extended(file, chain, extends.at, reading)
    return merge_suites(skip_checks(base, skip), own.without(("extends", "skip")))


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _read_text(path: Path, at: Location | None) -> Text:
    """The text of a suite file. Of a file that a suite extends and that is no suite, no error shows the content."""
    try:
        if is_special(path):
            raise SuiteError([Problem(f"`{path}` is no file on disk, and a suite is one", "", at)])
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SuiteError([_unreadable_problem(path, error, at)]) from None
    kind = file_format(path)
    if kind is not FileFormat.UNKNOWN:
        raise SuiteError([Problem(f"`{path}` is {kind}, and a suite is TOML", WRONG_FILE_HINT, at)])
    if len(content) > MAX_BYTES:
        raise SuiteError([Problem(f"`{path}` is too large to be a suite", WRONG_FILE_HINT, at)])
    content = content.removeprefix(BYTE_ORDER_MARK)
    if at is not None and not SUITE_LINE.search(content):
        raise SuiteError([Problem(f"`{path}` is no suite", "a suite is TOML, with `format = 1` at its top", at)])
    try:
        return Text(str(path), content.decode())
    except UnicodeDecodeError as error:
        raise SuiteError([_encoding_problem(path, content, error)]) from None


def _unreadable_problem(path: Path, error: Exception, at: Location | None) -> Problem:
    if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises for a name too long for a file
        hint = did_you_mean("suite.toml", [file.name for file in sorted(path.glob("*.toml"))])
        return Problem(f"`{path}` is a folder, and a suite is a file", hint, at)
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return Problem(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}", "", at)
    if path.suffix != ".toml":
        hint = "the name of a suite file ends in `.toml`, and that of a plugin's suite is `plugin/name`: `mqa suites` lists them"
        return Problem(f"there is no suite `{path}`", hint, at)
    return Problem(f"there is no file `{path}`", did_you_mean(str(path), _suites_near(path.parent)), at)


def _suites_near(folder: Path) -> list[str]:
    """The files that may be meant by one that is missing: those of its folder, and of the folder `suites` in it."""
    found = [*sorted(folder.glob("*.toml")), *sorted(folder.glob("suites/*.toml"))]
    return [str(file) for file in found if file.name != "pyproject.toml"]


def _encoding_problem(path: Path, content: bytes, error: UnicodeDecodeError) -> Problem:
    text = Text(str(path), content.decode(errors="replace"))
    offset = len(content[: error.start].decode().replace("\r\n", "\n"))
    message = f"byte 0x{content[error.start]:02x} is not UTF-8, and TOML is"
    return Problem(message, "save the file as UTF-8", text.location(Span(offset, offset + 1)))
