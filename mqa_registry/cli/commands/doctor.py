"""`mqa doctor`: the findings of mqa and its plugins about this machine, in one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from mqa_registry.cli.report_files import STDOUT, ReportOptions
from mqa_registry.errors import ExitCode
from mqa_registry.findings import Finding
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from mqa_registry.findings import Level
    from mqa_registry.plugins import Catalog

Diagnoses: TypeAlias = Mapping[str, Sequence[Finding]]  # findings by the name of the diagnosis

FORMAT = 2  # in the first, `topic` and `fix` of a finding were under `subject` and `mend`


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

    from mqa_registry.contributions import Diagnosis
    from mqa_registry.doctor import run_diagnosis
    from mqa_registry.plugins import load_all
    from mqa_registry.process import begin_step
    from mqa_registry.reports.console.findings import print_findings
    from mqa_registry.reports.console.text import open_console
    from mqa_registry.reports.output import write_json

    begin_step("looking at this machine")
    catalog = load_all(files=options.plugin_files)
    findings = {
        "mqa/plugins": [*_check_plugins(catalog), *_check_commands()],
        "mqa/requirements": _check_requirements(catalog),
    }
    with Console(stderr=True).status("") as status:
        # One after another: a GPU may be set to let in no more than one process.
        for reference, _ in catalog.each((Diagnosis,)):
            status.update(f"running {reference}")
            findings[reference] = run_diagnosis(reference, options.plugin_files)
    environment, exit_code = _describe_environment(catalog), _exit_code(findings)
    if report.json is not None:
        content = {
            "format": FORMAT,
            "exit_code": int(exit_code),
            "environment": environment,
            "findings": _to_json(findings),
        }
        write_json(content, report.json)
    print_findings(environment, findings, open_console(to_stderr=report.json == STDOUT), verbose=verbose)
    return exit_code


def _check_plugins(catalog: Catalog) -> Iterator[Finding]:
    from mqa_registry.entry_points import describe_origins, list_refused_claims
    from mqa_registry.hookspecs import GROUP

    usable = [plugin.name for plugin in catalog.plugins.values() if not plugin.broken]
    yield Finding("ok", "usable", ", ".join(usable) or "none")
    for plugin in catalog.plugins.values():
        if plugin.broken:
            level: Level = "note" if plugin.disabled else "problem"
            yield Finding(level, plugin.name, f"({plugin.origin}) cannot be used: {plugin.broken}", plugin.hint)
        yield from (Finding("warning", plugin.name, f"({plugin.origin}): {warning}") for warning in plugin.warnings)
    for name, points in list_refused_claims(GROUP).items():
        message = (
            f"is a name of mqa's own, and {describe_origins(points)} gives a plugin of that name, which is not loaded"
        )
        yield Finding("warning", name, message, "ask its author for another name")


def _check_commands() -> Iterator[Finding]:
    """A problem for each command of a plugin that cannot be called."""
    from mqa_registry.cli.command_group import HOST_COMMANDS, load_plugin_command, plugin_entry_points
    from mqa_registry.entry_points import describe_origins
    from mqa_registry.errors import PluginError

    for name, points in plugin_entry_points().items():
        if name in HOST_COMMANDS:
            message = f"the command `{name}` of {describe_origins(points)} is never called: mqa has its own"
            yield Finding("problem", name, message, "ask its author for another name")
            continue
        try:
            load_plugin_command(name, points)
        except PluginError as error:
            yield Finding("problem", name, error.message, error.hint)


def _check_requirements(catalog: Catalog) -> list[Finding]:
    from mqa_registry.doctor import find_unmet_requirements
    from mqa_registry.entry_points import DISTRIBUTION

    # A plugin of a file belongs to no distribution, and has no version.
    names = dict.fromkeys(
        [DISTRIBUTION, *(plugin.distribution for plugin in catalog.plugins.values() if plugin.version)]
    )
    return list(find_unmet_requirements(names)) or [Finding("ok", "packages", f"as required by {' and '.join(names)}")]


def _describe_environment(catalog: Catalog) -> dict[str, Any]:
    import os
    import platform

    from mqa_registry.machine import cpu_name, gpu_names
    from mqa_registry.plugins.versions import list_versions, required_packages

    machine = {"system": f"{platform.system()} {platform.machine()}", "cpu": cpu_name(), "cores": os.cpu_count()}
    return {**list_versions(required_packages(catalog)), "machine": machine | {"gpus": list(gpu_names())}}


def _exit_code(diagnoses: Diagnoses) -> ExitCode:
    has_problem = any(finding.level == "problem" for findings in diagnoses.values() for finding in findings)
    return ExitCode.NOT_TRUSTWORTHY if has_problem else ExitCode.OK


def _to_json(diagnoses: Diagnoses) -> list[dict[str, str]]:
    from dataclasses import asdict

    return [
        {"diagnosis": reference} | asdict(finding) for reference, findings in diagnoses.items() for finding in findings
    ]
