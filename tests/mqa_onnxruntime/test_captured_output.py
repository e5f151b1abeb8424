"""What a library says is kept, whichever way it says it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import warnings

import pytest

from mqa_onnxruntime.captured_output import capture_output, read_log


def test_every_stream_is_captured_and_nothing_is_printed(capfd):
    with tempfile.TemporaryFile() as log:
        with capture_output(log):
            print("from print")  # noqa: T201
            print("from stderr", file=sys.stderr)  # noqa: T201
            os.write(1, b"from descriptor 1\n")
            os.write(2, b"from descriptor 2\n")
            warnings.warn("a warning", stacklevel=1)
            subprocess.run(["sh", "-c", "echo from a child >&2"], check=True)
        heard = read_log(log)
    assert capfd.readouterr() == ("", "")
    voices = ["from print", "from stderr", "from descriptor 1", "from descriptor 2", "a warning", "from a child"]
    assert [voice for voice in voices if voice not in heard] == []


def test_afterwards_every_stream_prints_again(capfd):
    with tempfile.TemporaryFile() as log, capture_output(log):
        print("kept")  # noqa: T201
    print("out")  # noqa: T201
    os.write(2, b"err\n")
    assert capfd.readouterr() == ("out\n", "err\n")


def test_an_error_inside_is_raised_and_the_streams_are_restored(capfd):
    out, err = sys.stdout, sys.stderr
    with pytest.raises(KeyError), tempfile.TemporaryFile() as log, capture_output(log):
        raise KeyError("x")
    assert (sys.stdout, sys.stderr) == (out, err)
    os.write(1, b"out\n")
    assert capfd.readouterr().out == "out\n"


def test_a_log_handler_made_inside_still_works_afterwards(capsys):
    """Such a handler keeps the stream of its first moment for good."""
    logger = logging.getLogger("mqa.test.late")
    with tempfile.TemporaryFile() as log:
        with capture_output(log):
            logger.addHandler(logging.StreamHandler())
            logger.warning("inside")
        heard = read_log(log)
    logger.warning("after")
    logger.handlers.clear()
    assert heard == "inside\n"
    assert capsys.readouterr().err == "after\n"


def test_a_log_handler_made_before_is_captured_too():
    logger = logging.getLogger("mqa.test.library")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    try:
        with tempfile.TemporaryFile() as log:
            with capture_output(log):
                logger.warning("inside")
            assert read_log(log) == "inside\n"
        assert handler.stream is sys.stderr
    finally:
        logger.removeHandler(handler)


def test_text_that_cannot_be_encoded_is_captured_too():
    with tempfile.TemporaryFile() as log:
        with capture_output(log):
            print("\udc80 é")  # noqa: T201
        assert read_log(log) == "\\udc80 é\n"
