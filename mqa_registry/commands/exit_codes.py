"""Exit codes: a command that goes wrong ends with one line and a hint on stderr, and the right code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from mqa_registry.boundary import MORE_MEMORY, described
from mqa_registry.errors import OF_PATHS, ExitCode, MqaError, OutOfMemoryError, SuiteError, no_memory
from mqa_registry.reports.console.text import make_visible
from mqa_registry.reports.output import OutputError, discard_output
from mqa_registry.watching import doing

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PROBLEMS = 20  # problems of a suite that are shown
NO_MEMORY = "out of memory while"


class _Ended:
    """The code that a command of this process ended with; None where none came to its end."""

    code: int | None = None


@contextmanager
def exit_on_error(*, debug: bool) -> Iterator[None]:
    """Turn whatever is raised into what a person sees; with `debug`, a traceback comes first."""
    try:
        yield
    except typer.Exit as end:
        _Ended.code = end.exit_code
        raise
    except KeyboardInterrupt:
        print_error("interrupted", "what was finished is kept; the same command goes on from there")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        discard_output()  # whoever read our output has left; the interpreter must not complain of it at exit
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
    """The code that the process ends with, by what the command line raised; 1 only where a command of ours said so.

    Libraries of the command line end with 1 where they are interrupted or cannot write.
    """
    if not isinstance(end, SystemExit):
        return ExitCode.OK if end is None else _explain_error(end)
    code = ExitCode.OK if end.code is None else end.code if isinstance(end.code, int) else ExitCode.NOT_TRUSTWORTHY
    return ExitCode.NOT_TRUSTWORTHY if code == ExitCode.FAILED != _Ended.code else code


def _explain_error(error: BaseException) -> ExitCode:
    """Say what went wrong, and give the exit code of it."""
    if isinstance(error, OutputError):
        discard_output()
    if no_memory(error):
        met = error.message if isinstance(error, MqaError) else described(error)
        said = met if met.startswith(NO_MEMORY) else f"{NO_MEMORY} {doing()}: {met}"
        print_error(f"error: {said}", error.hint if isinstance(error, OutOfMemoryError) else MORE_MEMORY)
        return ExitCode.NOT_TRUSTWORTHY
    if isinstance(error, MqaError):
        _explain_ours(error)
        return error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return _refused_by_system(error)
    # a mistake of our own, or a plugin's where no check can be blamed
    print_error(f"error: {type(error).__name__}: {error}", "run again with `--debug` for the traceback, and report it")
    return ExitCode.NOT_TRUSTWORTHY


def _refused_by_system(error: OSError) -> ExitCode:
    """A file that cannot be used is the user's to mend; a machine without room, or with a broken disk, is no input."""
    path = f"`{error.filename}`: " if error.filename is not None else ""
    theirs = path and error.errno in OF_PATHS
    hint = (
        "is the path right, and may this user read and write it?"
        if theirs
        else "see `df` for room, `ulimit -a` for limits"
    )
    print_error(f"error: {path}{os.strerror(error.errno or 0).lower()}", hint)
    return ExitCode.WRONG_INPUT if theirs else ExitCode.NOT_TRUSTWORTHY


def _explain_ours(error: MqaError) -> None:
    if not isinstance(error, SuiteError):
        print_error(f"error: {error.message}", error.hint)
        return
    from mqa_registry.suite import render

    for problem in error.problems[:MAX_PROBLEMS]:
        print(render(problem), end="\n\n", file=sys.stderr)
    more = len(error.problems) - MAX_PROBLEMS
    print_error(f"error: {error.message}" + (f", {more:,} of them not shown" if more > 0 else ""), "")


def print_error(line: str, hint: str) -> None:
    """One line on stderr, and what to do about it."""
    print(make_visible(line), file=sys.stderr)
    if hint:
        print(f"hint: {make_visible(hint)}", file=sys.stderr)
