"""Processes: the step that this one works on, its exit, and the end of others with all that they started."""

from __future__ import annotations

import mmap
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen
    from typing import NoReturn

CLOSED_STREAMS: set[int] = set()  # the standard streams that were closed when this process started
MEMORY_HINT = (
    "hint: may it have more memory, processes or threads? see `ulimit -a`; OMP_NUM_THREADS=1 takes less of each"
)


class ProcessStatus:
    """What a working process tells the watchdog, in a page of memory that both share.

    Byte 0 is 1 once byte 1 is the exit code that mqa chose. Bytes 2 and 3 are the length of the current step, and the
    text follows.
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.owner = os.getpid()

    @property
    def step(self) -> str:
        """What the process works on, as in `reading the data`."""
        return self._page[4 : 4 + int.from_bytes(self._page[2:4], "little")].decode(errors="ignore")

    @step.setter
    def step(self, step: str) -> None:
        text = step.encode("utf-8", "backslashreplace")[: mmap.PAGESIZE - 4]
        self._page[4 : 4 + len(text)] = text
        self._page[2:4] = len(text).to_bytes(2, "little")

    @property
    def exit_code(self) -> int | None:
        """The exit code that mqa chose; None where it has chosen none."""
        return self._page[1] if self._page[0] else None

    @exit_code.setter
    def exit_code(self, code: int) -> None:
        if os.getpid() == self.owner:  # a process that it forked chooses none for it
            self._page[0:2] = bytes((1, code))


STATUS = ProcessStatus()


def begin_step(step: str) -> None:
    """Note what this process works on from now on, as in `reading the data`; a message says it after a sudden end."""
    STATUS.step = step


def current_step() -> str:
    """What this process works on."""
    return STATUS.step


def exit_process(code: int) -> NoReturn:
    """End this process at once, with an exit code that mqa chose."""
    STATUS.exit_code = code
    os._exit(code)


def signal_name(number: int) -> str:
    """The name of a signal on this platform, such as `SIGKILL`; `signal 77` where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def end_process_tree(process: Popen[str] | Popen[bytes]) -> None:
    """End a process at once, with all that it started, and wait for its end.

    It was started with `start_new_session=True`; otherwise, on POSIX, what it started goes on. One that has ended
    already stays as it is.
    """
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # it leads no group, or has just ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        import subprocess  # here: a start of mqa needs none

        # The tool's full path, since Windows looks for a bare name in the current folder first.
        tool = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        with suppress(OSError):
            subprocess.run([tool, "/PID", str(process.pid), "/T", "/F"], capture_output=True, check=False)  # noqa: S603  # a number
    process.kill()
    process.wait()
