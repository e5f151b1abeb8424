"""A command watched by a process of its own, which outlives whatever compiled code makes of it.

Libraries of models and data meet the end of memory each in their own way: an error, C's `exit`, an abort, a crash, or
asking for ever; and the system kills a process that takes too much. So the process that was started watches a child
that does the work. It says in one line how the child ended, where that did not say so itself, and what was being done.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry.errors import ExitCode

if TYPE_CHECKING:
    from typing import NoReturn

HINT = "hint: may it have more memory, processes or threads? see `ulimit -a`; OMP_NUM_THREADS=1 takes less of each"
# What somebody sends who wants a command to end.
ASKED = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
)  # fmt: skip
TWICE = 1.0  # seconds within which a second Ctrl-C is the first: a terminal and the watching process both pass it on
GRACE = 7  # seconds that a process has to end in after Ctrl-C; compiled code may let nothing in it know of that
LOOK = 0.05  # seconds between two looks at a process that has a limit of memory
STUCK = 3.0  # seconds after which a process that asks for memory in vain is taken to do so for ever
NEAR = 64 << 20  # bytes: more than a library asks for at once that asks for ever
LEAST = 1 << 30  # bytes of a limit in which mqa and its libraries hardly fit
STILL = 1 << 20  # bytes by which the memory of such a process may change
PR_SET_PDEATHSIG = 1  # of Linux


class Page:
    """What the working process tells the one that watches it, by a page of memory that both have.

    The first byte is 1 once the exit code in the second is mqa's own. The rest is what was begun last.
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.owner = os.getpid()

    def begin(self, doing: str) -> None:
        """Tell what is begun, as in `reading the data`."""
        text = doing.encode("utf-8", "backslashreplace")[: mmap.PAGESIZE - 4]
        self._page[4 : 4 + len(text)] = text
        self._page[2:4] = len(text).to_bytes(2, "little")

    def end(self, code: int) -> None:
        """Tell the code that the process is about to end with; what it has forked may say nothing for it."""
        if os.getpid() == self.owner:
            self._page[0:2] = bytes((1, code))

    @property
    def doing(self) -> str:
        """What was begun last."""
        return self._page[4 : 4 + int.from_bytes(self._page[2:4], "little")].decode(errors="ignore")

    @property
    def code(self) -> int | None:
        """The code that mqa itself ended with; None where it did not come to that."""
        return self._page[1] if self._page[0] else None


_PAGE = Page()


def begin(doing: str) -> None:
    """Tell what this process begins now: what it was doing, should it come to a sudden end."""
    _PAGE.begin(doing)


def doing() -> str:
    """What this process has begun last."""
    return _PAGE.doing


def leave(code: int) -> NoReturn:
    """End this process at once, with a code that is mqa's own."""
    _PAGE.end(code)
    os._exit(code)


def watch() -> None:
    """Go on in a child of this process, where the platform has such. This process ends as the child does."""
    begin("starting")
    if not hasattr(os, "fork"):
        return
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        _tell(f"error: no process can be started: {(error.strerror or str(error)).lower()}")
        os._exit(ExitCode.NOT_TRUSTWORTHY)
    if child:
        _Watch(child).end()
    _PAGE.owner = os.getpid()
    _end_with(parent)
    _take_once(signal.SIGINT)


def _end_with(parent: int) -> None:
    """Have this process killed with its parent: whoever kills a command kills what it does."""
    with suppress(AttributeError, OSError):  # no Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(ExitCode.NOT_TRUSTWORTHY)


def _take_once(number: signal.Signals) -> None:
    """Take a signal that comes twice within a moment for one."""
    before = signal.getsignal(number)
    if not callable(before):  # who started this process had it ignored
        return
    last = -TWICE

    def handle(number: int, frame: Any) -> None:
        nonlocal last
        again, last = time.monotonic() - last < TWICE, time.monotonic()
        if not again:
            before(number, frame)

    signal.signal(number, handle)


