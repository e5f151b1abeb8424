"""What a library says while it works, kept instead of printed: from Python, from C, and as warnings."""

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
def captured(log: IO[bytes]) -> Iterator[None]:
    """As long as this lasts, whatever the process writes to stdout or stderr goes into an open file.

    That holds for all threads: the two streams are the process's, and C++ knows no other.
    """
    with ExitStack() as stack:
        stack.enter_context(_diverted_warnings(log))
        for name, number in (("stdout", 1), ("stderr", 2)):
            stack.enter_context(_diverted_stream(name, _Diverted(log)))
            stack.enter_context(_diverted_descriptor(number, log))
        yield


def said(log: IO[bytes]) -> str:
    """All that was captured in a file so far."""
    log.seek(0)
    return log.read().decode("utf-8", "replace")


@contextmanager
def _diverted_warnings(log: IO[bytes]) -> Iterator[None]:
    """Recorded, for whoever is around may have other plans with them than to print them."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            text = "".join(warnings.formatwarning(w.message, w.category, w.filename, w.lineno) for w in heard)
            os.write(log.fileno(), text.encode("utf-8", "backslashreplace"))


@contextmanager
def _diverted_stream(name: str, instead: _Diverted) -> Iterator[None]:
    """Python's own stream, and the log handlers that took hold of it: it may be something else than the descriptor."""
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
def _diverted_descriptor(number: int, log: IO[bytes]) -> Iterator[None]:
    log.flush()
    before = os.dup(number)
    os.dup2(log.fileno(), number)
    try:
        yield
    finally:
        os.dup2(before, number)
        os.close(before)


class _Diverted(io.TextIOBase):
    """Stands in for a text stream. A log handler may keep hold of it, so it has to work when all is over, too."""

    def __init__(self, log: IO[bytes]) -> None:
        self._log = log
        self.target: IO[str] | None = None  # the real stream, once that is back

    def write(self, text: str, /) -> int:
        if self.target is not None:
            return self.target.write(text)
        os.write(self._log.fileno(), text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        if self.target is not None:
            self.target.flush()
