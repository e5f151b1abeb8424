"""Fuzzing: what is read is changed at random, from a seed, and has to be taken or refused in one line.

`MQA_FUZZ_TRIALS` sets how often, for every kind of input, and `MQA_FUZZ_SEED` where it begins.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SLOWEST = 30  # seconds that one trial may take
MEMORY = 6 << 30  # bytes that the process of a trial may take beyond what it has
KEPT = 0.8  # of the changes of a binary file, that keep its length
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)  # of compiled code
REFUSED, INTERNAL = 10, 11  # exit codes of a trial in a process of its own

# What breaks readers, wherever it is put.
WORDS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\x1b[31m", "\u202e".encode(), b'"', b"'''", b"\\u0000",
    b"[", b"]", b"{", b"}", b"[" * 3000, b"{" * 3000, b"=", b",", b".", b"#", b"-1", b"0", b"1e-200", b"1e400", b"nan", b"-inf",
    b"9" * 25, b"9" * 5000, b"18446744073709551616", b"true", b"null", b"[]", b"{}", b'""', b"../../etc/passwd", b"/dev/zero", b"a" * 5000,
)  # fmt: skip


@dataclass
class Fuzz:
    """Trials of one kind of input, and how they ended."""

    trials: int
    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def changed(self, seeds: Sequence[bytes], *, size: int = 64, binary: bool = False) -> Iterator[bytes]:
        """So many times one of the seeds, changed in one place or several, each by at most about `size` bytes.

        What is `binary` mostly keeps its length, without which nearly all readers see no more than that it is broken.
        """
        for trial in range(self.trials):
            rng = np.random.default_rng([self.seed, trial])
            content = seeds[int(rng.integers(len(seeds)))]
            for _ in range(int(rng.geometric(0.6))):
                content = _flipped(content, rng) if binary and rng.random() < KEPT else _changed(content, rng, size)
            yield content

    def tried(self, act: Callable[[], object], content: bytes) -> None:
        """Take one trial: anything but an answer or an MqaError, in time, fails the test and shows the input."""
        began = time.perf_counter()
        try:
            with _limited():
                act()
            outcome = "taken"
        except MqaError as error:
            said = f"{error.message} {error.hint}"
            assert said.strip(), content
            outcome = "refused"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise AssertionError(f"trial {self.outcomes.total()}: {error!r} of {content[:4000]!r}") from error
        self.count(outcome, began)

    def tried_apart(self, act: Callable[[], object], content: bytes, *, may_crash: bool = False) -> bool:
        """The same in a process of its own with less memory, for libraries that may take all or end the process.

        With `may_crash`, a process that a signal ended is counted, and what is given back is whether none did.
        """
        began = time.perf_counter()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _child(act, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if may_crash and -code in CRASHES:
            self.count("crashed", began)
            return False
        assert code in (0, REFUSED), f"trial {self.outcomes.total()} ended with {code}: {said} of {content[:4000]!r}"
        self.count("taken" if code == 0 else "refused", began)
        return True

    def count(self, outcome: str, began: float) -> None:
        """Take down how a trial ended."""
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, time.perf_counter() - began)


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + bytes(rng.integers(256, size=1, dtype=np.uint8)) + content[place + 1 :]


def _changed(content: bytes, rng: np.random.Generator, size: int) -> bytes:  # noqa: PLR0911 - one for each kind of change
    start, other = (int(place) for place in rng.integers(len(content) + 1, size=2))
    end = start + int(rng.integers(1, size))
    piece = content[other : other + int(rng.integers(1, size))]
    match int(rng.integers(8)):
        case 0:
            return _flipped(content, rng)
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:start] + piece + content[start:]
        case 3:
            return content[:start] + piece + content[end:]
        case 4 if rng.random() < 0.3:  # most would be too short for anything
            return content[:start]
        case 5:
            return content[:start] + WORDS[int(rng.integers(len(WORDS)))] + content[end:]
        case 6:
            lines = content.split(b"\n")
            one, two = (int(place) for place in rng.integers(len(lines), size=2))
            lines[one] = lines[two]
            return b"\n".join(lines)
        case _:
            return content[:start] + WORDS[int(rng.integers(len(WORDS)))] + content[start:]


@contextmanager
def _limited() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"more than {SLOWEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SLOWEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _child(act: Callable[[], object], writing: int) -> None:
    """Never returns."""
    code = INTERNAL
    try:
        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SLOWEST)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        act()
        code = 0
    except MqaError:
        code = REFUSED
    except BaseException:  # whatever it is, the parent shows it
        os.write(writing, "".join(traceback.format_exception(*sys.exc_info())[-3:]).encode()[-3000:])
    finally:
        os._exit(code)


@pytest.fixture
def fuzz(request, capsys):
    """How many trials, and from which seed; what came of them is printed at the end."""
    default = next(mark.args[0] for mark in request.node.iter_markers("trials"))
    found = Fuzz(int(os.environ.get("MQA_FUZZ_TRIALS") or default), int(os.environ.get("MQA_FUZZ_SEED") or 0))
    yield found
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.outcomes.items()))
    with capsys.disabled():
        print(f"\n{request.node.name}: {found.outcomes.total():,} tried, {told}, slowest {found.slowest:.2f} s")  # noqa: T201
