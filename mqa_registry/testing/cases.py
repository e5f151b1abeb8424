"""Cases of conformance: every rule with every plugin and contribution that it is for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mqa_registry import plugins
from mqa_registry.errors import UsageError
from mqa_registry.naming import did_you_mean
from mqa_registry.testing.fresh_process import FreshProcess
from mqa_registry.testing.rule import Outcome, Rule, try_rule
from mqa_registry.testing.rules import RULES
from mqa_registry.testing.subject import Subject, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.contributions import Contribution
    from mqa_registry.plugins import Plugin

NO_TRIALS: Mapping[str, Trial] = MappingProxyType({})


@dataclass(frozen=True)
class Case:
    """One rule and one subject: what one test tries. `id` is the name of that test."""

    rule: Rule
    subject: Subject

    @property
    def id(self) -> str:
        return f"{self.subject.label}-{self.rule.id}"

    def run(self) -> Outcome:
        """What becomes of it."""
        return try_rule(self.rule, self.subject)


def list_cases(plugin: str | Path, trials: Mapping[str, Trial] = NO_TRIALS) -> list[Case]:
    """The cases of a plugin, by contribution and rule. Of a plugin that cannot be used, that it loads is the only one.

    `plugin` is the name of an installed one, or a file. `trials` has, by the label of a contribution, what it is tried
    with. Raises a PluginError where there is no such plugin, and a UsageError where a trial is of no contribution, or has
    an option that the contribution does not take.
    """
    found = find_plugin(plugin)
    named = label_contributions(found)
    check_names(trials, named, "contribution")
    parts = [Subject(label, found, one, trials.get(label, Trial())) for label, one in named.items()]
    for part in parts:
        if part.label in trials:
            part.check_options()
    return [
        Case(rule, subject)
        for subject in (Subject(found.name, found, process=FreshProcess(plugin, trials)), *parts)
        for rule in RULES
        if rule.is_for(subject) and not (found.broken and rule.id != LOADS)
    ]


LOADS = "loads"  # the rule that a plugin which cannot be used breaks


def find_plugin(plugin: str | Path) -> Plugin:
    """The installed plugin of a name, or that of a file."""
    if isinstance(plugin, Path):
        return plugins.load([], files=[plugin]).plugin(plugin.stem)
    return plugins.load([plugin]).plugin(plugin)


def label_contributions(plugin: Plugin) -> dict[str, Contribution]:
    """The contributions by their names; where two of different roles have one name, with their kinds before it."""
    counts = Counter(one.name for one in plugin.contributions)
    labels = [
        one.name if counts[one.name] == 1 else f"{one.kind.replace(' ', '-')}-{one.name}"
        for one in plugin.contributions
    ]
    return dict(zip(labels, plugin.contributions, strict=True))


def check_names(given: Iterable[str], known: Iterable[str], noun: str) -> None:
    """Raise a UsageError where a name that is given is not known."""
    known = list(known)
    for name in given:
        if name not in known:
            raise UsageError(f"there is no {noun} `{name}`", hint=did_you_mean(name, known))
