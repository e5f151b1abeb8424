"""Places that a command is to write to, tried before anything takes long."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from mqa_registry.errors import UsageError
from mqa_registry.report.files import explained


def check_report(file: str | None) -> None:
    """That a report can be written to a file; one to standard output, or none at all, is no question."""
    if file is None or file == "-":
        return
    with explained(file):
        place = Path(file).resolve()
        if place.is_dir():
            raise UsageError(f"`{file}` is a folder, and a report is a file", hint="name a file in it")
        if not place.parent.is_dir():
            raise UsageError(f"there is no folder to write `{file}` to", hint="make it first, or write elsewhere")
        if place.is_file() or not place.exists():  # a pipe or a device is opened once, by who writes
            _try(place.parent)


def check_folder(folder: Path) -> None:
    """That an export can be put into a folder, which need not be there yet."""
    with explained(str(folder)):
        folder.exists()  # raises where nothing can have this name
        above = next(place for place in (folder, *folder.absolute().parents) if place.exists() or place.is_symlink())
        if not above.is_dir():
            what = "file" if above.exists() else "link that leads nowhere"
            raise UsageError(f"`{above}` is a {what}, and an export needs a folder", hint="write elsewhere")
        _try(above)


def _try(folder: Path) -> None:
    """Permissions do not tell all, as of a file system for reading alone."""
    with TemporaryFile(dir=folder):
        pass
