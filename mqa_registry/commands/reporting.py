"""Commands that write a report, and the earlier report that must not stand for a run that comes to none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON, DRY = "--json", "--dry-run"


class Reporting(TyperCommand):
    """A command with `--json FILE`. An earlier report of mqa in that place goes first, whatever is wrong with the line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the line; an error of the command line's library where it cannot be read."""
        given = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except typer.Exit:  # as of `--help`, which runs nothing
            given = ()
            raise
        finally:
            _clear(given)


def _clear(given: Sequence[str]) -> None:
    """Remove the earlier reports in the places that a line names for new ones."""
    if DRY in given:
        return
    for number, word in enumerate(given):
        if number and given[number - 1] == JSON:
            file = word
        elif word.startswith(f"{JSON}="):
            file = word.removeprefix(f"{JSON}=")
        else:
            continue
        from mqa_registry.commands.places import clear_report

        clear_report(file, inputs=(*given[:number], *given[number + 1 :]))
