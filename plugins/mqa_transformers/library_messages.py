"""What PyTorch and transformers say: their logs silenced, their errors in one line."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARACTERS = 200  # of an error in one line


@contextmanager
def silence_transformers() -> Iterator[None]:
    """No log lines, warnings and progress bars of transformers inside of the block; afterwards all are as before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging

        verbosity, had_progress_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            if had_progress_bar:
                logging.enable_progress_bar()


def summarize_error(error: BaseException) -> str:
    """An error of a library in one line of at most 200 characters.

    It is the first line of the message, and the next one where the first only announces it. Of a message that contains
    a traceback, as TorchScript's do, it is the last line.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    has_traceback = any(line.startswith("Traceback") for line in lines)
    summary = lines[-1] if has_traceback else " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return summary[:MAX_CHARACTERS]
