"""The application `mqa`: its process, with streams that can be written to and an exit code that only mqa chooses."""

from __future__ import annotations

import atexit
import ctypes
import io
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from mqa_registry import __version__
from mqa_registry.cli.command_group import CommandGroup
from mqa_registry.errors import EXIT_CODES, ExitCode
from mqa_registry.process import CLOSED_STREAMS, MEMORY_HINT, exit_process
from mqa_registry.watchdog import watch

if TYPE_CHECKING:
    from typing import NoReturn

COLUMNS = "COLUMNS"  # the width of a terminal, where it does not say so itself

app = typer.Typer(
    name="mqa",
    cls=CommandGroup,
    help="Tell whether a pretrained model, and its ONNX export, may ship.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(version: bool) -> None:
    if version:
        typer.echo(f"mqa {__version__}")
        raise typer.Exit


@app.callback()
def mqa(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version, and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What `mqa` takes without a command."""


def main() -> NoReturn:
    """Run `mqa` in a process that is watched, and end with mqa's own exit code.

    Compiled libraries end a process by themselves where they get no thread or no memory, by a signal or with 1, which
    of mqa means that a model failed. So no exit code counts that is not set here.
    """
    _open_streams()
    if os.environ.get(COLUMNS, "").strip("0") == "":
        os.environ.pop(COLUMNS, None)  # no column at all, in which nothing can be printed
    watch()
    end: BaseException | None = None
    try:
        app()
    except BaseException as error:
        end = error
    try:
        code = _exit_code(end)
    except BaseException as error:  # where there is hardly any memory, not even the module of exit codes loads
        first = end or error
        message = str(first).strip().rpartition("\n")[2]
        sys.stderr.write(f"error: out of memory while starting: {type(first).__name__}: {message}\n{MEMORY_HINT}\n")
        code = ExitCode.NOT_TRUSTWORTHY
    _exit(code)


def _exit_code(end: BaseException | None) -> int:
    if isinstance(end, SystemExit) and not end.code:  # as of `--help`, which loads next to nothing
        return ExitCode.OK

    from mqa_registry.cli.exit_codes import exit_code_of

    return exit_code_of(end)


def _open_streams() -> None:
    """Open each closed standard stream on the null device: the next file would take its number, and be printed into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            CLOSED_STREAMS.add(number)
            null = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="strict")
    stderr: TextIO | None = sys.stderr
    sys.stderr = _LenientStream(io.FileIO(2, "w", closefd=False), stderr.encoding if stderr else "utf-8")


class _LenientStream(io.TextIOWrapper):
    """Standard error, where nobody may read it: what cannot be written is dropped, and stops nothing."""

    def __init__(self, raw: io.FileIO, encoding: str) -> None:
        super().__init__(_LenientWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=True)


class _LenientWriter(io.BufferedWriter):
    """Writes at once, or not at all."""

    def write(self, content: Any) -> int:
        with suppress(OSError):
            super().write(content)
            super().flush()
        return len(content)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _exit(code: int) -> NoReturn:
    """End as the interpreter does, without the exit handlers of compiled libraries, which may change the exit code."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # waits for threads, as an interpreter does
        atexit._run_exitfuncs()  # noqa: SLF001
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).fflush(None)
    finally:
        exit_process(code)
