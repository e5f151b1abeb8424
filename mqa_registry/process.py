"""The process of a command: streams that can be written to, and an exit code that nothing but mqa decides."""

from __future__ import annotations

import atexit
import ctypes
import io
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from mqa_registry.errors import ExitCode
from mqa_registry.watching import HINT, leave, watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

STREAMS = range(3)  # standard input, output and error
COLUMNS = "COLUMNS"  # how wide a terminal is, where it does not say so itself
CLOSED: set[int] = set()  # the streams that whoever started this process had closed


def run_command(command: Callable[[], object], code_of: Callable[[BaseException | None], int]) -> NoReturn:
    """Run a command in a process that is watched, and end with the code that `code_of` gives for what it raised.

    Compiled libraries end a process by themselves where they get no thread or no memory, by a signal or with 1 as like
    as not, which says of mqa that a model failed. That is told apart: no code counts that is not told in this function.
    """
    _open_streams()
    if os.environ.get(COLUMNS, "").strip("0") == "":
        os.environ.pop(COLUMNS, None)  # no column at all, in which nothing can be printed
    watch()
    end: BaseException | None = None
    try:
        command()
    except BaseException as error:
        end = error
    try:
        code = code_of(end)
    except BaseException as error:  # not even what says so can be loaded, as where there is hardly any memory
        first = end or error
        said = str(first).strip().rpartition("\n")[2]
        sys.stderr.write(f"error: out of memory while starting: {type(first).__name__}: {said}\n{HINT}\n")
        code = ExitCode.NOT_TRUSTWORTHY
    _leave(code)


def _open_streams() -> None:
    """Have all three streams lead somewhere: what is opened in the place of a closed one would be printed into."""
    for number in STREAMS:
        try:
            os.fstat(number)
        except OSError:
            CLOSED.add(number)
            nowhere = os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = _text(1, "strict")
    plain: TextIO | None = sys.stderr
    sys.stderr = _Lenient(io.FileIO(STREAMS[2], "w", closefd=False), plain.encoding if plain else "utf-8")


def _text(number: int, errors: str) -> TextIO:
    return os.fdopen(number, "w", encoding="utf-8", errors=errors)


class _Lenient(io.TextIOWrapper):
    """Standard error, where nobody may read it: what cannot be written is dropped, and stops nothing."""

    def __init__(self, raw: io.FileIO, encoding: str) -> None:
        super().__init__(_Dropping(raw), encoding=encoding, errors="backslashreplace", line_buffering=True)


class _Dropping(io.BufferedWriter):
    """Writes at once, or not at all."""

    def write(self, content: Any) -> int:
        with suppress(OSError):
            super().write(content)
            super().flush()
        return len(content)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _leave(code: int) -> NoReturn:
    """End as the interpreter does, but for compiled libraries' own endings, which have no say in the exit code."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # waits for threads, as an interpreter does
        atexit._run_exitfuncs()  # noqa: SLF001
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).fflush(None)
    finally:
        leave(code)
