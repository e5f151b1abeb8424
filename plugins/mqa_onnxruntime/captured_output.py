"""What libraries print while they work, captured in a file: from Python, from C, and as warnings."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def capture_output(log: IO[bytes]) -> Iterator[None]:
    """Write into an open file whatever the process writes to stdout or stderr.

    This holds for all threads: the two streams are the process's, and C++ knows no other.
    """
    with ExitStack() as stack:
        stack.enter_context(_captured_warnings(log))
        for name, number in (("stdout", 1), ("stderr", 2)):
            stack.enter_context(_replaced_stream(name, _LogStream(log)))
            stack.enter_context(_redirected_descriptor(number, log))
        yield


def read_log(log: IO[bytes]) -> str:
    """All that was captured in a file so far."""
    log.seek(0)
    return log.read().decode("utf-8", "replace")


@contextmanager
def _captured_warnings(log: IO[bytes]) -> Iterator[None]:
    """Recorded and written as text: others may have replaced `showwarning` for purposes of their own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            text = "".join(warnings.formatwarning(w.message, w.category, w.filename, w.lineno) for w in caught)
            os.write(log.fileno(), text.encode("utf-8", "backslashreplace"))


@contextmanager
def _replaced_stream(name: str, instead: _LogStream) -> Iterator[None]:
    """Replace Python's own stream, which may be another than the descriptor, also in log handlers that hold it."""
    before = getattr(sys, name)
    handlers = [handler for handler in _handlers() if vars(handler).get("stream") is before]
    for handler in handlers:
        handler.setStream(instead)
    setattr(sys, name, instead)
    try:
        yield
    finally:
        setattr(sys, name, before)
        for handler in handlers:
            handler.setStream(before)
        instead.target = before


def _handlers() -> set[logging.StreamHandler[Any]]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    return {handler for handler in handlers if isinstance(handler, logging.StreamHandler)}


@contextmanager
def _redirected_descriptor(number: int, log: IO[bytes]) -> Iterator[None]:
    log.flush()
    before = os.dup(number)
    os.dup2(log.fileno(), number)
    try:
        yield
    finally:
        os.dup2(before, number)
        os.close(before)


class _LogStream(io.TextIOBase):
    """A text stream that writes to the log, and to the real stream afterwards: a log handler may keep hold of it."""

    def __init__(self, log: IO[bytes]) -> None:
        self._log = log
        self.target: IO[str] | None = None  # the real stream, once it is back

    def write(self, text: str, /) -> int:
        if self.target is not None:
            return self.target.write(text)
        os.write(self._log.fileno(), text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        if self.target is not None:
            self.target.flush()
