"""Reading a suite file: TOML with positions, and the suites it extends laid under it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.formats import FileFormat, file_format, is_special
from mqa_registry.options import described, did_you_mean
from mqa_registry.positions import Span, Text
from mqa_registry.suite.confinement import check_confined, check_inside, folder_of
from mqa_registry.suite.merge import lay_over, without
from mqa_registry.suite.names import check_name, check_title, checks_meant, references
from mqa_registry.suite.overrides import Overrides, with_settings
from mqa_registry.suite.tree import Node, tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Chain: TypeAlias = tuple[Path, ...]

MEANT = "is it a model or a data set?"
LARGEST = 4 * 1024 * 1024  # bytes; a suite is written by people
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A line that a suite has and hardly anything else: of another file no error may show a word.
OF_A_SUITE = re.compile(rb"^\s*(?:[\"']?format[\"']?\s*=\s*\d|extends\s*=\s*[\"']|\[\[\s*check\s*\]\])", re.MULTILINE)


@dataclass(frozen=True)
class RawSuite:
    """A suite as its files say it, before anybody looked whether it makes sense."""

    path: Path
    root: Node
    overrides: Overrides = field(default_factory=Overrides)


def read(path: str | Path, overrides: Overrides | None = None) -> RawSuite:
    """The suite of this file; SuiteError where the file, or one that it extends, is missing or broken TOML.

    Where it is confined, a SuiteError too for all that it names outside of its own folder.
    """
    overrides, path = overrides or Overrides(), Path(path)
    folder = folder_of(path) if overrides.confined else None
    root = with_settings(_extended(path, (), None, folder), overrides.set)
    if folder is not None:
        check_confined(root, folder)
    return RawSuite(path, root, overrides)


def plugin_names(raw: RawSuite) -> frozenset[str]:
    """The plugins that a suite names, installed or not."""
    top = raw.root
    tables = [top.get("model"), *_tables(top.get("data")), *_tables(top.get("backends"))]
    model = top.get("model")
    places = [*tables, model.get("task") if model else None]
    places += [check.get(key) for check in _items(top.get("check")) for key in ("measure", "perturb", "by")]
    named = [reference.partition("/") for place in places for reference in references(place)]
    return frozenset(plugin for plugin, slash, _ in named if slash)


def _tables(node: Node | None) -> list[Node]:
    return list(node.tables.values()) if node else []


def _items(node: Node | None) -> list[Node]:
    return node.items if node else []


def _extended(path: Path, chain: Chain, asked: Location | None, folder: Path | None) -> Node:
    """The suite of this file over those it extends; `chain` are the files that led here, `asked` the place of its name.

    With a `folder`, all of them have to be in it.
    """
    if folder is not None:
        check_inside([path], folder, asked)
    if any(_same(path, other) for other in chain):
        circle = " -> ".join(f"`{file}`" for file in (*chain, path))
        raise SuiteError([Problem(f"suites extend each other in a circle: {circle}", "take one `extends` out", asked)])
    own = tree(_text(path, asked), path.parent)
    extends, skip = own.get("extends"), own.get("skip")
    if extends is None:
        if skip is not None:
            raise SuiteError([Problem("`skip` drops inherited checks, and this suite extends none", "", skip.key)])
        return own
    if not isinstance(extends.value, str) or not extends.value:
        message = f"`extends` must be a string, the name of a suite file, not {described(extends.plain())}"
        raise SuiteError([Problem(message, 'write `extends = "base.toml"`', extends.at)])
    under = _extended(path.parent / extends.value, (*chain, path), extends.at, folder)
    return lay_over(_skipped(under, skip), without(own, ("extends", "skip")))


def _skipped(suite: Node, skip: Node | None) -> Node:
    """The suite without the checks of these names, every one of which must be there."""
    if skip is None:
        return suite
    checks = suite.get("check")
    known = {check_name(check): check_title(check) for check in _items(checks)}
    problems = [problem for item in skip.items if (problem := _not_there(item, known))]
    if not skip.items:
        problems = [Problem("`skip` must be a non-empty array of names of checks", 'write `skip = ["NAME"]`', skip.at)]
    if problems:
        raise SuiteError(problems)
    names = {name for item in skip.items for name in checks_meant(item.value, known)}
    kept = [check for check in _items(checks) if check_name(check) not in names]
    return lay_over(without(suite, ("check",)), _with_checks(suite, kept))


def _not_there(item: Node, known: Mapping[str, str]) -> Problem | None:
    """Why an item means no check, or several; `known` are the titles of the inherited checks by their names."""
    found = checks_meant(item.value, known) if isinstance(item.value, str) else []
    if len(found) == 1:
        return None
    if found:
        choices = f"write one of {', '.join(f'`{name}`' for name in found)}"
        return Problem(f"{len(found)} inherited checks are called `{item.value}` in reports", choices, item.at)
    hint = (
        did_you_mean(str(item.value), dict.fromkeys([*known, *known.values()]))
        or f"it has {', '.join(f'`{name}`' for name in known) or 'none'}"
    )
    return Problem(f"there is no inherited check {described(item.plain())}", hint, item.at)


def _with_checks(suite: Node, checks: list[Node]) -> Node:
    node = suite.tables["check"]
    return Node({"check": Node(checks, node.key, node.at, node.base)}, suite.key, suite.at, suite.base)


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _text(path: Path, asked: Location | None) -> Text:
    """The content of a suite file; of one that another names, and that is no suite, no error shows any of it."""
    try:
        if is_special(path):
            raise SuiteError([Problem(f"`{path}` is no file on disk, and a suite is one", "", asked)])
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise SuiteError([_unreadable(path, error, asked)]) from None
    kind = file_format(path)
    if kind is not FileFormat.UNKNOWN:
        raise SuiteError([Problem(f"`{path}` is {kind}, and a suite is TOML", MEANT, asked)])
    if len(content) > LARGEST:
        raise SuiteError([Problem(f"`{path}` is too large to be a suite", MEANT, asked)])
    content = content.removeprefix(BYTE_ORDER_MARK)
    if asked is not None and not OF_A_SUITE.search(content):
        raise SuiteError([Problem(f"`{path}` is no suite", "a suite is TOML, with `format = 1` at its top", asked)])
    try:
        return Text(str(path), content.decode())
    except UnicodeDecodeError as error:
        raise SuiteError([_not_text(path, content, error)]) from None


def _unreadable(path: Path, error: Exception, asked: Location | None) -> Problem:
    if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises for a name too long for a file
        hint = did_you_mean("suite.toml", [file.name for file in sorted(path.glob("*.toml"))])
        return Problem(f"`{path}` is a folder, and a suite is a file", hint, asked)
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return Problem(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}", "", asked)
    if path.suffix != ".toml":
        hint = "the name of a suite file ends in `.toml`; suites that plugins ship cannot be named yet"
        return Problem(f"there is no suite `{path}`", hint, asked)
    return Problem(f"there is no file `{path}`", did_you_mean(str(path), _suites_near(path.parent)), asked)


def _suites_near(folder: Path) -> list[str]:
    """The files that a person may have meant, beside the one that is not there and in a folder of suites."""
    found = [*sorted(folder.glob("*.toml")), *sorted(folder.glob("suites/*.toml"))]
    return [str(file) for file in found if file.name != "pyproject.toml"]


def _not_text(path: Path, content: bytes, error: UnicodeDecodeError) -> Problem:
    text = Text(str(path), content.decode(errors="replace"))
    at = len(content[: error.start].decode().replace("\r\n", "\n"))
    message = f"byte 0x{content[error.start]:02x} is not UTF-8, and TOML is"
    return Problem(message, "save the file as UTF-8", text.location(Span(at, at + 1)))
