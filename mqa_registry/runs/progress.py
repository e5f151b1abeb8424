"""What a run tells while it goes on: its progress, and each verdict once it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mqa_registry.execution import Progress, SilentProgress
from mqa_registry.judging.judge import SilentListener, VerdictListener

if TYPE_CHECKING:
    from mqa_registry.plan import Plan


class RunProgress(Progress, VerdictListener, Protocol):
    """Receives all that a run tells."""

    def begin(self, plan: Plan) -> None:
        """A run of this plan begins."""


class SilentRunProgress(SilentProgress, SilentListener):
    """Tells nobody."""

    def begin(self, plan: Plan) -> None:
        pass
