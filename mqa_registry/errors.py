"""What can go wrong, as a small tree; each kind knows the exit code it ends the command with.

MqaError
├── UsageError        2  the command is wrong
├── SuiteError        2  the suite file is wrong, with every problem at once
├── DataError         2  the data does not fit what is asked of it
│   ├── MissingColumnError   a column that something reads is not there
│   └── RowError             one row cannot be read
│       └── BlobError            a file or bytes that it has cannot be read
├── PluginError       2  a plugin that the suite names cannot be used
├── NotRunError       3  something could not run as asked
├── WorkerLostError   3  a task ended the process of its worker again and again
├── OutOfMemoryError  3  a batch did not fit; the host halves it and goes on
├── ContributionError 3  a contribution crashed, ran out of time, or gave back what it must not
└── StoreError        3  the store cannot be read or written
    └── StoreUnavailableError  its disk is full or read-only, or its server is not reached
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


# How libraries say that there is no memory left, or none for another thread, where they raise an error of their own.
NO_MEMORY = (
    "out of memory", "cannot allocate memory", "can't allocate memory", "not enough memory", "failed to allocate",
    "bad_alloc", "bad allocation", "failed to map segment", "can't start new thread", "resource temporarily unavailable",
    "error return without exception set",  # of code that looks for no memory, and forgets to say so
)  # fmt: skip
SUMMARY = 320  # characters of what an error says; of a longer line both ends are kept
DEEPEST = 20  # errors that one was raised from; a plugin may have tied them into a ring
REDACTED = "in words that are left out, as they may quote a row"
MAY_READ = "is the path right, and may this user read it?"
CONFINED_HINT = "bring it into the folder, or run without `--confined`"
ABOUT_INPUT = (ValueError, TypeError, LookupError)  # errors whose words may be those of data


# What the system says of a path that a user named. Anything else is its own state: no room, no limit left, a broken disk.
OF_PATHS = frozenset(
    {
        errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EISDIR, errno.EROFS,
        errno.ENXIO, errno.ENODEV,
    }
)  # fmt: skip


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0  # every check was shown to hold, and at least one ran
    FAILED = 1  # a check failed: the model is not good enough
    WRONG_INPUT = 2  # the command, the suite, the data or a named plugin is wrong; nothing was judged
    NOT_TRUSTWORTHY = 3  # a check or backend crashed, or could not run as asked
    INCONCLUSIVE = 4  # nothing failed, but the rows at hand do not settle every check
    INTERRUPTED = 130  # Ctrl-C; what was predicted is kept


EXIT_CODES = (  # for the help of commands
    "Exit codes: 0 every check holds, 1 one fails, 2 the command, suite or data are wrong, 3 something could not run as "
    "asked, 4 nothing fails, but not all is settled, 130 interrupted."
)


class MqaError(Exception):
    """Anything that ends a command with one line for its user.

    `message` says what is wrong and where; `hint` what to do about it.
    """

    exit_code = ExitCode.NOT_TRUSTWORTHY

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_error, (type(self), self.args, vars(self))


def _restore_error(kind: type[MqaError], args: tuple[Any, ...], attributes: dict[str, Any]) -> MqaError:
    """An error of another process, whatever arguments its class takes."""
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error


class UsageError(MqaError):
    """The command itself is wrong."""

    exit_code = ExitCode.WRONG_INPUT


class DataError(MqaError):
    """The data does not fit what is asked of it: a missing column, an unknown label, no rows."""

    exit_code = ExitCode.WRONG_INPUT


class MissingColumnError(DataError):
    """The data has no column that something reads, as the field or role `column`.

    `there` says which it has, as a hint begins; it is empty where that is not known.
    """

    def __init__(self, message: str, *, column: str, there: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.there = there
        self.hint = self.suggest(f'columns = {{ {column} = "..." }}')

    def suggest(self, mapping: str) -> str:
        """The hint for whoever maps a column in this way."""
        return "; ".join(part for part in (self.there, f"map a column with `{mapping}`") if part)


class RowError(DataError):
    """One row cannot be read as the model needs it: it is lost, and neither its task nor other rows are at fault.

    `name` is what the data call what cannot be read, a file or a column, and `reason` what is wrong with it: a name may not
    be shown where rows may not.
    """

    def __init__(self, name: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"`{name}` {reason}", hint=hint)
        self.name = name
        self.reason = reason


class BlobError(RowError):
    """A file or bytes of one row cannot be read, or have changed since they were first read."""


class PluginError(MqaError):
    """A plugin that the suite names is broken, missing, or claimed by two distributions."""

    exit_code = ExitCode.WRONG_INPUT


class NotRunError(MqaError):
    """Something could not run as asked, so there is nothing to judge."""


class WorkerLostError(NotRunError):
    """A task ended the process of its worker, each time that it was run. An executor raises it; its rows are lost."""


class ParityError(MqaError, AssertionError):
    """An ONNX file is not shown to agree with its model. Its message says which check does not hold, and why."""

    exit_code = ExitCode.FAILED


class OutOfMemoryError(NotRunError):
    """A batch did not fit into memory. A runner raises it; the host halves the batch and tries again."""


def no_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that there was not enough memory, whatever library met it."""
    for _ in range(DEEPEST):
        if error is None or _says_no_memory(error):
            break
        error = error.__cause__
    else:
        return False
    return error is not None


