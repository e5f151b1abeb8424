"""Everything that changes a suite: `extends`, `--model`, `--data`, `--set`, `--executor`, `--only`, `--backend` and `--limit`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.naming import did_you_mean, shorten_check_name
from mqa_registry.options import describe_value
from mqa_registry.suite.check_names import check_name, check_titles, find_check, join_names
from mqa_registry.suite.diagnostics import Diagnostics
from mqa_registry.suite.inputs import with_inputs
from mqa_registry.suite.positions import Text
from mqa_registry.suite.toml import Node, read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mqa_registry.suite.model import Check, Data, Suite, Waiver

KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
SETTING = re.compile(rf"\s*(?P<key>{KEY}(?:[ \t]*\.[ \t]*{KEY})*)[ \t]*=(?P<value>.*)", re.DOTALL)
MAX_NAMES = 5  # that a hint lists
EXECUTION = "execution"  # the table of the executor


@dataclass(frozen=True)
class Overrides:
    """What `--model MODEL`, `--data FILE`, `--set KEY=VALUE`, `--only TAG-OR-NAME`, `--backend NAME`, `--limit N` and `--executor NAME` say, if given.

    `confined` keeps all that the suite names to its own folder.
    """

    model: str | None = None
    data: Path | None = None
    set: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    limit: int | None = None
    confined: bool = False
    executor: str | None = None


# A suite that extends another.


def merge_suites(base: Node, over: Node) -> Node:
    """One suite merged over another: tables by key, checks by name; any other value is that of `over`."""
    merged = _merge_tables(base, over)
    checks = [node.get("check") for node in (base, over)]
    if all(node is not None and isinstance(node.value, list) for node in checks):
        base_checks, over_checks = (node.items for node in checks if node is not None)
        merged.value["check"] = replace(merged.value["check"], value=_merge_checks(base_checks, over_checks))
    return merged


def _merge_tables(base: Node, over: Node) -> Node:
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    both = {key: _merge_tables(node, over.value[key]) for key, node in base.value.items() if key in over.value}
    return replace(over, value={**base.value, **over.value, **both})


def _merge_checks(base: list[Node], over: list[Node]) -> list[Node]:
    """Every check of the base, merged with the first of its name in `over`; then the other checks of `over`."""
    named: dict[str, Node] = {}
    others = []
    inherited = {check_name(check) for check in base} - {""}
    for check in over:
        name = check_name(check)
        if name in inherited and name not in named:
            named[name] = check
        else:
            others.append(check)
    merged = [_merge_tables(check, named[name]) if (name := check_name(check)) in named else check for check in base]
    return merged + others


def skip_checks(suite: Node, skip: Node | None) -> Node:
    """The suite without the checks that `skip` names; a SuiteError where it has no such check."""
    if skip is None:
        return suite
    checks = suite.get("check")
    inherited = checks.items if checks else []
    titles = check_titles(inherited)
    skipped = [_find_inherited(item, titles) for item in skip.items]
    problems = [item for item in skipped if isinstance(item, Problem)]
    if not skip.items:
        problems = [Problem("`skip` must be a non-empty array of names of checks", 'write `skip = ["NAME"]`', skip.at)]
    if problems or checks is None:
        raise SuiteError(problems)
    left = [check for check in inherited if check_name(check) not in skipped]
    return replace(suite, value={**suite.value, "check": replace(checks, value=left)})


def _find_inherited(item: Node, titles: Mapping[str, str]) -> str | Problem:
    return find_check(
        item.value,
        titles,
        item.at,
        noun="inherited check",
        missing=f"there is no inherited check {describe_value(item.plain())}",
        hint=f"it has {join_names(titles) or 'none'}",
    )


# `--set`.


def with_settings(suite: Node, settings: Iterable[str]) -> Node:
    """The suite with every `KEY=VALUE` merged over it; paths in them are relative to the current folder.

    KEY is a dotted key, `check.NAME.KEY` for the check of that name, or of that short name in reports. VALUE is TOML;
    where it is not, it is taken for a string.
    """
    for setting in settings:
        parsed = _parse_setting(setting)
        for key in {"extends", "skip"} & parsed.tables.keys():
            raise SuiteError(
                [Problem(f"`{key}` cannot be set: it says which suite this is", "", parsed.tables[key].key)]
            )
        suite = merge_suites(suite, _with_check_names(suite, parsed))
    return suite


def _parse_setting(setting: str) -> Node:
    """A setting as a suite with one key."""
    match = SETTING.fullmatch(setting)
    if match is None:
        hint = "write `--set KEY=VALUE`, as in `--set model.id=./my-model`"
        raise SuiteError([Problem(f"`--set {setting}` names no key and value", hint)])
    as_string = f"{match['key']}={json.dumps(match['value'], ensure_ascii=False)}".replace("\x7f", "\\u007f")
    for text in (setting, as_string):
        if "\n" not in text and (node := _read_setting(text)) is not None:
            return node
    raise SuiteError([Problem(f"`--set {setting}` cannot be read")])


def _read_setting(text: str) -> Node | None:
    try:
        return read_tree(Text("--set", text), Path())
    except SuiteError:
        return None


def _with_check_names(suite: Node, setting: Node) -> Node:
    """The setting with its table `check.NAME` as an array of one table, whose `name` is NAME."""
    checks = setting.get("check")
    if checks is None or not isinstance(checks.value, dict):
        return setting
    titles = check_titles((suite.get("check") or setting).items)
    tables = [_with_check_name(name, table, titles) for name, table in checks.value.items()]
    return replace(setting, value={"check": replace(checks, value=tables)})


def _with_check_name(name: str, table: Node, titles: Mapping[str, str]) -> Node:
    """The table with the full name of its check added as `name`."""
    missing, hint = f"there is no check `{name}`", "`check.NAME.KEY` sets a key of the check NAME"
    found = find_check(name, titles, table.key, missing=missing, hint=hint)
    if isinstance(found, Problem):
        raise SuiteError([found])
    if not isinstance(table.value, dict):
        raise SuiteError([Problem(f"check `{name}` is a table", "`check.NAME.KEY` sets one of its keys", table.at)])
    return replace(table, value={"name": replace(table, value=found), **table.value})


# `--model`, `--data` and `--executor`.


def with_overrides(suite: Node, overrides: Overrides, plugin_files: Sequence[Path] = ()) -> Node:
    """The suite with what `--model`, `--data`, `--executor` and `--set` say; a setting may be an option of what those name."""
    suite = with_inputs(suite, overrides.model, overrides.data, plugin_files)
    return with_settings(_with_executor(suite, overrides.executor), overrides.set)


def _with_executor(suite: Node, name: str | None) -> Node:
    """The suite with another executor, without the options of the one that it names; as it is where that is the same."""
    table = suite.get(EXECUTION)
    use = table.get("use") if table else None
    if name is None or (use is not None and use.value == name):
        return suite
    at = _flag("--executor", name)
    made = Node({"use": Node(name, at, at, suite.base)}, at, at, suite.base)
    return replace(suite, value={**suite.tables, EXECUTION: made})


# `--only`, `--backend` and `--limit`, on a validated suite.


def select(suite: Suite, overrides: Overrides) -> Suite:
    """The suite with the checks, backends and rows that the command line selects; a SuiteError where there are none."""
    diagnostics = Diagnostics()
    checks = _select_checks(suite.checks, overrides.only, diagnostics)
    checks = _select_backends(suite, checks, overrides.backends, diagnostics)
    data = {name: _limit_rows(one, overrides.limit) for name, one in suite.data.items()}
    if overrides.limit is not None and overrides.limit < 1:
        diagnostics.add(_flag("--limit", str(overrides.limit)), "a limit must be at least 1 row")
    diagnostics.raise_any()
    needed = {name for check in checks for name in (*check.on, *_reference_backends(suite, check))}
    backends = {name: use for name, use in suite.backends.items() if name in needed}
    waivers = tuple(_mark_partial(waiver, suite, overrides) for waiver in suite.waivers)
    return replace(suite, checks=checks, backends=backends, data=data, waivers=waivers)


def _select_checks(checks: tuple[Check, ...], words: Sequence[str], diagnostics: Diagnostics) -> tuple[Check, ...]:
    """The checks that these words select; all where there are no words."""
    chosen = {name for word in words for name in _find_by_word(word, checks, diagnostics)}
    return tuple(check for check in checks if not words or check.name in chosen)


def _find_by_word(word: str, checks: tuple[Check, ...], diagnostics: Diagnostics) -> list[str]:
    """The checks of this name or tag; else the one of this name in reports; else the one whose name contains it."""
    exact = [check.name for check in checks if word in (check.name, *check.tags)]
    if exact:
        return exact
    titles = {check.name: _title(check) for check in checks}
    by_title = [name for name, short in titles.items() if short == word]
    matches = by_title or [name for name, short in titles.items() if _is_part(word, name, short)]
    if len(matches) > 1:
        choices = matches if by_title else [titles[name] for name in matches]
        more = f" and {len(matches) - MAX_NAMES} more" if len(matches) > MAX_NAMES else ""
        message = f"{len(matches)} checks could be meant by `{word}`"
        diagnostics.add(_flag("--only", word), message, f"write one of {join_names(choices[:MAX_NAMES])}{more}")
    elif not matches:
        tags = (tag for check in checks for tag in check.tags)
        names = list(dict.fromkeys((*titles.values(), *tags)))
        hint = did_you_mean(word, dict.fromkeys([*names, *titles])) or f"the suite has {join_names(names)}"
        diagnostics.add(_flag("--only", word), f"no check has the name or the tag `{word}`", hint)
    return matches


def _title(check: Check) -> str:
    """The name of a check in reports."""
    return shorten_check_name(
        check.name, check.measure.as_table(), check.perturb_table(), check.by and check.by.as_table()
    )


def _is_part(word: str, *names: str) -> bool:
    return bool(word.strip()) and any(word.casefold() in name.casefold() for name in names)


def _select_backends(
    suite: Suite, checks: tuple[Check, ...], names: Sequence[str], diagnostics: Diagnostics
) -> tuple[Check, ...]:
    """The checks on these backends alone, without those that run on none of them."""
    if not names:
        return checks
    for name in names:
        if name not in suite.backends:
            hint = did_you_mean(name, suite.backends) or f"the suite has {join_names(suite.backends)}"
            diagnostics.add(_flag("--backend", name), f"there is no backend `{name}`", hint)
    limited = [replace(check, on=tuple(name for name in check.on if name in names)) for check in checks]
    remaining = tuple(check for check in limited if check.on)
    if checks and not remaining and set(names) <= set(suite.backends):
        at = _flag("--backend", names[0])
        diagnostics.add(at, f"no check runs on {join_names(names)}", "the checks choose others by `on`")
    return remaining


def _reference_backends(suite: Suite, check: Check) -> tuple[str, ...]:
    """The backend of a check's reference view; none where that is its own backend."""
    if not check.needs_reference:
        return ()
    against = check.reference(suite.reference, perturbed=bool(check.steps[0].perturb))
    return (against.backend,) if against.backend else ()


def _mark_partial(waiver: Waiver, suite: Suite, overrides: Overrides) -> Waiver:
    """Mark a waiver partial where rows or backends are left out: a check that then holds need not hold in full."""
    on = {name for check in suite.checks if check.name == waiver.check for name in check.on}
    left_out = overrides.backends and on - set(overrides.backends)
    return replace(waiver, partial=bool(left_out or overrides.limit is not None))


def _limit_rows(data: Data, limit: int | None) -> Data:
    return data if limit is None else replace(data, limit=min(limit, data.limit or limit))


def _flag(flag: str, value: str) -> Location:
    """The position of a flag of the command line."""
    return Location(flag, 1, 1, max(len(value), 1), value)
