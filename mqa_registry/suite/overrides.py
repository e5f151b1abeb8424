"""What the command line changes in a suite."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Problem, SuiteError
from mqa_registry.options import did_you_mean
from mqa_registry.positions import Text
from mqa_registry.suite.merge import lay_over
from mqa_registry.suite.names import check_name, check_title, checks_meant
from mqa_registry.suite.tree import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.suite.tree import Node

KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
SETTING = re.compile(rf"\s*(?P<key>{KEY}(?:[ \t]*\.[ \t]*{KEY})*)[ \t]*=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True)
class Overrides:
    """What `--set KEY=VALUE`, `--only TAG-OR-NAME`, `--backend NAME` and `--limit N` say; nothing, unless given.

    `confined` keeps all that the suite names to its own folder.
    """

    set: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    limit: int | None = None
    confined: bool = False


def with_settings(suite: Node, settings: Iterable[str]) -> Node:
    """The suite with every `KEY=VALUE` laid over it; paths in them are relative to the current folder.

    KEY is a dotted key, `check.NAME.KEY` for the check of that name, or of that short name in reports. VALUE is TOML, else a string just as it stands.
    """
    for setting in settings:
        parsed = _parsed(setting)
        for key in {"extends", "skip"} & parsed.tables.keys():
            raise SuiteError(
                [Problem(f"`{key}` cannot be set: it says which suite this is", "", parsed.tables[key].key)]
            )
        suite = lay_over(suite, _checks_by_name(suite, parsed))
    return suite


def _parsed(setting: str) -> Node:
    """A setting as a suite of its own."""
    match = SETTING.fullmatch(setting)
    if match is None:
        hint = "write `--set KEY=VALUE`, as in `--set model.id=./my-model`"
        raise SuiteError([Problem(f"`--set {setting}` names no key and value", hint)])
    as_string = f"{match['key']}={json.dumps(match['value'], ensure_ascii=False)}".replace("\x7f", "\\u007f")
    for text in (setting, as_string):
        if "\n" not in text and (node := _tree(text)) is not None:
            return node
    raise SuiteError([Problem(f"`--set {setting}` cannot be read")])


def _tree(text: str) -> Node | None:
    try:
        return tree(Text("--set", text), Path())
    except SuiteError:
        return None


def _checks_by_name(suite: Node, setting: Node) -> Node:
    """The setting with its table `check.NAME` as an array of one table, whose `name` is NAME."""
    checks = setting.get("check")
    if checks is None or not isinstance(checks.value, dict):
        return setting
    names = {check_name(check): check_title(check) for check in (suite.get("check") or setting).items}
    return replace(
        setting, value={"check": replace(checks, value=[_named(*item, names) for item in checks.value.items()])}
    )


def _named(name: str, table: Node, names: Mapping[str, str]) -> Node:
    """The table with the `name` of the check that is meant: by its name, else by the shorter one that reports show."""
    found = checks_meant(name, names)
    if not found:
        hint = (
            did_you_mean(name, dict.fromkeys([*names, *names.values()]))
            or "`check.NAME.KEY` sets a key of the check NAME"
        )
        raise SuiteError([Problem(f"there is no check `{name}`", hint, table.key)])
    if len(found) > 1:
        hint = f"write one of {', '.join(f'`{full}`' for full in found)}"
        raise SuiteError([Problem(f"{len(found)} checks are called `{name}` in reports", hint, table.key)])
    if not isinstance(table.value, dict):
        raise SuiteError([Problem(f"check `{name}` is a table", "`check.NAME.KEY` sets one of its keys", table.at)])
    return replace(table, value={"name": replace(table, value=found[0]), **table.value})
