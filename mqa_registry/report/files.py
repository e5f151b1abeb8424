"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import OF_PATHS, NotRunError, UsageError
from mqa_registry.report.output import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def write_json(values: Mapping[str, Any], to: str | Path) -> None:
    """Write plain values as JSON, to a whole file or not at all; `-` writes to standard output."""
    # Escaped to ASCII, so that it survives any terminal's encoding, and no text in it can act on one.
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    if str(to) != "-":
        write_text(to, text)
        return
    with explained("standard output"):
        output().write(text)
        output().flush()


def write_text(path: str | Path, text: str) -> None:
    """Write a whole file, or leave what was there; UsageError where that cannot be done."""
    with explained(path):
        place = Path(path).resolve()
        if place.exists() and not place.is_file() and not place.is_dir():
            place.write_text(text, encoding="utf-8")  # a pipe or a device is written to, never replaced
        else:
            _replace(place, text)


def _replace(place: Path, text: str) -> None:
    draft = place.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with draft.open("x", encoding="utf-8") as stream:
            stream.write(text)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turn what goes wrong while writing to a path into a UsageError, a NotRunError where nothing is wrong with the path.

    A reader who left is the command's to handle.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except FileNotFoundError as error:
        folder = Path(path).parent
        raise UsageError(
            f"cannot write `{path}`: there is no folder `{folder}`", hint=f"make it: mkdir -p {folder}"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "name a file in a folder that can be written to and has room"
        raise (UsageError if error.errno in OF_PATHS else NotRunError)(
            f"cannot write `{path}`: {reason}", hint=hint
        ) from error
