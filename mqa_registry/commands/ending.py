"""How a command ends when something is wrong: one line with a hint on stderr, and the right exit code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from mqa_registry.boundary import MORE_MEMORY, described, no_memory
from mqa_registry.errors import ExitCode, MqaError, SuiteError
from mqa_registry.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reported(*, debug: bool) -> Iterator[None]:
    """Turn whatever is raised into what a person sees; with `debug`, a traceback comes first."""
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        say("interrupted", "what was finished is kept; the same command goes on from there")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not complain of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.NOT_TRUSTWORTHY) from None
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich ends so, with 1, which here says that a check failed
            raise typer.Exit(ExitCode.NOT_TRUSTWORTHY) from None
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        raise typer.Exit(_told(error)) from None


def _told(error: Exception) -> ExitCode:
    """Say what went wrong; the exit code that it comes to."""
    if isinstance(error, MqaError):
        _explain(error)
        return error.exit_code
    if no_memory(error):
        say(f"error: out of memory: {described(error)}", MORE_MEMORY)
    else:  # a mistake of our own, or a plugin's where no check can be blamed
        say(f"error: {type(error).__name__}: {error}", "run again with `--debug` for the traceback, and report it")
    return ExitCode.NOT_TRUSTWORTHY


def _explain(error: MqaError) -> None:
    if not isinstance(error, SuiteError):
        say(f"error: {error.message}", error.hint)
        return
    from mqa_registry.suite import render

    for problem in error.problems:
        print(render(problem), end="\n\n", file=sys.stderr)
    say(f"error: {error.message}", "")


def say(line: str, hint: str) -> None:
    """One line on stderr, and what to do about it."""
    print(visible(line), file=sys.stderr)
    if hint:
        print(f"hint: {visible(hint)}", file=sys.stderr)
