"""The watchdog: a process that watches the one that does the work, and says how it ended.

Libraries of models and data run out of memory each in their own way: an error, C's `exit`, an abort, a crash, or requests
without end; and the system kills a process that takes too much. So the process that was started watches a child that does
the work. It says in one line how the child ended, where the child did not say so itself, and in which step.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry.errors import ExitCode
from mqa_registry.process import MEMORY_HINT, STATUS, begin_step, signal_name

if TYPE_CHECKING:
    from typing import NoReturn

END_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
)  # fmt: skip
REPEAT_WINDOW = 1.0  # seconds in which a second Ctrl-C is the first: a terminal and the watchdog both pass it on
GRACE_PERIOD = 7  # seconds that a process has to end in after Ctrl-C; compiled code may keep the signal from it
POLL_INTERVAL = 0.05  # seconds between two looks at a process that has a limit of memory
STUCK_AFTER = 3.0  # seconds after which a process that asks for memory in vain is taken to do so for ever
NEAR_LIMIT = 64 << 20  # bytes: more than a library asks for at once that asks for ever
SMALL_LIMIT = 1 << 30  # bytes of a limit in which mqa and its libraries hardly fit
STEADY_WITHIN = 1 << 20  # bytes by which the memory of such a process may change
PR_SET_PDEATHSIG = 1  # of Linux


def watch() -> None:
    """Go on in a child of this process, where the platform can fork. This process ends as the child does."""
    begin_step("starting")
    if not hasattr(os, "fork"):
        return
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        _write_error(f"error: no process can be started: {(error.strerror or str(error)).lower()}")
        os._exit(ExitCode.NOT_TRUSTWORTHY)
    if child:
        _Watchdog(child).exit_as_child()
    STATUS.owner = os.getpid()
    _end_with_parent(parent)
    _ignore_repeats(signal.SIGINT)


def _end_with_parent(parent: int) -> None:
    """Have this process killed with its parent: whoever kills a command kills its work."""
    with suppress(AttributeError, OSError):  # no Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(ExitCode.NOT_TRUSTWORTHY)


def _ignore_repeats(number: signal.Signals) -> None:
    """Handle a signal once that comes twice within a moment."""
    before = signal.getsignal(number)
    if not callable(before):  # whoever started this process had it ignored
        return
    last = -REPEAT_WINDOW

    def handle(number: int, frame: Any) -> None:
        nonlocal last
        is_repeat, last = time.monotonic() - last < REPEAT_WINDOW, time.monotonic()
        if not is_repeat:
            before(number, frame)

    signal.signal(number, handle)


class _Watchdog:
    """Watches one child process, and passes signals on to it."""

    def __init__(self, child: int) -> None:
        self._child = child
        self._memory = MemoryMonitor(child)
        self._interrupted = False
        self._received: set[int] = set()  # signals from outside
        for number in END_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda number, _: self._pass_on(number))

    def exit_as_child(self) -> NoReturn:
        """Wait for the child, say how it ended where it did not, and end with its exit code."""
        code = os.waitstatus_to_exitcode(self._wait())
        if code >= 0 and code == STATUS.exit_code and (code != ExitCode.INTERRUPTED or signal.SIGINT in self._received):
            os._exit(code)  # OpenBLAS sends its own process the signal of Ctrl-C, where it gets no thread
        if self._interrupted:
            _write_error(
                f"interrupted while {STATUS.step}",
                "hint: what was finished is kept; the same command goes on from there",
            )
            os._exit(ExitCode.INTERRUPTED)
        if -code in END_SIGNALS:  # whoever waits for this process is to see which signal ended it
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        reason, step = self._describe_end(code), STATUS.step
        if self._memory.is_short:
            _write_error(f"error: out of memory while {step}: {reason}")
        else:
            _write_error(f"error: {reason} while {step}")
        os._exit(ExitCode.NOT_TRUSTWORTHY)

    def _describe_end(self, code: int) -> str:
        if self._memory.is_stuck:
            return "compiled code asked for more again and again"
        if code >= 0:
            return f"compiled code ended the process with exit code {code}"
        return f"the process was ended by {signal_name(-code)}"

    def _wait(self) -> int:
        while self._memory.limit:
            ended, status = os.waitpid(self._child, os.WNOHANG)
            if ended:
                return status
            self._memory.sample()
            if self._memory.is_stuck:
                self._send(signal.SIGKILL)
                break
            time.sleep(POLL_INTERVAL)
        return os.waitpid(self._child, 0)[1]

    def _pass_on(self, number: int) -> None:
        self._received.add(number)
        self._send(number)
        if number == signal.SIGINT and hasattr(signal, "alarm"):
            signal.signal(signal.SIGALRM, self._kill)
            signal.alarm(GRACE_PERIOD)

    def _kill(self, *_: object) -> None:
        self._interrupted = True
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._child, number)


class _Sample(NamedTuple):
    """A process at one moment: the time, its memory in bytes, and its ticks of CPU time as user and in the kernel."""

    time: float
    resident: int
    user: int
    system: int


class MemoryMonitor:
    """The memory of a process with a limit: how near it came to that, and whether it asks for more in vain.

    A library that repeats a request for ever (such as OpenBLAS) leaves a trace: the process is at its limit, takes no
    more, and spends its time in the kernel.
    """

    def __init__(self, process: int) -> None:
        import resource  # POSIX only

        limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
        self.limit = min((one for one in limits if one != resource.RLIM_INFINITY), default=0)  # bytes; 0 is none
        self.is_stuck = False
        self._folder = Path("/proc") / str(process)
        self._kills = _out_of_memory_kills()
        self._peak = 0
        self._steady_since: _Sample | None = None  # the first sample of a full process whose memory stays as it was

    @property
    def is_short(self) -> bool:
        """Whether a process that ended had too little: one was killed for that, or it took half of its limit."""
        took_half = 0 < self.limit <= max(2 * self._peak, SMALL_LIMIT)
        return self.is_stuck or took_half or _out_of_memory_kills() > self._kills

    def sample(self) -> None:
        """Read the memory of the process now."""
        with suppress(OSError, ValueError, LookupError):  # no Linux, or it is gone
            status = dict(line.split(":", 1) for line in (self._folder / "status").read_text().splitlines())
            peak, size, resident = (int(status[name].split()[0]) << 10 for name in ("VmPeak", "VmSize", "VmRSS"))
            ticks = (self._folder / "stat").read_text().rpartition(")")[2].split()[11:13]
            self._peak = max(self._peak, peak)
            now = _Sample(time.monotonic(), resident, int(ticks[0]), int(ticks[1]))
            since = self._steady_since
            if since is None or size + NEAR_LIMIT < self.limit or abs(resident - since.resident) > STEADY_WITHIN:
                self._steady_since = now
            elif now.time - since.time > STUCK_AFTER:
                self.is_stuck = now.system - since.system > now.user - since.user
                self._steady_since = now


def _out_of_memory_kills() -> int:
    """How many processes the system has killed for want of memory since it started; 0 where it does not say so."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _write_error(line: str, hint: str = MEMORY_HINT) -> None:
    with suppress(OSError):
        os.write(2, f"{line}\n{hint}\n".encode("utf-8", "backslashreplace"))
