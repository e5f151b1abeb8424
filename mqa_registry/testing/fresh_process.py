"""A fresh process in which a plugin is imported and works once, and what is found of it there.

The process is started once for each plugin, when the first rule asks for it.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.process import end_process_tree, signal_name
from mqa_registry.testing.subject import NotTriedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.testing.subject import Trial

PROGRAM = "mqa_registry.testing.watched_process"
ENVIRONMENT = dict(os.environ)  # before this process has imported the plugin, which may have changed it
SECONDS = 600.0  # that a plugin has to be imported and to work once
SURVIVES = "survives"  # the rule that a plugin breaks which ends or blocks the process


@dataclass(frozen=True)
class Request:
    """What the process gets: a plugin by its name or file, what its contributions are tried with, and where to import from."""

    plugin: str | Path
    trials: Mapping[str, Trial]
    path: list[str]


@dataclass(frozen=True)
class FreshProcess:
    """What a plugin does in a process of its own, which is started on first use."""

    plugin: str | Path
    trials: Mapping[str, Trial]

    def find(self, rule: str) -> str:
        """What was seen of a rule there; not tried where the process did not get so far."""
        faults = self.faults
        if SURVIVES in faults and rule != SURVIVES:
            raise NotTriedError(f"{faults[SURVIVES]}; see the rule `{SURVIVES}`")
        return faults.get(rule, "")

    @cached_property
    def faults(self) -> Mapping[str, str]:
        """What was seen, by rule."""
        with tempfile.TemporaryDirectory(prefix="mqa-conformance-") as name:
            folder = Path(name)
            request = Request(self._locate(), dict(self.trials), sys.path)
            try:
                (folder / "request").write_bytes(pickle.dumps(request))
            except Exception as error:  # of pickle, in many classes
                raise NotTriedError(f"its trials cannot be sent to a process of its own: {error}") from error
            return _run(folder)

    def _locate(self) -> str | Path:
        return self.plugin.absolute() if isinstance(self.plugin, Path) else self.plugin


def _run(folder: Path) -> Mapping[str, str]:
    """Run the program in a folder with its request, and read what it found."""
    command = [sys.executable, "-m", PROGRAM, str(folder)]
    with (folder / "errors").open("wb") as errors, (folder / "output").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own program
            command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            code: int | None = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end_process_tree(process)
    found = folder / "found.json"
    if found.exists():
        faults: Mapping[str, str] = json.loads(found.read_text("utf-8"))
        return faults
    step = (folder / "step").read_text("utf-8") if (folder / "step").exists() else "it started"
    if code is None:
        return {SURVIVES: f"it was still at work after {SECONDS:g} seconds, while {step}"}
    end = signal_name(-code) if code < 0 else f"exit code {code}"
    last = (folder / "errors").read_text("utf-8", "replace").strip().rpartition("\n")[2]
    return {SURVIVES: f"the process ended by {end} while {step}{f': {last}' if last else ''}"}
