"""The process that exports: `python -m mqa_onnxruntime.child`, with an order as one line of JSON on its input."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from mqa_onnxruntime.isolation import OUTCOME
from mqa_onnxruntime.making import made_here
from mqa_onnxruntime.order import Order
from mqa_registry import MqaError, remake

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def main() -> None:
    """Fill the order, and write down how that went; whatever is no error of ours ends the process with a traceback."""
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_the_other, daemon=True).start()
    order = Order.read(told["order"])
    (order.folder / OUTCOME).write_text(json.dumps(_outcome(told["origin"], order)), encoding="utf-8")


def _outcome(origin: Mapping[str, Any], order: Order) -> dict[str, str]:
    try:
        return {"exporter": made_here(remake(origin), order)}
    except MqaError as error:
        kind = "data" if error.exit_code == 2 else "not run"
        return {"kind": kind, "message": error.message, "hint": error.hint}


def _leave_with_the_other() -> None:
    """Nobody waits for an export whose run is gone."""
    while os.read(0, 1024):  # not by `sys.stdin`, whose lock would be held when this process ends
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
