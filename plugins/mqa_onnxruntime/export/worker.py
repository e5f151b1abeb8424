"""The process that does an export job: `python -m mqa_onnxruntime.export.worker`, with one line of JSON on its input."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from mqa_onnxruntime.export.job import OUTCOME, ExportJob, export_here
from mqa_registry import MqaError, rebuild_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def main() -> None:
    """Do the job and write its outcome; an error that is not ours ends the process with a traceback."""
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)
    message = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    job = ExportJob.from_json(message["job"])
    (job.folder / OUTCOME).write_text(json.dumps(_outcome(message["spec"], job)), encoding="utf-8")


def _outcome(spec: Mapping[str, Any], job: ExportJob) -> dict[str, str]:
    try:
        return {"exporter": export_here(rebuild_model(spec), job)}
    except MqaError as error:
        kind = "data" if error.exit_code == 2 else "not run"
        return {"kind": kind, "message": error.message, "hint": error.hint}


def _exit_with_parent() -> None:
    """End this process when its input ends: nobody waits for an export whose run is gone."""
    while os.read(0, 1024):  # not by `sys.stdin`, whose lock would be held when this process ends
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
