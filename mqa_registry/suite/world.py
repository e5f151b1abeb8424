"""The world of a check: what it may run on, and the form in which a rule says what cannot work there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from mqa_registry.contributions import Replay, Task
from mqa_registry.options import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Use
    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.tree import Node

Complaint: TypeAlias = "tuple[Node, str, str]"  # where, what, and what to do
Rule: TypeAlias = "Callable[[Draft, World], Iterator[Complaint]]"

SCHEMA = "label"  # what a replay brings that has no option `schema`


@dataclass(frozen=True)
class World:
    """What the checks of a suite run on: its backends, as far as they were found, and its task."""

    backends: Mapping[str, Use | None]
    task: Use | None
    catalog: Catalog

    @property
    def reference(self) -> str:
        """The first backend; nothing where the suite has none."""
        return next(iter(self.backends), "")

    def backends_of(self, draft: Draft) -> tuple[str, ...]:
        """The backends that a check is about, with the reference where it compares."""
        return (*draft.on, *([self.reference] if draft.compares else []))

    def schema(self, backend: str) -> str:
        """The schema of a backend's predictions; nothing where it cannot be known."""
        use = self.backends.get(backend)
        if use is None:
            return ""
        if isinstance(use.contribution, Replay):
            option = options_of(use.contribution.function).get("schema")
            return str(use.options.get("schema", option.default if option else SCHEMA))
        return cast("Task", self.task.contribution).schema if self.task else ""
