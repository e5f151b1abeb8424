"""Calls into contributions: who is called, and what becomes of whatever they raise."""

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

HOST = str(Path(__file__).parent.parent) + os.sep
PYTHON = str(Path(os.__file__).parent) + os.sep
LONGEST = 300  # characters of what a contribution raised that a message repeats
MORE_MEMORY = "give it a machine with more memory, or less at once: fewer rows, a smaller model"
UNQUOTED = "in words that are left out, as they may quote a row"
CHECKED = frozenset({"metric", "comparison", "probe", "perturbation", "slice"})  # kinds that belong to single checks


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


class State:
    """The calls that are going on, by thread, and whether somebody watches over them.

    `stops` are what ends compiled code within them. `supervised` is set while signals are told apart from what plugins
    raise; `interrupted` once Ctrl-C was pressed. `quotes` says whether messages repeat the words of contributions.
    """

    def __init__(self) -> None:
        self.stacks: dict[int, list[calling]] = {}
        self.stops: dict[int, list[Callable[[], object]]] = {}
        self.supervised = False
        self.interrupted = False
        self.quotes = True

    def stack(self) -> list[calling]:
        """The calls of this thread, the outermost first."""
        return self.stacks.setdefault(threading.get_ident(), [])


STATE = State()


class calling:  # noqa: N801 - a context manager, made a class since it is entered for every row
    """A call into a contribution, as a context manager; it may be entered again for every row.

    What is raised within becomes a ContributionError. As itself come through: Ctrl-C, a NotRunError, the store's
    errors, and, for kinds that no single check names, the errors by which they tell a user what is wrong with the input.
    `seconds` is how long it may take, None for what is usual for its kind; `overdue` is set once it was told to end. The
    current folder is put back afterwards.
    """

    __slots__ = ("contributor", "folder", "overdue", "seconds", "since")

    def __init__(self, contributor: Contributor, *, seconds: float | None = None) -> None:
        self.contributor = contributor
        self.seconds = seconds
        self.since = 0.0
        self.folder = ""
        self.overdue = False

    def _return(self) -> None:
        """Go back to where the host was: its paths are relative to that."""
        if self.folder and _current_folder() != self.folder:
            os.chdir(self.folder)

    def __enter__(self) -> Self:
        self.since = time.monotonic()
        self.overdue = False
        self.folder = _current_folder()
        STATE.stack().append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        STATE.stack().pop()
        self._return()
        _check_interrupt()
        if error is not None:
            _translate(self, error)


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - called for every row's group; a path is slower
    except FileNotFoundError:
        return ""


class repeatedly(calling):  # noqa: N801 - as above
    """Calls of one function row by row, within one context: `with repeatedly(...) as call: call(example)`.

    Whatever the function raises is translated as by `calling`; what the host raises between two calls is left alone.
    """

    __slots__ = ("function",)

    def __init__(self, contributor: Contributor, function: Callable[..., Any], *, seconds: float) -> None:
        super().__init__(contributor, seconds=seconds)
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        self.since = time.monotonic()
        self.overdue = False
        try:
            given = self.function(*arguments)
        except BaseException as error:
            _check_interrupt()
            _translate(self, error)
            raise
        if STATE.interrupted:
            raise KeyboardInterrupt
        return given

    def __exit__(self, *_: object) -> None:
        STATE.stack().remove(self)
        self._return()


class interruptible:  # noqa: N801 - as above
    """Compiled code that can be stopped, as a context manager.

    No exception reaches such code while it works. Within, `stop` is called, by another thread, once Ctrl-C was pressed
    or the call's time is up; whatever the code raises then is taken for that.
    """

    __slots__ = ("stop",)

    def __init__(self, stop: Callable[[], object]) -> None:
        self.stop = stop

    def __enter__(self) -> None:
        STATE.stops.setdefault(threading.get_ident(), []).append(self.stop)

    def __exit__(self, *_: object) -> None:
        STATE.stops[threading.get_ident()].pop()
        if any(call.overdue for call in STATE.stack()):  # no plugin may take it for a failed attempt, and try another
            raise TimeLimitReached


def _check_interrupt() -> None:
    if STATE.interrupted:  # whatever a plugin made of it
        raise KeyboardInterrupt


@contextmanager
def quoting(*, allowed: bool) -> Iterator[None]:
    """Whether messages within may repeat what contributions raise and give back: their words may be those of a row."""
    before = STATE.quotes
    STATE.quotes = before and allowed
    try:
        yield
    finally:
        STATE.quotes = before


def refuse(contributor: Contributor, seen: str, hint: str = "") -> NoReturn:
    """The ContributionError of something that came back and must not, as in `gave 7 scores for 8 rows`."""
    told = seen if STATE.quotes else f"gave what it must not, {UNQUOTED}"
    raise ContributionError(contributor.kind, contributor.name, told, where=contributor.where, hint=hint)


def _translate(call: calling, error: BaseException) -> None:
    """Raise what the host takes an error of a plugin for; returns where that is the error itself."""
    who = call.contributor
    if isinstance(error, ContributionError | NotRunError | StoreError):
        return
    if isinstance(error, KeyboardInterrupt) and not STATE.supervised:
        return  # nobody knows whose it is
    if call.overdue:  # whatever it makes of being told so
        seen = "was still at work when its time was up"
        hint = "`--timeout SECONDS` allows a call more time"
        cause = error if isinstance(error, TimeLimitReached) else TimeLimitReached()
        raise ContributionError(who.kind, who.name, seen, where=place_of(error, who), hint=hint) from cause
    if isinstance(error, TimeLimitReached):
        return  # it is that of a call around this one
    if isinstance(error, MqaError):
        if who.kind in CHECKED:
            raise ContributionError(who.kind, who.name, f"reports: {error.message}", hint=error.hint) from error
        return
    if isinstance(error, PermissionError) and error.filename is not None and who.kind not in CHECKED:
        raise DataError(f"`{error.filename}` cannot be used: permission denied", hint=MAY_READ) from error
    if no_memory(error):
        message = f"out of memory while the {who.kind} `{who.name}` was at work: {described(error)}"
        raise OutOfMemoryError(message, hint=MORE_MEMORY) from error
    raise ContributionError(who.kind, who.name, f"crashed: {described(error)}", where=place_of(error, who)) from error


def described(error: BaseException) -> str:
    """What was raised, as one line that any stream can write."""
    if not STATE.quotes:
        return f"{type(error).__name__}, {UNQUOTED}"
    try:
        text = "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2]
    except BaseException:
        text = type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()[:LONGEST]


def place_of(error: BaseException, who: Contributor) -> str:
    """The line of the plugin's file where an error passed last; empty where none was of a plugin.

    Its file is that of its function, else the first one on the way that is neither the host's nor Python's own, such as
    that of a context manager.
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HOST)]
    if not frames:
        return ""
    files = [frame.filename for frame in frames]
    foreign = [file for file in files if not _is_pythons(file)]
    own = who.file if who.file in files else (foreign or files)[0]
    last = [frame for frame in frames if frame.filename == own][-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _is_pythons(file: str) -> bool:
    """Whether a file is of Python's standard library, or frozen into it."""
    return file.startswith("<frozen ") or (file.startswith(PYTHON) and "site-packages" not in file)
