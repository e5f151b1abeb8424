"""Time limits of calls into plugins, and Ctrl-C kept apart from errors that plugins raise.

A thread checks the active calls. A call over its time limit has TimeLimitReached raised in it, and compiled code in it is
stopped by the function that its plugin gave. Where a call continues in spite of that, or of Ctrl-C, a command reports it and
exits; in the process of a caller in Python, it is tried again.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.boundary import calls
from mqa_registry.boundary.calls import ACTIVE, TimeLimitReached
from mqa_registry.errors import ExitCode
from mqa_registry.process import exit_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from mqa_registry.boundary.calls import ContributionCall

CHECK_SECONDS = 0.2  # between two checks of the active calls
REPEAT_SECONDS = 1.0  # after which TimeLimitReached is raised again
GRACE_SECONDS = 5.0  # that a call has to end once TimeLimitReached was raised in it
ROW_SECONDS = 60.0  # the time limit of a call for one row
MINUTES = {"perturbation": 1.0, "slice": 1.0, "metric": 10.0, "comparison": 10.0, "plugin": 10.0}
DEFAULT_MINUTES = 60.0  # of kinds that load, export and run models, or read data


@contextmanager
def limit_calls(seconds: float | None) -> Iterator[None]:
    """Set the time limit of all calls inside, of any kind; 0 is no limit, None changes nothing."""
    limits = [] if seconds is None else [_Limit(seconds)]
    _SUPERVISOR.limits.extend(limits)
    try:
        yield
    finally:
        for limit in limits:
            _SUPERVISOR.limits.remove(limit)


@contextmanager
def supervise(*, may_exit: bool = False) -> Iterator[None]:
    """Supervise the calls inside; within another supervision, or outside of the main thread, it does nothing.

    A call that no exception ends goes on, unless the process is mqa's own and `may_exit`: then it ends.
    """
    if ACTIVE.supervised or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _SUPERVISOR.watch(may_exit=may_exit):
        yield


def restart_time_limits() -> None:
    """Restart the time of all active calls of this thread: one of them reported progress."""
    for call in ACTIVE.stack():
        call.since = time.monotonic()


@dataclass(frozen=True, eq=False)
class _Limit:
    """A time limit that is set. Two of the same length are not equal: threads may end theirs in any order."""

    seconds: float


class _Supervisor:
    """The supervisor of a process, which has one."""

    def __init__(self) -> None:
        self.limits: list[_Limit] = []  # that are set for calls of any kind: the last one holds
        self._end = threading.Event()
        self._stop_times: dict[tuple[int, int, float], list[float]] = {}  # of each overdue call
        self._to_stop: tuple[ContributionCall, float] | None = None  # a call of the main thread
        self._signal_pending = False  # a signal that the supervisor sent was not received yet
        self._interrupt_time: float | None = None  # when Ctrl-C was pressed
        self._handles_interrupt = True  # false where the process was started with Ctrl-C ignored
        self._reader = -1
        self._may_exit = False

    @contextmanager
    def watch(self, *, may_exit: bool) -> Iterator[None]:
        """Run the thread, with a signal handler and a wake-up pipe that are restored afterwards."""
        self._may_exit = may_exit
        before = signal.getsignal(signal.SIGINT)
        self._handles_interrupt = callable(before)
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, lambda number, frame: self._handle(number, frame, before))
        self._end.clear()
        self._stop_times.clear()
        self._to_stop, self._signal_pending, self._interrupt_time = None, False, None
        thread = threading.Thread(target=self._run, name="mqa-supervision", daemon=True)
        thread.start()
        ACTIVE.supervised = True
        try:
            yield
        finally:
            ACTIVE.supervised = ACTIVE.interrupted = False
            self._end.set()
            thread.join()
            signal.signal(signal.SIGINT, before)
            signal.set_wakeup_fd(wakeup)
            os.close(self._reader)
            os.close(writer)

    def _handle(self, number: int, frame: FrameType | None, before: object) -> None:
        """Handle a signal in the main thread: the supervisor's, to end an overdue call, or Ctrl-C."""
        to_stop, self._to_stop = self._to_stop, None
        if to_stop is not None:
            call, since = to_stop
            if call in ACTIVE.stacks.get(threading.main_thread().ident or 0, ()) and call.since == since:
                call.overdue = True
                if frame is None or frame.f_code.co_filename != calls.__file__:  # there, a call is about to end
                    raise TimeLimitReached
            return
        if callable(before):
            ACTIVE.interrupted = True
            before(number, frame)

    def _run(self) -> None:
        """Check every active call, until the supervision ends."""
        while not self._end.wait(CHECK_SECONDS):
            self._check_interrupt()
            for thread, stack in list(ACTIVE.stacks.items()):
                for call in tuple(stack):
                    self._check_call(thread, call)

    def _check_interrupt(self) -> None:
        try:
            pressed = signal.SIGINT in os.read(self._reader, 64)
        except BlockingIOError:
            pressed = False
        if pressed and not self._signal_pending and self._handles_interrupt:
            self._interrupt_time = self._interrupt_time or time.monotonic()
            for thread in list(ACTIVE.stops):
                _stop_compiled_code(thread)
        self._signal_pending = self._signal_pending and not pressed
        if self._interrupt_time and time.monotonic() - self._interrupt_time > GRACE_SECONDS:
            active = [call for stack in list(ACTIVE.stacks.values()) for call in stack]
            if active and self._may_exit:
                _exit(f"interrupted, within {_describe_call(active[-1])}", ExitCode.INTERRUPTED)

    def _check_call(self, thread: int, call: ContributionCall) -> None:
        """End a call that is over its time limit, or the process where it does not end."""
        limit, since, now = self._limit(call), call.since, time.monotonic()
        if not limit or now - since <= limit:
            return
        stop_times = self._stop_times.setdefault((thread, id(call), since), [])
        if stop_times and now - stop_times[0] > GRACE_SECONDS and self._may_exit:
            _exit(f"error: {_describe_call(call)} did not end within {limit:g} seconds, nor when it was stopped")
        if stop_times and now - stop_times[-1] < REPEAT_SECONDS:
            return
        stop_times.append(now)
        _stop_compiled_code(thread)
        if thread != threading.main_thread().ident:
            call.overdue = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeLimitReached))
            return
        self._to_stop, self._signal_pending = (call, since), True
        signal.pthread_kill(thread, signal.SIGINT)  # which wakes a call that sleeps or waits, too

    def _limit(self, call: ContributionCall) -> float:
        if limits := self.limits[-1:]:
            return limits[0].seconds
        return call.seconds or 60 * MINUTES.get(call.contributor.kind, DEFAULT_MINUTES)


def _stop_compiled_code(thread: int) -> None:
    """Stop the compiled code that a thread runs, by the functions that plugins gave for that."""
    for stop in tuple(ACTIVE.stops.get(thread, ())):
        with suppress(Exception):  # it is a plugin's
            stop()


def _describe_call(call: ContributionCall) -> str:
    return f"the {call.contributor.kind} `{call.contributor.name}`"


def _exit(line: str, code: ExitCode = ExitCode.NOT_TRUSTWORTHY) -> None:
    """Exit the process, in which a call hangs that no exception reaches; the store keeps what was finished."""
    hint = "hint: what was finished is kept; the same command goes on from there"
    os.write(2, f"{line}\n{hint}\n".encode("utf-8", "backslashreplace"))
    exit_process(code)


_SUPERVISOR = _Supervisor()
