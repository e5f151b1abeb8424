"""What `--only`, `--backend` and `--limit` leave of a suite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison, Probe
from mqa_registry.errors import Location
from mqa_registry.naming import title
from mqa_registry.options import did_you_mean
from mqa_registry.suite.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mqa_registry.suite.model import Check, Data, Suite, Waiver
    from mqa_registry.suite.overrides import Overrides

SHOWN = 5  # names that a hint lists


def select(suite: Suite, overrides: Overrides) -> Suite:
    """The suite with the checks, backends and rows that the command line asks for; SuiteError where that is nothing."""
    findings = Findings()
    checks = _only(suite.checks, overrides.only, findings)
    checks = _on(suite, checks, overrides.backends, findings)
    data = {name: _limited(one, overrides.limit) for name, one in suite.data.items()}
    if overrides.limit is not None and overrides.limit < 1:
        findings.add(_flag("--limit", str(overrides.limit)), "a limit must be at least 1 row")
    findings.settle()
    backends = {name: use for name, use in suite.backends.items() if name in _needed(suite, checks)}
    waivers = tuple(_partly(waiver, suite, overrides) for waiver in suite.waivers)
    return replace(suite, checks=checks, backends=backends, data=data, waivers=waivers)


def _only(checks: tuple[Check, ...], words: Sequence[str], findings: Findings) -> tuple[Check, ...]:
    """The checks that one of these words means."""
    chosen = {name for word in words for name in _meant(word, checks, findings)}
    return tuple(check for check in checks if not words or check.name in chosen)


def _meant(word: str, checks: tuple[Check, ...], findings: Findings) -> list[str]:
    """The checks of this name or tag; else the one that reports call so; else the one whose name has it as a part."""
    exact = [check.name for check in checks if word in (check.name, *check.tags)]
    if exact:
        return exact
    titles = {check.name: _title(check) for check in checks}
    shown = [name for name, short in titles.items() if short == word]
    found = shown or [name for name, short in titles.items() if _is_part(word, name, short)]
    if len(found) > 1:
        choices = found if shown else [titles[name] for name in found]
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        findings.add(
            _flag("--only", word),
            f"{len(found)} checks could be meant by `{word}`",
            f"write one of {_joined(choices[:SHOWN])}{more}",
        )
    elif not found:
        tags = (tag for check in checks for tag in check.tags)
        known = list(dict.fromkeys((*titles.values(), *tags)))
        hint = did_you_mean(word, dict.fromkeys([*known, *titles])) or f"the suite has {_joined(known)}"
        findings.add(_flag("--only", word), f"no check has the name or the tag `{word}`", hint)
    return found


def _title(check: Check) -> str:
    """The name of a check as reports tell it."""
    by = check.by.spelled() if check.by else None
    return title(check.name, check.measure.spelled(), check.spelled.get("perturb"), by)


def _is_part(word: str, *names: str) -> bool:
    return bool(word.strip()) and any(word.casefold() in name.casefold() for name in names)


def _on(suite: Suite, checks: tuple[Check, ...], names: Sequence[str], findings: Findings) -> tuple[Check, ...]:
    """The checks on these backends alone, those left out that run on none of them."""
    if not names:
        return checks
    for name in names:
        if name not in suite.backends:
            hint = did_you_mean(name, suite.backends) or f"the suite has {_joined(list(suite.backends))}"
            findings.add(_flag("--backend", name), f"there is no backend `{name}`", hint)
    kept = [replace(check, on=tuple(name for name in check.on if name in names)) for check in checks]
    left = tuple(check for check in kept if check.on)
    if checks and not left and set(names) <= set(suite.backends):
        findings.add(
            _flag("--backend", names[0]), f"no check runs on {_joined(names)}", "the checks choose others by `on`"
        )
    return left


def _needed(suite: Suite, checks: Iterable[Check]) -> set[str]:
    """The backends that some check runs on, or is held against."""
    return {name for check in checks for name in (*check.on, *_held_against(suite, check))}


def _held_against(suite: Suite, check: Check) -> tuple[str, ...]:
    if check.against:
        return (check.against.backend,) if check.against.backend else ()
    measure = check.measure.contribution
    if isinstance(measure, Comparison) or (isinstance(measure, Probe) and measure.compares):
        return (suite.reference,)
    dropping = any(bound.max_drop is not None or bound.max_rise is not None for bound in check.expect.values())
    return (suite.reference,) if dropping and not check.steps[0].perturb else ()


def _partly(waiver: Waiver, suite: Suite, overrides: Overrides) -> Waiver:
    """Fewer rows or backends do not show that a failure is gone."""
    on = {name for check in suite.checks if check.name == waiver.check for name in check.on}
    left_out = overrides.backends and on - set(overrides.backends)
    return replace(waiver, partial=bool(left_out or overrides.limit is not None))


def _limited(data: Data, limit: int | None) -> Data:
    return data if limit is None else replace(data, limit=min(limit, data.limit or limit))


def _flag(flag: str, value: str) -> Location:
    """A place on the command line."""
    return Location(flag, 1, 1, max(len(value), 1), value)


def _joined(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
