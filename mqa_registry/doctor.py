"""The doctor: each diagnosis of a plugin in a process, and whether installed packages meet their requirements.

In a process, what a diagnosis loads is gone afterwards, and its crash affects no other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from mqa_registry.contributions import Diagnosis
from mqa_registry.findings import Finding, Level
from mqa_registry.plugins import load
from mqa_registry.process import end_process_tree, signal_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TIMEOUT = 180.0  # seconds for one diagnosis; loading PyTorch from a cold disk can take a minute
MAX_CHARACTERS = 20_000  # of a process's output that are kept
END = "{}"  # the last line of a complete diagnosis; a process that a library ends writes none


def run_diagnosis(reference: str, files: Sequence[Path] = (), *, timeout: float = TIMEOUT) -> list[Finding]:
    """Run the diagnosis of this name in a process; returns its findings, with a problem where it does not complete.

    `files` are plugins to load from files, `timeout` is in seconds.
    """
    with tempfile.TemporaryDirectory(prefix="mqa-doctor-", ignore_cleanup_errors=True) as folder:
        output, log = Path(folder, "findings"), Path(folder, "log")
        output.touch()
        failure = _run_process([reference, str(output), *map(str, files)], log, timeout)
        lines = output.read_text(encoding="utf-8").split("\n")[:-1]  # after the last break is nothing, or half a line
        findings = [Finding(**json.loads(line)) for line in lines if line != END]
        is_complete = lines[-1:] == [END] and not failure
        return findings if is_complete else [*findings, _incomplete(reference, failure, log)]


def _run_process(arguments: Sequence[str], log: Path, timeout: float) -> str:
    """Run this module with a time limit; returns how it failed, or an empty string."""
    # -P: a file in the current folder must not stand in for a library.
    command = [sys.executable, "-P", "-m", __name__, *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  # our own module
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return f"it was still at work after {timeout:g} seconds, and was stopped"
        finally:
            end_process_tree(process)
    if code < 0:
        return f"it crashed: {signal_name(-code)}"
    return f"it ended with exit code {code}" if code else ""


def _incomplete(reference: str, failure: str, log: Path) -> Finding:
    """The finding of a diagnosis that did not complete."""
    text = log.read_bytes().decode("utf-8", "replace")[-MAX_CHARACTERS:].strip()
    last = text.rpartition("\n")[2]
    message = f"{failure or 'it ended before it was done'}{f': {last:.300}' if last else ''}"
    return Finding(
        "problem", reference.partition("/")[2], message, "run `mqa doctor -v`, and report what it shows", text
    )


def find_unmet_requirements(names: Iterable[str]) -> Iterator[Finding]:
    """What these distributions require and is not installed, and what their requirements require in turn.

    The former is a problem; the latter a note, since their authors may require more than they need.
    """
    direct = {canonicalize_name(name) for name in names}
    pending, seen = sorted((name, "") for name in direct), set[tuple[str, str]]()
    while pending:
        name, extra = pending.pop(0)
        if (name, extra) in seen or (installed := _installed_distribution(name)) is None:
            continue
        seen.add((name, extra))
        for requirement in _list_requirements(installed, extra):
            if fault := _find_fault(requirement):
                level: Level = "problem" if name in direct else "note"
                plain = f"{requirement.name}{requirement.specifier}"
                message = f"{fault}, and {name} requires `{plain}`"
                yield Finding(level, requirement.name, message, f'pip install "{plain}"')
            pending += [(canonicalize_name(requirement.name), extra) for extra in ("", *sorted(requirement.extras))]


def _installed_distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _list_requirements(installed: Distribution, extra: str) -> Iterator[Requirement]:
    """What a distribution requires on this machine; with `extra`, what it requires for that extra alone."""
    for line in installed.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # of an old package; pip would not take it either
            continue
        always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        for_extra = requirement.marker is not None and requirement.marker.evaluate({"extra": extra})
        if for_extra and not always if extra else always:
            yield requirement


def _find_fault(requirement: Requirement) -> str:
    """What is wrong with the installed version; empty where it meets the requirement."""
    installed = _installed_distribution(requirement.name)
    if installed is None:
        return "is not installed"
    try:
        is_met = requirement.specifier.contains(installed.version, prereleases=True)
    except InvalidVersion:  # newer releases of `packaging` return False
        is_met = False
    return "" if is_met else f"is {installed.version}"


def main() -> None:
    """Run one diagnosis and write its findings, a line each. Arguments: `plugin/name`, the output, files of plugins."""
    reference, target, *files = sys.argv[1:]
    plugin_name, _, name = reference.partition("/")
    plugin = load([plugin_name], files=[Path(file) for file in files]).plugin(plugin_name)
    diagnosis = next(each for each in plugin.contributions if isinstance(each, Diagnosis) and each.name == name)
    with Path(target).open("a", encoding="utf-8") as out:
        for finding in diagnosis.function():
            print(json.dumps(asdict(_check_finding(finding))), file=out, flush=True)
        print(END, file=out)


def _check_finding(finding: object) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(f"it yields a `{type(finding).__name__}`, and a diagnosis yields `Finding`s")
    if finding.level not in get_args(Level):
        raise TypeError(f"it yields a finding of level {finding.level!r:.40}")
    return finding


if __name__ == "__main__":
    main()
