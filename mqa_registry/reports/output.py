"""Output: standard output, reserved for what a command writes, and files that are whole or not there."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mqa_registry.errors import OF_PATHS, NotRunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STDERR = 2  # file descriptor


class OutputError(NotRunError):
    """Standard output takes no more, as of a full disk."""


class _Streams:
    """The stream that a command writes to, while standard output is reserved."""

    reserved: TextIO | None = None


def output() -> TextIO:
    """Where a command writes its result: standard output."""
    return _Streams.reserved or sys.stdout


@contextmanager
def reserve_output() -> Iterator[None]:
    """Send all that is printed to standard error, by C code and child processes too, except what goes to `output()`."""
    try:
        descriptor = sys.stdout.fileno()
        os.fstat(STDERR)
    except (AttributeError, OSError, ValueError):  # there is no such stream, or it is no file
        yield
        return
    sys.stdout.flush()
    encoding = sys.stdout.encoding
    stream = os.fdopen(os.dup(descriptor), "w", encoding=encoding, errors=sys.stdout.errors)
    os.dup2(STDERR, descriptor)
    _Streams.reserved = stream
    try:
        yield
        with explain_output_errors():
            stream.flush()
    finally:
        _Streams.reserved = None
        _flush_printed()
        os.dup2(stream.fileno(), descriptor)
        close_quietly(stream)


@contextmanager
def explain_output_errors() -> Iterator[None]:
    """Raise an OutputError where standard output cannot be written to; a reader who left raises a BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "redirect it to a file or device that has room"
        raise OutputError(f"standard output cannot be written: {reason}", hint=hint) from error


def close_quietly(stream: TextIO) -> None:
    """Close a stream whose reader may have left, or that has no more room."""
    with suppress(OSError):
        stream.close()


def discard_output() -> None:
    """Send what follows on standard output nowhere: its reader has left, or it has no more room."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, output().fileno())
    os.close(devnull)


def write_json(values: Mapping[str, Any], to: str | Path) -> None:
    """Write plain values as JSON, to a whole file or not at all; `-` writes to standard output."""
    # Escaped to ASCII, so that it survives any terminal's encoding, and no text in it can act on one.
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    if str(to) != "-":
        write_text(to, text)
        return
    with explain_file_errors("standard output"):
        output().write(text)
        output().flush()


def write_text(path: str | Path, text: str) -> None:
    """Write a whole file, or leave what was there; UsageError where that cannot be done."""
    write_bytes(path, text.encode())


def write_bytes(to: str | Path, content: bytes) -> None:
    """Write a whole file, or leave what was there; `-` writes to standard output. UsageError where it cannot be done."""
    if str(to) == "-":
        with explain_file_errors("standard output"):
            output().flush()
            output().buffer.write(content)
            output().buffer.flush()
        return
    with explain_file_errors(to):
        file = Path(to).resolve()
        if file.exists() and not file.is_file() and not file.is_dir():
            file.write_bytes(content)  # a pipe or a device is written to, never replaced
        else:
            _replace(file, content)


@contextmanager
def explain_file_errors(path: str | Path) -> Iterator[None]:
    """Raise a UsageError for what goes wrong while writing to a path; a NotRunError where the path is not to blame.

    A BrokenPipeError is left to the command.
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


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _flush_printed() -> None:
    """Write what was printed and is still buffered, by Python and by C."""
    with suppress(AttributeError, OSError, ValueError):  # a plugin closed it, or the platform has no such library
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)