def _says_no_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, (MqaError, *ABOUT_INPUT)):
        return isinstance(error, OutOfMemoryError)
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY)


def summarize_error(error: BaseException | str) -> str:
    """What an error of a library says, in one line; by its type where it says nothing.

    It is the first line, with the next where that one only announces it; of a text with a traceback in it, the last. Of a
    long line both ends are kept, since runtimes tell what is wrong at the second.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return "" if isinstance(error, str) else type(error).__name__
    traced = any(line.startswith("Traceback") for line in lines)  # TorchScript shows its own within the error
    line = lines[-1] if traced else " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    half = SUMMARY // 2
    return line if len(line) <= SUMMARY else f"{line[:half].rstrip()} … {line[-half:].lstrip()}"


def redact(message: str) -> str:
    """A message without what it says, which may quote a row; one that was written without such words is as it is."""
    return message if REDACTED in message else f"for a reason {REDACTED}"


class ContributionError(MqaError):
    """A contribution crashed, ran out of time, or gave back what it must not: an error of whatever depends on it.

    `kind` and `name` are those of the contribution (`metric`, `acme/f1`), `fault` is what it did, `where` the line of its code.
    """

    def __init__(self, kind: str, name: str, fault: str, *, where: str = "", hint: str = "") -> None:
        at = f" ({where})" if where else ""
        super().__init__(f"the {kind} `{name}` {fault}{at}", hint=hint)
        self.kind = kind
        self.name = name
        self.fault = fault
        self.where = where


class StoreError(MqaError):
    """The store cannot be read or written."""


class StoreUnavailableError(StoreError):
    """The store cannot be used now: its disk is full, broken or read-only, another process locks it, its server is gone.

    Its name and its content are right, so a run goes on without it.
    """


@dataclass(frozen=True, slots=True)
class Location:
    """A position in a suite file: line and column count from 1, `width` is in characters."""

    file: str
    line: int
    column: int
    width: int
    source: str

    @property
    def is_in_file(self) -> bool:
        """Whether it is in a file, rather than on the command line or in memory."""
        return self.line > 0 and not self.file.startswith("--")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a suite, and its location."""

    message: str
    hint: str = ""
    location: Location | None = None


class SuiteError(MqaError):
    """The suite file is wrong; `problems` holds every one that was found."""

    exit_code = ExitCode.WRONG_INPUT

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count:,} problem{'s' if count != 1 else ''} in the suite")
