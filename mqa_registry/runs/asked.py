"""What a command asks for beyond the suite file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.contributions import Conditions
from mqa_registry.suite import Overrides

if TYPE_CHECKING:
    from mqa_registry.suite import Suite

STORE = ".mqa"  # the store's folder, beside the suite


@dataclass(frozen=True)
class Asked:
    """What a command asks for beyond the suite file: the same for every command that reads a suite.

    `plugin_files` are Python files to load as plugins, `outputs` the files that the command writes; the flags from
    `device` on are those of `Conditions`. `timeout` is how many seconds a call into a plugin may take, 0 for no limit;
    left out, what is usual for its kind.
    """

    overrides: Overrides = field(default_factory=Overrides)
    plugin_files: tuple[Path, ...] = ()
    store: Path | None = None
    outputs: tuple[Path, ...] = ()
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    timeout: float | None = None
    force: bool = False

    def store_of(self, suite: Suite) -> Path:
        return self.store or suite.path.parent / STORE

    def conditions(self, suite: Suite) -> Conditions:
        return self.conditions_in(self.store_of(suite))

    def conditions_in(self, store: Path) -> Conditions:
        return Conditions(
            exports=store / "exports",
            device=self.device,
            offline=self.offline,
            allow_code=self.allow_code,
            allow_pickle=self.allow_pickle,
            trust_remote_code=self.trust_remote_code,
            force=self.force,
            plugin_files=self.plugin_files,
        )
