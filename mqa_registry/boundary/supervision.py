"""Supervision: Ctrl-C told apart from what plugins raise, and calls that do not end, ended.

A thread looks at the calls that are going on. One that is over its limit has TimeLimitReached raised inside of it, and
compiled code is stopped where the plugin says how. A call that goes on all the same cannot be ended alone: it is named,
and the process ends. So does one that Ctrl-C cannot end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mqa_registry.boundary import calls
from mqa_registry.boundary.calls import STATE, TimeLimitReached
from mqa_registry.errors import ExitCode
from mqa_registry.process import exit_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from mqa_registry.boundary.calls import calling

TICK = 0.2  # seconds between two looks
AGAIN = 1.0  # seconds after which a call is told again to end
GRACE = 5.0  # seconds that a call has to end in once it was told to
PER_ROW = 60.0  # seconds for a call about one row
MINUTES = {"perturbation": 1.0, "slice": 1.0, "metric": 10.0, "comparison": 10.0, "plugin": 10.0}
MOST_MINUTES = 60.0  # for what loads, exports and runs models, or reads data


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Give every call so many seconds instead of what is usual for its kind; 0 is no limit, None leaves it as it is."""
    before = _WATCH.seconds
    _WATCH.seconds = before if seconds is None else seconds
    try:
        yield
    finally:
        _WATCH.seconds = before


@contextmanager
def supervised() -> Iterator[None]:
    """Watch over the calls within, made in the main thread; within a supervision, or elsewhere, it does nothing."""
    if STATE.supervised or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _WATCH.over():
        yield


def still_alive() -> None:
    """Count the time of the calls that are going on in this thread anew: one of them has told of its progress."""
    for call in STATE.stack():
        call.since = time.monotonic()


class _Watch:
    """The one supervision of a process."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._end = threading.Event()
        self._told: dict[tuple[int, int, float], list[float]] = {}  # when each overdue call was told to end
        self._due: tuple[calling, float] | None = None  # the call of the main thread that is to be ended
        self._sent = False  # a signal of our own is on its way
        self._pressed: float | None = None  # when Ctrl-C was pressed
        self._heeded = True  # it means something to this process: who starts it may have it ignored
        self._reader = -1

    @contextmanager
    def over(self) -> Iterator[None]:
        """Keep watch, with a signal handler and a wake-up pipe that are put back afterwards."""
        before = signal.getsignal(signal.SIGINT)
        self._heeded = callable(before)
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, lambda number, frame: self._handle(number, frame, before))
        self._end.clear()
        self._told.clear()
        self._due, self._sent, self._pressed = None, False, None
        thread = threading.Thread(target=self._look, name="mqa-supervision", daemon=True)
        thread.start()
        STATE.supervised = True
        try:
            yield
        finally:
            STATE.supervised = STATE.interrupted = False
            self._end.set()
            thread.join()
            signal.signal(signal.SIGINT, before)
            signal.set_wakeup_fd(wakeup)
            os.close(self._reader)
            os.close(writer)

    def _handle(self, number: int, frame: FrameType | None, before: object) -> None:
        """A signal, in the main thread: one that ends an overdue call, or Ctrl-C."""
        due, self._due = self._due, None
        if due is not None:
            call, since = due
            if call in STATE.stacks.get(threading.main_thread().ident or 0, ()) and call.since == since:
                call.overdue = True
                if frame is None or frame.f_code.co_filename != calls.__file__:  # there, a call is about to end
                    raise TimeLimitReached
            return
        if callable(before):
            STATE.interrupted = True
            before(number, frame)

    def _look(self) -> None:
        """The thread: look at every call, until the supervision is over."""
        while not self._end.wait(TICK):
            self._heed_interrupt()
            for thread, stack in list(STATE.stacks.items()):
                for call in tuple(stack):
                    self._weigh(thread, call)

    def _heed_interrupt(self) -> None:
        try:
            pressed = signal.SIGINT in os.read(self._reader, 64)
        except BlockingIOError:
            pressed = False
        if pressed and not self._sent and self._heeded:
            self._pressed = self._pressed or time.monotonic()
            for thread in list(STATE.stops):
                _stop(thread)
        self._sent = self._sent and not pressed
        if self._pressed and time.monotonic() - self._pressed > GRACE:
            going_on = [call for stack in list(STATE.stacks.values()) for call in stack]
            if going_on:
                _leave(f"interrupted, within {_named(going_on[-1])}", ExitCode.INTERRUPTED)

    def _weigh(self, thread: int, call: calling) -> None:
        """End a call that is over its limit, or the process where it cannot be ended."""
        limit, since, now = self._limit(call), call.since, time.monotonic()
        if not limit or now - since <= limit:
            return
        told = self._told.setdefault((thread, id(call), since), [])
        if told and now - told[0] > GRACE:
            _leave(f"error: {_named(call)} did not end within {limit:g} seconds, nor when it was told to")
        if told and now - told[-1] < AGAIN:
            return
        told.append(now)
        _stop(thread)
        if thread != threading.main_thread().ident:
            call.overdue = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeLimitReached))
            return
        self._due, self._sent = (call, since), True
        signal.pthread_kill(thread, signal.SIGINT)  # which wakes a call that sleeps or waits, too

    def _limit(self, call: calling) -> float:
        if self.seconds is not None:
            return self.seconds
        return call.seconds or 60 * MINUTES.get(call.contributor.kind, MOST_MINUTES)


def _stop(thread: int) -> None:
    """Stop the compiled code that a thread is in, where its plugin says how."""
    for stop in tuple(STATE.stops.get(thread, ())):
        with suppress(Exception):  # it is a plugin's
            stop()


def _named(call: calling) -> str:
    return f"the {call.contributor.kind} `{call.contributor.name}`"


def _leave(line: str, code: ExitCode = ExitCode.NOT_TRUSTWORTHY) -> None:
    """End the process, which hangs where no exception reaches it; the store keeps what was finished."""
    hint = "hint: what was finished is kept; the same command goes on from there"
    os.write(2, f"{line}\n{hint}\n".encode("utf-8", "backslashreplace"))
    exit_process(code)


_WATCH = _Watch()
