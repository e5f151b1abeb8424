"""Rules of conformance: what each demands of a plugin or of contributions of some kinds, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.boundary import ContributionCall, TimeLimitReached, supervise
from mqa_registry.errors import ContributionError, MqaError
from mqa_registry.testing.subject import CallError, NotTriedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.plugins import Kinds
    from mqa_registry.testing.subject import Subject

SECONDS = 300.0  # that a contribution has for all calls of one rule


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """One thing that a plugin, or its contributions of some kinds, have to do.

    `id` names it in the ids of tests, `demand` says it in one sentence, and `mend` how code is made to follow it. `check`
    returns what was seen where the rule is broken, and empty text where it holds; it raises a NotTriedError where it
    cannot tell. `kinds` are those of the contributions that it is for; without any, it is for the plugin as a whole.
    `applies` is false of subjects of these kinds that the rule says nothing about.
    """

    id: str
    demand: str
    mend: str
    check: Callable[[Subject], str]
    kinds: Kinds = ()
    applies: Callable[[Subject], bool] = _always

    def is_for(self, subject: Subject) -> bool:
        """Whether it says anything about a subject."""
        if subject.contribution is None:
            return not self.kinds
        return isinstance(subject.contribution, self.kinds) and self.applies(subject)


@dataclass(frozen=True)
class Outcome:
    """What became of one rule on one plugin or contribution.

    `seen` is what was seen of a rule that is broken, and `not_tried` why a rule was not tried; both are empty where it holds.
    """

    id: str
    rule: Rule
    seen: str = ""
    not_tried: str = ""

    @property
    def holds(self) -> bool:
        return not self.seen and not self.not_tried

    @property
    def message(self) -> str:
        """The rule, what was seen instead, and how to mend it; of a rule that was not tried, why."""
        if self.not_tried:
            return f"{self.id} was not tried: {self.not_tried}"
        return f"{self.id}: {self.rule.demand}\n  seen: {self.seen}\n  mend: {self.rule.mend}"


def try_rule(rule: Rule, subject: Subject) -> Outcome:
    """Try a rule. One that a contribution does not come to an end of is broken."""
    if subject.contribution is None:
        return _try(rule, subject)
    try:
        with supervise(), ContributionCall(subject.contributor, seconds=SECONDS):
            return _try(rule, subject)
    except ContributionError as error:
        if not isinstance(error.__cause__, TimeLimitReached):
            raise
        return Outcome(f"{subject.label}-{rule.id}", rule, seen=f"it was still at work after {SECONDS:g} seconds")


def _try(rule: Rule, subject: Subject) -> Outcome:
    """What becomes of a rule. What a contribution raises is the business of `works` alone; others are then not tried."""
    name = f"{subject.label}-{rule.id}"
    try:
        return Outcome(name, rule, seen=rule.check(subject))
    except NotTriedError as error:
        return Outcome(name, rule, not_tried=str(error))
    except CallError as error:
        return Outcome(name, rule, not_tried=f"it {error}; see the rule `works`")
    except MqaError as error:
        return Outcome(name, rule, not_tried=error.message)
