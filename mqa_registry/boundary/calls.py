"""Calls into contributions: the errors that a contribution raises become errors that name it."""

from __future__ import annotations

import inspect
import os
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from mqa_registry.errors import (
    MAY_READ,
    REDACTED,
    ContributionError,
    DataError,
    MqaError,
    NotRunError,
    OutOfMemoryError,
    StoreError,
    no_memory,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, TracebackType

HOST_FOLDER = str(Path(__file__).parent.parent) + os.sep
PYTHON_FOLDER = str(Path(os.__file__).parent) + os.sep
MAX_ERROR_CHARACTERS = 300  # of an error that a message repeats
MAX_VALUE_CHARACTERS = 60  # of a value that a message repeats
MEMORY_HINT = "give it a machine with more memory, or less at once: fewer rows, a smaller model"
CHECK_KINDS = frozenset(
    {"metric", "comparison", "probe", "perturbation", "slice"}
)  # kinds that belong to single checks


class TimeLimitReached(BaseException):
    """Raised inside of a call that takes longer than it may."""


@dataclass(frozen=True)
class Contributor:
    """A contribution as errors name it: its kind, its name with the plugin's, and the function that is called."""

    kind: str
    name: str
    function: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    @property
    def where(self) -> str:
        """The file and line of its function, where Python knows them."""
        return f"{Path(self._code.co_filename).name}, line {self._code.co_firstlineno}" if self._code else ""

    @property
    def file(self) -> str:
        """The file of its function, where Python knows it."""
        return self._code.co_filename if self._code else ""

    @property
    def _code(self) -> CodeType | None:
        return getattr(inspect.unwrap(self.function), "__code__", None) if self.function is not None else None


class ActiveCalls:
    """The calls that run at this moment, by thread, and the state of their supervision.

    `stops` has the functions that end compiled code, by thread. `supervised` is true while a supervisor tells Ctrl-C from
    a KeyboardInterrupt that a plugin raises, `interrupted` is true once Ctrl-C was pressed. `redactions` counts the
    runs, which threads may have at once, whose messages leave out the words of contributions.
    """

    def __init__(self) -> None:
        self.stacks: dict[int, list[ContributionCall]] = {}
        self.stops: dict[int, list[Callable[[], object]]] = {}
        self.supervised = False
        self.interrupted = False
        self.redactions = 0
        self.lock = threading.Lock()  # of the count

    def stack(self) -> list[ContributionCall]:
        """The calls of this thread, the outermost first."""
        return self.stacks.setdefault(threading.get_ident(), [])

    @property
    def redacted(self) -> bool:
        """Whether messages leave out the words of contributions: in all threads, while a run of one of them asks for it."""
        return self.redactions > 0


ACTIVE = ActiveCalls()


class ContributionCall:
    """A call into a contribution, as a context manager; it may be entered again for every row.

    An error that is raised inside becomes a ContributionError. These pass unchanged: Ctrl-C, a NotRunError, errors of the
    store and, for kinds that no single check names, the errors that tell a user what is wrong with the input.
    `seconds` is the time limit; None takes that of the kind. `overdue` is true once the call was stopped. The
    current folder is restored afterwards.
    """

    __slots__ = ("contributor", "folder", "overdue", "seconds", "since")

    def __init__(self, contributor: Contributor, *, seconds: float | None = None) -> None:
        self.contributor = contributor
        self.seconds = seconds
        self.since = 0.0
        self.folder = ""
        self.overdue = False

    def _restore_folder(self) -> None:
        """Change back to the host's current folder: its paths are relative to that."""
        if self.folder and _current_folder() != self.folder:
            os.chdir(self.folder)

    def __enter__(self) -> Self:
        self.since = time.monotonic()
        self.overdue = False
        self.folder = _current_folder()
        ACTIVE.stack().append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ACTIVE.stack().pop()
        self._restore_folder()
        raise_interrupt()
        if error is not None:
            _translate(self, error)


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - called for every row's group; a path is slower
    except FileNotFoundError:
        return ""


class RepeatedCall(ContributionCall):
    """Calls of one function row by row, within one context: `with RepeatedCall(...) as call: call(example)`.

    Errors of the function are translated as by a ContributionCall. Errors that the host raises between two calls are not.
    """

    __slots__ = ("function",)

    def __init__(self, contributor: Contributor, function: Callable[..., Any], *, seconds: float) -> None:
        super().__init__(contributor, seconds=seconds)
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        self.since = time.monotonic()
        self.overdue = False
        try:
            output = self.function(*arguments)
        except BaseException as error:
            raise_interrupt()
            _translate(self, error)
            raise
        if ACTIVE.interrupted:
            raise KeyboardInterrupt
        return output

    def __exit__(self, *_: object) -> None:
        ACTIVE.stack().remove(self)
        self._restore_folder()


class interruptible:  # noqa: N801 - a context manager, named as those of contextlib
    """Compiled code that can be stopped, as a context manager.

    No exception reaches compiled code while it runs. Another thread calls `stop` once Ctrl-C was pressed or the call's
    time limit is reached. An error that the code raises after that is taken for its consequence.
    """

    __slots__ = ("stop",)

    def __init__(self, stop: Callable[[], object]) -> None:
        self.stop = stop

    def __enter__(self) -> None:
        ACTIVE.stops.setdefault(threading.get_ident(), []).append(self.stop)

    def __exit__(self, *_: object) -> None:
        ACTIVE.stops[threading.get_ident()].pop()
        if any(call.overdue for call in ACTIVE.stack()):  # no plugin may take it for a failed attempt, and try another
            raise TimeLimitReached


def raise_interrupt() -> None:
    """Raise KeyboardInterrupt where Ctrl-C was pressed: for a thread that waits and would not notice."""
    if ACTIVE.interrupted:  # whatever a plugin made of it
        raise KeyboardInterrupt


@contextmanager
def redact_messages(*, enabled: bool) -> Iterator[None]:
    """With `enabled`, messages inside leave out what contributions raise and return: it may quote a row."""
    with ACTIVE.lock:
        ACTIVE.redactions += enabled
    try:
        yield
    finally:
        with ACTIVE.lock:
            ACTIVE.redactions -= enabled


def reject_output(contributor: Contributor, problem: str, hint: str = "") -> NoReturn:
    """Raise the ContributionError of an invalid output; `problem` says which, as in `gave 7 scores for 8 rows`."""
    message = f"gave an invalid value, {REDACTED}" if ACTIVE.redacted else problem
    raise ContributionError(contributor.kind, contributor.name, message, where=contributor.where, hint=hint)


def _translate(call: ContributionCall, error: BaseException) -> None:
    """Raise the host's error for an error of a plugin; return where the error itself is to be raised."""
    contributor = call.contributor
    if isinstance(error, ContributionError | NotRunError | StoreError):
        return
    if isinstance(error, KeyboardInterrupt) and not ACTIVE.supervised:
        return  # without supervision, nothing tells whether the user or the plugin raised it
    if call.overdue:  # whichever error the plugin made of the TimeLimitReached
        message = "was still at work when its time was up"
        hint = "`--timeout SECONDS` allows a call more time"
        cause = error if isinstance(error, TimeLimitReached) else TimeLimitReached()
        raise ContributionError(
            contributor.kind, contributor.name, message, where=find_error_line(error, contributor), hint=hint
        ) from cause
    if isinstance(error, TimeLimitReached):
        return  # it is that of a call around this one
    if isinstance(error, MqaError):
        if contributor.kind in CHECK_KINDS:
            raise ContributionError(
                contributor.kind, contributor.name, f"reports: {error.message}", hint=error.hint
            ) from error
        return
    if isinstance(error, PermissionError) and error.filename is not None and contributor.kind not in CHECK_KINDS:
        raise DataError(f"`{error.filename}` cannot be used: permission denied", hint=MAY_READ) from error
    if no_memory(error):
        message = (
            f"out of memory while the {contributor.kind} `{contributor.name}` was at work: {describe_error(error)}"
        )
        raise OutOfMemoryError(message, hint=MEMORY_HINT) from error
    raise ContributionError(
        contributor.kind,
        contributor.name,
        f"crashed: {describe_error(error)}",
        where=find_error_line(error, contributor),
    ) from error


def describe_error(error: BaseException) -> str:
    """The type and message of an error, as one line that any stream can write."""
    if ACTIVE.redacted:
        return f"{type(error).__name__}, {REDACTED}"
    try:
        text = "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2]
    except BaseException:  # its `__str__` is a plugin's
        text = type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()[:MAX_ERROR_CHARACTERS]


def summarize_value(value: Any) -> str:
    """A value with its type, cut short; it does not raise, even where its `__repr__` does."""
    try:
        text = repr(value)
    except BaseException:
        text = ""
    text = text.encode("ascii", "backslashreplace").decode().partition("\n")[0]
    kind = type(value).__name__
    if value is None or not text or text.startswith("<"):  # which has an address in it, or less
        return "None" if value is None else f"a `{kind}`"
    return f"{text[:MAX_VALUE_CHARACTERS]} ({kind})"


def find_error_line(error: BaseException, contributor: Contributor) -> str:
    """The last line of the plugin's file that the traceback of an error has; empty where it has none.

    That file is the one of the contributor's function, else the first in the traceback that is neither the host's nor
    Python's own, such as that of a context manager.
    """
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HOST_FOLDER)
    ]
    if not frames:
        return ""
    files = [frame.filename for frame in frames]
    foreign = [file for file in files if not _is_of_python(file)]
    own = contributor.file if contributor.file in files else (foreign or files)[0]
    last = [frame for frame in frames if frame.filename == own][-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _is_of_python(file: str) -> bool:
    """Whether a file is of Python's standard library, or frozen into it."""
    return file.startswith("<frozen ") or (file.startswith(PYTHON_FOLDER) and "site-packages" not in file)
