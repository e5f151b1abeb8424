"""One diagnosis, made in a process of its own: what it loads is gone afterwards, and its crash is nobody else's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mqa_registry.contributions import Diagnosis
from mqa_registry.findings import Finding, Level
from mqa_registry.plugins import load

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = 180.0  # seconds for one diagnosis; loading PyTorch from a cold disk can take a minute
MAX_CHARACTERS = 20_000  # characters of what a process said that are kept
END = "{}"  # the last line of what a whole diagnosis writes; a process that a library ends has none


def findings_of(reference: str, files: Sequence[Path] = (), *, timeout: float = TIMEOUT) -> list[Finding]:
    """What the diagnosis of this name finds, and where it does not come to its end, that too."""
    with tempfile.TemporaryDirectory(prefix="mqa-doctor-", ignore_cleanup_errors=True) as folder:
        written, log = Path(folder, "findings"), Path(folder, "log")
        written.touch()
        end = _run([reference, str(written), *map(str, files)], log, timeout)
        lines = written.read_text(encoding="utf-8").split("\n")[:-1]  # behind the last break is nothing, or half a line
        found = [Finding(**json.loads(line)) for line in lines if line != END]
        return found if lines[-1:] == [END] and not end else [*found, _incomplete(reference, end, log)]


def _run(arguments: Sequence[str], log: Path, timeout: float) -> str:
    """Run this module with a time limit; gives how it ended, or nothing where that was well."""
    # -P: what lies in the folder where mqa is called must not stand in for a library.
    command = [sys.executable, "-P", "-m", __name__, *arguments]
    with log.open("wb") as out:
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return f"it was still at work after {timeout:g} seconds, and was stopped"
    if done.returncode < 0:
        return f"it crashed: {_signal(-done.returncode)}"
    return f"it ended with exit code {done.returncode}" if done.returncode else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _incomplete(reference: str, end: str, log: Path) -> Finding:
    """What became of a diagnosis that did not come to its end."""
    text = log.read_bytes().decode("utf-8", "replace")[-MAX_CHARACTERS:].strip()
    last = text.rpartition("\n")[2]
    words = f"{end or 'it ended before it was done'}{f': {last:.300}' if last else ''}"
    return Finding("problem", reference.partition("/")[2], words, "run `mqa doctor -v`, and report what it shows", text)


def main() -> None:
    """Make one diagnosis and write what it finds, a line each: `plugin/name`, where to, and files that are plugins."""
    reference, target, *files = sys.argv[1:]
    plugin_name, _, name = reference.partition("/")
    plugin = load([plugin_name], files=[Path(file) for file in files]).plugin(plugin_name)
    diagnosis = next(each for each in plugin.contributions if isinstance(each, Diagnosis) and each.name == name)
    with Path(target).open("a", encoding="utf-8") as out:
        for finding in diagnosis.function():
            print(json.dumps(asdict(_checked(finding))), file=out, flush=True)
        print(END, file=out)


def _checked(finding: object) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(f"it yields a `{type(finding).__name__}`, and a diagnosis yields `Finding`s")
    if finding.level not in get_args(Level):
        raise TypeError(f"it yields a finding of level {finding.level!r:.40}")
    return finding


if __name__ == "__main__":
    main()
