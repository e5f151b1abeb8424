"""`mqa doctor`: everything that mqa and its plugins find of this machine, in one report."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mqa_registry.commands.examining import findings_of
from mqa_registry.commands.places import check_report
from mqa_registry.commands.requirements import unmet
from mqa_registry.diagnoses import Diagnosis
from mqa_registry.errors import ExitCode
from mqa_registry.findings import Finding
from mqa_registry.machine import cpu_name, gpu_names
from mqa_registry.plugins import load_all
from mqa_registry.report.console.findings import print_findings
from mqa_registry.report.files import write_json
from mqa_registry.report.output import console
from mqa_registry.runs.environment import versions
from mqa_registry.watching import begin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from mqa_registry.plugins import Catalog

    Found: TypeAlias = Mapping[str, Sequence[Finding]]

FORMAT = 1
OURS = "mqa-registry"


def examine(files: Sequence[Path], to: str | None, *, verbose: int, force: bool = False) -> ExitCode:
    """Make every diagnosis and show what was found; a problem among that is exit code 3. `to` is a file or `-`."""
    check_report(to, force=force)
    begin("looking at this machine")
    catalog = load_all(files=files)
    found = {"mqa/plugins": list(_plugins(catalog)), "mqa/requirements": _requirements(catalog)}
    with Console(stderr=True).status("") as status:
        # One after another: a GPU may be set to let in no more than one process.
        for reference, _ in catalog.each((Diagnosis,)):
            status.update(f"asking {reference}")
            found[reference] = findings_of(reference, files)
    environment, exit_code = _environment(), _exit_code(found)
    if to is not None:
        whole = {"format": FORMAT, "exit_code": int(exit_code), "environment": environment, "findings": _rows(found)}
        write_json(whole, to)
    print_findings(environment, found, console(machine=to == "-"), verbose=verbose)
    return exit_code


def _plugins(catalog: Catalog) -> Iterator[Finding]:
    sound = [plugin.name for plugin in catalog.plugins.values() if not plugin.broken]
    yield Finding("ok", "usable", ", ".join(sound) or "none")
    for plugin in catalog.plugins.values():
        if plugin.broken:
            yield Finding("problem", plugin.name, f"({plugin.origin}) cannot be used: {plugin.broken}", plugin.hint)


def _requirements(catalog: Catalog) -> list[Finding]:
    # A plugin of a file belongs to no distribution, and has nothing for a version.
    names = dict.fromkeys([OURS, *(plugin.distribution for plugin in catalog.plugins.values() if plugin.version)])
    return list(unmet(names)) or [Finding("ok", "packages", f"as asked for by {' and '.join(names)}")]


def _environment() -> dict[str, Any]:
    machine = {"system": f"{platform.system()} {platform.machine()}", "cpu": cpu_name(), "cores": os.cpu_count()}
    return {**versions(), "machine": machine | {"gpus": list(gpu_names())}}


def _exit_code(found: Found) -> ExitCode:
    problem = any(finding.level == "problem" for findings in found.values() for finding in findings)
    return ExitCode.NOT_TRUSTWORTHY if problem else ExitCode.OK


def _rows(found: Found) -> list[dict[str, str]]:
    return [{"diagnosis": reference} | asdict(finding) for reference, findings in found.items() for finding in findings]
