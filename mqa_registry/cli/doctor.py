"""`mqa doctor`: everything that mqa and its plugins find of this machine, in one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from mqa_registry.commands.reporting import STDOUT, ReportOptions
from mqa_registry.errors import ExitCode
from mqa_registry.findings import Finding
from mqa_registry.flag import flags
from mqa_registry.run_options import RunOptions

if TYPE_CHECKING:
    from mqa_registry.plugins import Catalog

Found: TypeAlias = Mapping[str, Sequence[Finding]]

FORMAT = 1
OURS = "mqa-registry"


def doctor(
    options: Annotated[RunOptions, flags("plugin_files")],
    report: Annotated[ReportOptions, flags("json", "force")],
    verbose: Annotated[
        int, typer.Option("-v", count=True, show_default=False, help="Show what the libraries themselves said.")
    ] = 0,
) -> ExitCode:
    """Show what this machine can run, what is in the way, and the line that fixes it.

    Each diagnosis of a plugin runs in a process of its own. A problem ends the command with exit code 3.
    """
    from rich.console import Console

    from mqa_registry.diagnoses import Diagnosis
    from mqa_registry.doctor.diagnosis import findings_of
    from mqa_registry.plugins import load_all
    from mqa_registry.report.console.findings import print_findings
    from mqa_registry.report.files import write_json
    from mqa_registry.report.output import console
    from mqa_registry.watching import begin

    begin("looking at this machine")
    catalog = load_all(files=options.plugin_files)
    found = {"mqa/plugins": [*_plugins(catalog), *_command_findings()], "mqa/requirements": _requirements(catalog)}
    with Console(stderr=True).status("") as status:
        # One after another: a GPU may be set to let in no more than one process.
        for reference, _ in catalog.each((Diagnosis,)):
            status.update(f"asking {reference}")
            found[reference] = findings_of(reference, options.plugin_files)
    environment, exit_code = _environment(catalog), _exit_code(found)
    if report.json is not None:
        whole = {"format": FORMAT, "exit_code": int(exit_code), "environment": environment, "findings": _rows(found)}
        write_json(whole, report.json)
    print_findings(environment, found, console(machine=report.json == STDOUT), verbose=verbose)
    return exit_code


def _plugins(catalog: Catalog) -> Iterator[Finding]:
    sound = [plugin.name for plugin in catalog.plugins.values() if not plugin.broken]
    yield Finding("ok", "usable", ", ".join(sound) or "none")
    for plugin in catalog.plugins.values():
        if plugin.broken:
            yield Finding("problem", plugin.name, f"({plugin.origin}) cannot be used: {plugin.broken}", plugin.hint)


def _command_findings() -> Iterator[Finding]:
    """The commands of plugins that cannot be called."""
    from mqa_registry.cli.group import OWN
    from mqa_registry.commands import plugin_commands
    from mqa_registry.errors import PluginError

    for name, points in plugin_commands.installed().items():
        if name in OWN:
            given = f"the command `{name}` of {plugin_commands.origins(points)} is never called: mqa has its own"
            yield Finding("problem", name, given, "ask its author for another name")
            continue
        try:
            plugin_commands.load(name, points)
        except PluginError as error:
            yield Finding("problem", name, error.message, error.hint)


def _requirements(catalog: Catalog) -> list[Finding]:
    from mqa_registry.doctor.requirements import unmet

    # A plugin of a file belongs to no distribution, and has nothing for a version.
    names = dict.fromkeys([OURS, *(plugin.distribution for plugin in catalog.plugins.values() if plugin.version)])
    return list(unmet(names)) or [Finding("ok", "packages", f"as asked for by {' and '.join(names)}")]


def _environment(catalog: Catalog) -> dict[str, Any]:
    import os
    import platform

    from mqa_registry.machine import cpu_name, gpu_names
    from mqa_registry.runs.environment import packages_of, versions

    machine = {"system": f"{platform.system()} {platform.machine()}", "cpu": cpu_name(), "cores": os.cpu_count()}
    return {**versions(packages_of(catalog)), "machine": machine | {"gpus": list(gpu_names())}}


def _exit_code(found: Found) -> ExitCode:
    problem = any(finding.level == "problem" for findings in found.values() for finding in findings)
    return ExitCode.NOT_TRUSTWORTHY if problem else ExitCode.OK


def _rows(found: Found) -> list[dict[str, str]]:
    from dataclasses import asdict

    return [{"diagnosis": reference} | asdict(finding) for reference, findings in found.items() for finding in findings]