class _Watch:
    """The watch over one process."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._memory = Memory(process)
        self._interrupted = False
        self._asked: set[int] = set()  # the signals that somebody sent
        for number in ASKED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda number, _: self._pass_on(number))

    def end(self) -> NoReturn:
        """Wait for the process, say how it ended where it did not, and end with its code."""
        code = os.waitstatus_to_exitcode(self._wait())
        if code >= 0 and code == _PAGE.code and (code != ExitCode.INTERRUPTED or signal.SIGINT in self._asked):
            os._exit(code)  # OpenBLAS sends its own process the signal of Ctrl-C, where it gets no thread
        if self._interrupted:
            _tell(
                f"interrupted while {_PAGE.doing}",
                "hint: what was finished is kept; the same command goes on from there",
            )
            os._exit(ExitCode.INTERRUPTED)
        if -code in ASKED:  # whoever waits for this process is to see how it was ended
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        how, doing = self._how(code), _PAGE.doing
        _tell(f"error: out of memory while {doing}: {how}" if self._memory.short else f"error: {how} while {doing}")
        os._exit(ExitCode.NOT_TRUSTWORTHY)

    def _how(self, code: int) -> str:
        if self._memory.stuck:
            return "compiled code asked for more again and again"
        if code >= 0:
            return f"compiled code ended the process with exit code {code}"
        with suppress(ValueError):
            return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process was ended by signal {-code}"

    def _wait(self) -> int:
        while self._memory.limit:
            ended, status = os.waitpid(self._process, os.WNOHANG)
            if ended:
                return status
            self._memory.look()
            if self._memory.stuck:
                self._send(signal.SIGKILL)
                break
            time.sleep(LOOK)
        return os.waitpid(self._process, 0)[1]

    def _pass_on(self, number: int) -> None:
        self._asked.add(number)
        self._send(number)
        if number == signal.SIGINT and hasattr(signal, "alarm"):
            signal.signal(signal.SIGALRM, self._give_up)
            signal.alarm(GRACE)

    def _give_up(self, *_: object) -> None:
        self._interrupted = True
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process, number)


class _Look(NamedTuple):
    """What was seen of a process: when, its memory in bytes, and its ticks of CPU time outside and inside of the kernel."""

    at: float
    resident: int
    outside: int
    inside: int


class Memory:
    """The memory of a process that has a limit: how near it came to that, and whether it asks for more in vain.

    A library that repeats a request for ever (OpenBLAS, for one) leaves a trace: the process is full, takes no more, and
    spends its time in the system's kernel.
    """

    def __init__(self, process: int) -> None:
        import resource  # not everywhere

        limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
        self.limit = min((one for one in limits if one != resource.RLIM_INFINITY), default=0)  # bytes; 0 is none
        self.stuck = False
        self._folder = Path("/proc") / str(process)
        self._killed = _kills()
        self._most = 0
        self._since: _Look | None = None  # the first look at a process that is full, and has not moved from that

    @property
    def short(self) -> bool:
        """Whether a process that ended had too little: one was killed for that, or it took half of its limit."""
        return self.stuck or (0 < self.limit <= max(2 * self._most, LEAST)) or _kills() > self._killed

    def look(self) -> None:
        """Look at the process as it is now."""
        with suppress(OSError, ValueError, LookupError):  # no Linux, or it is gone
            found = dict(line.split(":", 1) for line in (self._folder / "status").read_text().splitlines())
            most, size, resident = (int(found[name].split()[0]) << 10 for name in ("VmPeak", "VmSize", "VmRSS"))
            ticks = (self._folder / "stat").read_text().rpartition(")")[2].split()[11:13]
            self._most = max(self._most, most)
            now = _Look(time.monotonic(), resident, int(ticks[0]), int(ticks[1]))
            since = self._since
            if since is None or size + NEAR < self.limit or abs(resident - since.resident) > STILL:
                self._since = now
            elif now.at - since.at > STUCK:
                self.stuck = now.inside - since.inside > now.outside - since.outside
                self._since = now


def _kills() -> int:
    """How many processes the system has killed for want of memory since it started; 0 where it does not say so."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _tell(line: str, hint: str = HINT) -> None:
    with suppress(OSError):
        os.write(2, f"{line}\n{hint}\n".encode("utf-8", "backslashreplace"))
