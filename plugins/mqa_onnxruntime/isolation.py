"""Exporting in a process of its own, with a limit of time.

Exporters patch the libraries that they trace, print at will, can take all memory, and hang. In a process of its own an
export does none of that to the run, whose reference is never the patched model, and whose memory gets all of it back.
The other process makes the model again from where the suite has it. Nothing is pickled on the way, no copy of the
weights goes through shared memory, and this process need not load PyTorch for an export. It costs an import of PyTorch
and, for as long as the export lasts, a second copy of the weights where this process holds one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.exporting import LOG
from mqa_registry import DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mqa_onnxruntime.order import Order
    from mqa_registry import MqaError

# `-P`: no module of the current folder passes for a library's.
CHILD = (sys.executable, "-P", "-X", "faulthandler", "-m", "mqa_onnxruntime.child")
OUTCOME = "outcome.json"
HERE = re.compile(r'^Current thread .*\n  File "(?:.*[/\\])?([^"/\\]+)", line (\d+) in (\S+)$', re.MULTILINE)
GRACE = 2.0  # seconds in which a process that hangs may say where


def made_apart(origin: Mapping[str, Any], order: Order, limit: float) -> str:
    """Have an order filled by another process, within so many seconds; gives the name of the exporter.

    Raises what it raised there, as far as it is of ours; a NotRunError where it hangs, is killed or crashes.
    """
    with (order.folder / LOG).open("ab") as log:
        process = _started(log.fileno())
        try:
            _tell(process, {"origin": origin, "order": order.spelled()})
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            last = _last_line(order.folder / LOG)
            _ask_where(process)
            where = _where(order.folder / LOG)
            raise NotRunError(f"the export hangs: it was ended after {limit:g} s{where}{last}") from None
        finally:
            _end(process)
    return _outcome(order.folder, code)


def _started(log: int) -> subprocess.Popen[str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109  # it is a string that is wanted
    return subprocess.Popen(  # noqa: S603  # our own interpreter, with our own module
        CHILD,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,  # so that it can be ended with all that it started
        text=True,
    )


def _tell(process: subprocess.Popen[str], told: Mapping[str, Any]) -> None:
    """Its input stays open: at its end the other process knows that nobody waits any more."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it is gone already, and its exit code says how
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()


def _ask_where(process: subprocess.Popen[str]) -> None:
    """Let a process that hangs write its stack into the log."""
    if hasattr(signal, "SIGUSR1"):
        process.send_signal(signal.SIGUSR1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _where(log: Path) -> str:
    """The function that the process was in when it was asked, for the middle of a message."""
    told = HERE.findall(log.read_text(encoding="utf-8", errors="replace"))
    return ", in `{2}` ({0}, line {1})".format(*told[-1]) if told else ""


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()


def _outcome(folder: Path, code: int) -> str:
    file = folder / OUTCOME
    if code == 0 and file.is_file():
        told = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        if "exporter" in told:
            return str(told["exporter"])
        raise _error(told)
    raise NotRunError(f"{_ending(code)}{_last_line(folder / LOG)}")


def _error(told: Mapping[str, str]) -> MqaError:
    kind = DataError if told["kind"] == "data" else NotRunError
    return kind(told["message"], hint=told["hint"])


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the export was killed (SIGKILL), as a machine out of memory does it"
    if code < 0:
        return f"the export was ended by {signal.Signals(-code).name}"
    return f"the export crashed with exit code {code}"


def _last_line(log: Path) -> str:
    """The last thing that was said, for the end of a message."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = [line for line in lines if line and not line.startswith("Extension modules:")]
    return f"; it last said: {said[-1]:.200}" if said else ""
