"""`mqa new`: write the project of a plugin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mqa_registry.cli.project import KINDS, Project, check_name
from mqa_registry.cli.report_files import check_output_folder
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.files import atomic_folder
from mqa_registry.naming import counted, did_you_mean
from mqa_registry.reports.output import explain_file_errors, output

DEFAULT_KIND = "perturbation"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name in suites, as `emoji` in `emoji/add`.")],
    *,
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"What it gives: {', '.join(KINDS)}.")] = DEFAULT_KIND,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to make; left out, mqa-NAME.", show_default=False)
    ] = None,
) -> ExitCode:
    """Write the project of a plugin, which works: to change, test and publish.

    It has a contribution of the kind, a suite that uses it, tests, and a workflow that publishes it.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"kinds are {', '.join(KINDS)}"
        raise UsageError(f"there is no kind `{kind}`", hint=hint)
    project = Project(name, kind)
    check_name(project)
    folder = out or Path(project.distribution)
    _check_folder(folder)
    files = project.render()
    with explain_file_errors(str(folder)), atomic_folder(folder) as draft:
        for path, text in files.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
    print(f"{folder}: {counted(len(files), 'file')}. `README.md` there says how to try it", file=output())
    return ExitCode.OK


def _check_folder(folder: Path) -> None:
    """A UsageError where a folder cannot be made."""
    if os.path.lexists(folder):
        raise UsageError(f"`{folder}` is there already", hint="name another folder with `--out`")
    if not folder.parent.is_dir():
        raise UsageError(
            f"there is no folder to make `{folder}` in", hint="make it first, or name another with `--out`"
        )
    check_output_folder(folder.parent)
