"""Arguments that several of mqa's own commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SuiteArgument = Annotated[Path, typer.Argument(metavar="SUITE", help="A suite file (TOML).", show_default=False)]
