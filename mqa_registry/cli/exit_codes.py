"""Exit codes: a command that goes wrong ends with one line and a hint on stderr, and the right code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from mqa_registry.boundary import MEMORY_HINT, describe_error
from mqa_registry.errors import OF_PATHS, ExitCode, MqaError, OutOfMemoryError, SuiteError, no_memory
from mqa_registry.process import current_step
from mqa_registry.reports.console.text import make_visible
from mqa_registry.reports.output import OutputError, discard_output

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PROBLEMS = 20  # problems of a suite that are shown
OUT_OF_MEMORY = "out of memory while"


class _CommandEnd:
    """The exit code of the command in this process; None until it ends."""

    code: int | None = None


@contextmanager
def exit_on_error(*, debug: bool) -> Iterator[None]:
    """Print any error as one line and a hint, and exit with its code; with `debug`, a traceback comes first."""
    try:
        yield
    except typer.Exit as end:
        _CommandEnd.code = end.exit_code
        raise
    except KeyboardInterrupt:
        print_error("interrupted", "what was finished is kept; the same command goes on from there")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        discard_output()  # the reader of our output has left; the interpreter must not report that at exit
        raise typer.Exit(ExitCode.NOT_TRUSTWORTHY) from None
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich ends so, with 1, which here says that a check failed
            raise typer.Exit(ExitCode.NOT_TRUSTWORTHY) from None
        raise
    except BaseException as error:
        if debug:
            traceback.print_exc()
        raise typer.Exit(_explain_error(error)) from None


def exit_code_of(end: BaseException | None) -> int:
    """The exit code of the process, by what the command line raised; 1 only where a command of mqa returned it.

    The libraries of the command line exit with 1 where they are interrupted or cannot write.
    """
    if not isinstance(end, SystemExit):
        return ExitCode.OK if end is None else _explain_error(end)
    code = ExitCode.OK if end.code is None else end.code if isinstance(end.code, int) else ExitCode.NOT_TRUSTWORTHY
    return ExitCode.NOT_TRUSTWORTHY if code == ExitCode.FAILED != _CommandEnd.code else code


def _explain_error(error: BaseException) -> ExitCode:
    """Print what went wrong; returns its exit code."""
    if isinstance(error, OutputError):
        discard_output()
    if no_memory(error):
        message = error.message if isinstance(error, MqaError) else describe_error(error)
        if not message.startswith(OUT_OF_MEMORY):
            message = f"{OUT_OF_MEMORY} {current_step()}: {message}"
        print_error(f"error: {message}", error.hint if isinstance(error, OutOfMemoryError) else MEMORY_HINT)
        return ExitCode.NOT_TRUSTWORTHY
    if isinstance(error, MqaError):
        _explain_mqa_error(error)
        return error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return _explain_system_error(error)
    # a defect of mqa, or of a plugin outside of any check
    print_error(f"error: {type(error).__name__}: {error}", "run again with `--debug` for the traceback, and report it")
    return ExitCode.NOT_TRUSTWORTHY


def _explain_system_error(error: OSError) -> ExitCode:
    """Print an error of the system: a file that cannot be used is wrong input, a full or broken disk is not."""
    path = f"`{error.filename}`: " if error.filename is not None else ""
    is_input = path and error.errno in OF_PATHS
    hint = (
        "is the path right, and may this user read and write it?"
        if is_input
        else "see `df` for room, `ulimit -a` for limits"
    )
    print_error(f"error: {path}{os.strerror(error.errno or 0).lower()}", hint)
    return ExitCode.WRONG_INPUT if is_input else ExitCode.NOT_TRUSTWORTHY


def _explain_mqa_error(error: MqaError) -> None:
    if not isinstance(error, SuiteError):
        print_error(f"error: {error.message}", error.hint)
        return
    from mqa_registry.suite import render

    for problem in error.problems[:MAX_PROBLEMS]:
        print(render(problem), end="\n\n", file=sys.stderr)
    more = len(error.problems) - MAX_PROBLEMS
    print_error(f"error: {error.message}" + (f", {more:,} of them not shown" if more > 0 else ""), "")


def print_error(line: str, hint: str) -> None:
    """Print one line on stderr, and what to do about it."""
    print(make_visible(line), file=sys.stderr)
    if hint:
        print(f"hint: {make_visible(hint)}", file=sys.stderr)
