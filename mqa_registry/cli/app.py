"""The application `mqa`: what it takes without a command, and how its process ends."""

from __future__ import annotations

from typing import Annotated

import typer

from mqa_registry import __version__
from mqa_registry.cli.group import CommandGroup
from mqa_registry.errors import EXIT_CODES

app = typer.Typer(
    name="mqa",
    cls=CommandGroup,
    help="Tell whether a pretrained model, and its ONNX export, may ship.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mqa {__version__}")
        raise typer.Exit


@app.callback()
def mqa(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version, and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What `mqa` takes without a command."""


def main() -> None:
    """The command `mqa`."""
    from mqa_registry.process import run_command

    run_command(app, _exit_code)


def _exit_code(end: BaseException | None) -> int:
    if isinstance(end, SystemExit) and not end.code:  # as of `--help`, which loads next to nothing
        return 0

    from mqa_registry.commands.exit_codes import exit_code_of

    return exit_code_of(end)
