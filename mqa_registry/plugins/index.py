"""The index of plugins and suites that others publish: a file of mqa's, which they extend by a pull request."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import UsageError
from mqa_registry.plugins.catalog import NAME, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INDEX = Path(__file__).parents[1] / "index.toml"
FORMAT = 1
PLUGIN = "plugin"  # the kind of an entry about all that a plugin gives
KINDS = frozenset({PLUGIN, *(kind.kind for role in ROLES for kind in role.kinds)})
DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # the name of one, by PEP 508
MAX_SUMMARY = 130  # characters, as of the one-line help of a contribution


@dataclass(frozen=True)
class IndexEntry:
    """A plugin, or something that it gives: its `name` in suites, its kind, what pip installs, and a line about it."""

    name: str
    kind: str
    distribution: str
    summary: str


def read_index(path: Path = INDEX) -> tuple[IndexEntry, ...]:
    """The entries of an index file. Raises a UsageError that names the first one that is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"`{path}` cannot be read: {error.strerror}", hint="`--index` takes a copy of `index.toml`"
        ) from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise UsageError(f"`{path}` is no index: {error}", hint="`--index` takes a copy of `index.toml`") from error
    if content.get("format") != FORMAT:
        raise UsageError(f"`{path}` is no index of format {FORMAT}", hint="a newer mqa may read it")
    entries = content.get("entry", [])
    return tuple(_read_entry(entry, f"`{path}`, entry {number}") for number, entry in enumerate(entries, start=1))


def _read_entry(entry: Any, where: str) -> IndexEntry:
    names = [field.name for field in fields(IndexEntry)]
    if not isinstance(entry, dict) or sorted(entry) != sorted(names) or not all(map(_is_line, entry.values())):
        raise UsageError(f"{where}: it has {', '.join(f'`{name}`' for name in names)}, each a line of text")
    read = IndexEntry(**entry)
    plugin, slash, contribution = read.name.partition("/")
    if not (NAME.fullmatch(plugin) and (NAME.fullmatch(contribution) if slash else read.kind == PLUGIN)):
        raise UsageError(
            f"{where}: `{read.name}` names no {read.kind}", hint="write `plugin/name`, or `plugin` for a plugin"
        )
    if read.kind not in KINDS:
        raise UsageError(f"{where}: there is no kind `{read.kind}`", hint=f"kinds are {', '.join(sorted(KINDS))}")
    if not DISTRIBUTION.fullmatch(read.distribution):
        raise UsageError(
            f"{where}: `{read.distribution}` is the name of no distribution", hint="write what pip installs"
        )
    if len(read.summary) > MAX_SUMMARY:
        raise UsageError(f"{where}: its summary has more than {MAX_SUMMARY} characters")
    return read


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def find_entries(entries: Iterable[IndexEntry], words: Sequence[str], kind: str | None = None) -> list[IndexEntry]:
    """The entries that have every word in their name, kind or summary, in any case; those with all in the name first."""
    folded = [word.casefold() for word in words]
    found = [
        entry
        for entry in entries
        if kind in (None, entry.kind)
        and all(word in f"{entry.name} {entry.kind} {entry.summary}".casefold() for word in folded)
    ]
    return sorted(found, key=lambda entry: not all(word in entry.name.casefold() for word in folded))
