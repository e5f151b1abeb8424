"""Standard output: kept for what a command itself writes, whatever plugins and their libraries print."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from rich.console import Console

from mqa_registry.errors import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator

STDERR = 2


class OutputError(NotRunError):
    """Standard output takes no more, as of a full disk."""


class _Streams:
    """The stream that a command writes to, while standard output is reserved."""

    own: TextIO | None = None


def output() -> TextIO:
    """Where a command writes what it is asked for."""
    return _Streams.own or sys.stdout


def console(*, machine: bool = False, highlight: bool = True) -> Console:
    """The console of what a person reads: standard output, or standard error where the former is for a `machine`."""
    return _Console(stderr=True, highlight=highlight) if machine else _Console(file=output(), highlight=highlight)


@contextmanager
def reserved() -> Iterator[None]:
    """Lead all that is printed to standard error, by C code and by children too, but for what goes to `output()`."""
    try:
        number = sys.stdout.fileno()
        os.fstat(STDERR)
    except (AttributeError, OSError, ValueError):  # there is no such stream, or it is no file
        yield
        return
    sys.stdout.flush()
    plain = sys.stdout
    own = os.fdopen(os.dup(number), "w", encoding=plain.encoding, errors=plain.errors)
    os.dup2(STDERR, number)
    _Streams.own = own
    try:
        yield
        with written():
            own.flush()
    finally:
        _Streams.own = None
        _flush()
        os.dup2(own.fileno(), number)
        discard(own)


@contextmanager
def written() -> Iterator[None]:
    """An OutputError where standard output cannot be written to; a reader who left raises a BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "lead it to a file or device that has room"
        raise OutputError(f"standard output cannot be written: {reason}", hint=hint) from error


def discard(stream: TextIO) -> None:
    """Close a stream whose reader may have left, or that has no more room."""
    with suppress(OSError):
        stream.close()


def abandon() -> None:
    """Write the rest nowhere: whoever read our output has left, or it has no more room."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output().fileno())
    os.close(nowhere)


def _flush() -> None:
    """Bring out what was printed and is still held back, by Python and by C."""
    with suppress(AttributeError, OSError, ValueError):  # a plugin closed it, or the platform has no such library
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)


class _Console(Console):
    """A console that raises an OutputError, or a BrokenPipeError when its reader has left, and does not end the process."""

    def print(self, *objects: Any, **said: Any) -> None:
        with written():
            super().print(*objects, **said)

    def on_broken_pipe(self) -> NoReturn:
        raise  # noqa: PLE0704 - rich calls it while it handles the error
