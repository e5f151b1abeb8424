"""The problems of a suite, collected with their places."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.options import validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mqa_registry.options import Fault, Options
    from mqa_registry.suite.tree import Node


class Findings:
    """Every problem found so far."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def add(self, at: Location, message: str, hint: str = "") -> None:
        self._problems[Problem(message, hint, at)] = None

    def table(
        self, node: Node, keys: Options, *, owner: str, others: bool = False, instead: Mapping[str, str] | None = None
    ) -> dict[str, Node]:
        """The keys of a table that are as they should be.

        Keys beside `keys` are problems, unless there may be `others`. `instead` has hints for keys that people get wrong.
        """
        own = {key: child for key, child in node.tables.items() if not others or key in keys.names}
        faults = validate(keys, {key: child.plain() for key, child in own.items()}, owner=owner, noun="key").faults
        for fault in faults:
            self._fault(node, own, _hinted(fault, instead or {}))
        bad = {fault.path[0] for fault in faults if fault.path}
        return {key: child for key, child in own.items() if key not in bad}

    def values(
        self, node: Node, options: Options, given: Mapping[str, Node], owner: str, also: tuple[str, ...]
    ) -> Mapping[str, Any] | None:
        """The options of a contribution as its function takes them; None where they have faults.

        `also` are other keys of the same table, which a misspelt option may have meant.
        """
        plain = {key: child.plain() for key, child in given.items()}
        bases = {key: child.base for key, child in given.items()}
        valid = validate(options, plain, owner=owner, bases=bases, also=also)
        for fault in valid.faults:
            self._fault(node, given, fault)
        return None if valid.faults else valid.values

    def _fault(self, table: Node, given: Mapping[str, Node], fault: Fault) -> None:
        place = given[str(fault.path[0])].down(fault.path[1:]) if fault.path else table
        self.add(place.key if fault.at_key else place.at, fault.message, fault.hint)

    def settle(self) -> None:
        """SuiteError with all problems, where there are any; those of one file in the order of its lines."""
        if self._problems:
            files = {problem.location.file: None for problem in self._problems if problem.location}
            order = list(files)
            raise SuiteError(sorted(self._problems, key=lambda problem: _place(problem, order)))


def _place(problem: Problem, files: list[str]) -> tuple[int, int, int]:
    where = problem.location
    return (files.index(where.file), where.line, where.column) if where else (-1, 0, 0)


def _hinted(fault: Fault, instead: Mapping[str, str]) -> Fault:
    key = fault.path[0] if fault.path else ""
    return replace(fault, hint=instead[str(key)]) if key in instead and (fault.at_key or not fault.hint) else fault
