"""An export job, done in this process or in a subprocess with a limit of time, and both ends of that subprocess.

Exporters patch the libraries that they trace, print at will, can take all memory, and hang. In a subprocess an export
does none of that to the run: its reference is never the patched model, and all memory is given back. The subprocess
builds the model again from the suite's spec. Nothing is pickled, no copy of the weights goes through shared memory, and
this process need not load PyTorch for an export. It costs an import of PyTorch and, while the export lasts, a second
copy of the weights where this process holds one.
"""

from __future__ import annotations

import copy
import faulthandler
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.captured_output import capture_output
from mqa_onnxruntime.export.conversion import FLOAT32, ExportPrecision, convert, with_float32_edges
from mqa_onnxruntime.export.exporters import LOG, MODEL, dynamic_axes, export, export_with
from mqa_onnxruntime.export_audit import AuditRequest, audit_file, reference_of
from mqa_onnxruntime.graph.provenance import trace_file
from mqa_registry import DataError, MqaError, NotRunError, end_process_tree, rebuild_model, signal_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_onnxruntime.export.exporters import Arrays
    from mqa_registry import ModelUnderTest

AUDIT = "audit.json"
OUTCOME = "outcome.json"
PATHS = ("folder", "trace_rows", "base", "calibration_batches")
# `-P`: no module of the current folder passes for a library's.
COMMAND = (sys.executable, "-P", "-X", "faulthandler", "-c", "from mqa_onnxruntime.export.job import serve; serve()")
CURRENT_FRAME = re.compile(r'^Current thread .*\n  File "(?:.*[/\\])?([^"/\\]+)", line (\d+) in (\S+)$', re.MULTILINE)
GRACE_PERIOD = 2.0  # seconds in which a process that hangs may write its stack


@dataclass(frozen=True)
class ExportJob:
    """An export to make in `folder`, for `opset` where that is given.

    `trace_rows` is a file of a few encoded rows. A precision that is not traced is converted from the
    float32 export `base`; `calibration_batches` is a file of batches.
    """

    folder: Path
    trace_rows: Path
    opset: int | None = None
    precision: ExportPrecision = FLOAT32
    base: Path | None = None
    calibration_batches: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As another process reads it."""
        paths = {name: value and str(value) for name, value in asdict(self).items() if name in PATHS}
        return paths | {"opset": self.opset, "precision": self.precision.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ExportJob:
        """The job that `to_json` wrote."""
        paths = {name: Path(value) for name in PATHS if (value := content[name])}
        return cls(**paths, opset=content["opset"], precision=ExportPrecision(**content["precision"]))


def run_job(model_under_test: ModelUnderTest, job: ExportJob, timeout: float) -> str:
    """Do a job, within so many seconds; returns the name of the exporter.

    It runs in a subprocess, unless the model under test cannot be built again there.
    """
    if model_under_test.spec is None:
        return export_in_process(model_under_test, job)
    return run_in_subprocess(model_under_test.spec, job, timeout)


def export_in_process(model_under_test: ModelUnderTest, job: ExportJob) -> str:
    """Do a job in this process: writes the export, a log, and the audit."""
    rows = read_arrays(job.trace_rows)
    exporter = _trace(model_under_test, rows, job) if job.base is None else _convert(job, job.base)
    with (job.folder / LOG).open("ab") as log, capture_output(log):
        reference = reference_of(model_under_test, job.base, model_under_test.codec.collate(rows))
        request = AuditRequest(job.opset, job.precision.precision)
        audit = audit_file(job.folder / MODEL, model_under_test, rows, reference, request)
    (job.folder / AUDIT).write_text(json.dumps(audit.to_json()) + "\n", encoding="utf-8")
    return exporter


def run_in_subprocess(spec: Mapping[str, Any], job: ExportJob, timeout: float) -> str:
    """Do a job in a subprocess, within so many seconds; returns the name of the exporter.

    Raises the MqaError that the subprocess raised; a NotRunError where it hangs, is killed or crashes.
    """
    with (job.folder / LOG).open("ab") as log:
        process = _start(log.fileno())
        try:
            _send(process, {"spec": spec, "job": job.to_json()})
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            last = _last_line(job.folder / LOG)
            _request_stack(process)
            frame = _current_frame(job.folder / LOG)
            raise NotRunError(f"the export hangs: it was ended after {timeout:g} s{frame}{last}") from None
        finally:
            end_process_tree(process)
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
    return _read_outcome(job.folder, code)


def serve() -> None:
    """The subprocess: do the job that one line of JSON on stdin describes, and write its outcome.

    An error that is no MqaError ends the process with a traceback.
    """
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)
    message = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    job = ExportJob.from_json(message["job"])
    (job.folder / OUTCOME).write_text(json.dumps(_outcome(message["spec"], job)), encoding="utf-8")


def write_arrays(path: Path, items: Iterable[Arrays]) -> Path:
    """Write mappings of arrays as one `.npz` without pickles, each array under its mapping's number and its own name."""
    arrays: dict[str, Any] = {
        f"{number} {name}": array for number, item in enumerate(items) for name, array in item.items()
    }
    np.savez(path, allow_pickle=False, **arrays)
    return path


def read_arrays(path: Path) -> list[dict[str, npt.NDArray[Any]]]:
    """The mappings of arrays that `write_arrays` wrote."""
    items: dict[int, dict[str, npt.NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition(" ")
            items.setdefault(int(number), {})[name] = arrays[key]
    return list(items.values())


def _trace(model_under_test: ModelUnderTest, rows: Sequence[Arrays], job: ExportJob) -> str:
    rows = rows if len(rows) > 1 else [*rows, *rows]  # of one row, an exporter concludes that there is always one
    batch, mode = model_under_test.codec.collate(rows), model_under_test.codec.run_mode
    if (converter := model_under_test.model.converter) is not None:
        return export_with(converter, model_under_test.model.module, batch, job.folder, job.opset)
    axes = dynamic_axes(rows, batch) | dict(model_under_test.codec.dynamic_axes)
    if mode is not None:  # one file for all steps: it is traced with a later one, of any number of positions before it
        batch = mode.traced_step(batch)
        axes |= mode.dynamic_axes(batch)
    if job.precision.precision == "float32":
        return export(model_under_test.model.module, batch, axes, job.folder, job.opset)
    exporter = export(_in_bfloat16(model_under_test.model.module), batch, axes, job.folder, job.opset)
    with_float32_edges(job.folder / MODEL)
    return exporter


def _in_bfloat16(module: Any) -> Any:
    import torch

    return copy.deepcopy(module).to(torch.bfloat16)


def _convert(job: ExportJob, base: Path) -> str:
    with (job.folder / LOG).open("ab") as log, capture_output(log):
        convert(
            job.precision,
            base,
            job.folder / MODEL,
            read_arrays(job.calibration_batches) if job.calibration_batches else (),
        )
    shutil.copy(trace_file(base), trace_file(job.folder / MODEL))
    return "onnxruntime"


def _start(log: int) -> subprocess.Popen[str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109  # as a string
    return subprocess.Popen(  # noqa: S603  # our own interpreter, with our own module
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,  # so that it can be ended with all that it started
        text=True,
    )


def _send(process: subprocess.Popen[str], message: Mapping[str, Any]) -> None:
    """Write one line; the pipe stays open, since its end tells the subprocess that the run is gone."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already; its exit code is read later
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()


def _request_stack(process: subprocess.Popen[str]) -> None:
    """Let a process that hangs write its stack into the log."""
    if hasattr(signal, "SIGUSR1"):
        process.send_signal(signal.SIGUSR1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_PERIOD)


def _current_frame(log: Path) -> str:
    """The function that the process was in when it wrote its stack, for the middle of a message."""
    frames = CURRENT_FRAME.findall(log.read_text(encoding="utf-8", errors="replace"))
    return ", in `{2}` ({0}, line {1})".format(*frames[-1]) if frames else ""


def _read_outcome(folder: Path, code: int) -> str:
    file = folder / OUTCOME
    if code == 0 and file.is_file():
        outcome = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        if "exporter" in outcome:
            return str(outcome["exporter"])
        kind = DataError if outcome["kind"] == "data" else NotRunError
        raise kind(outcome["message"], hint=outcome["hint"])
    raise NotRunError(f"{_describe_exit(code)}{_last_line(folder / LOG)}")


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"the export crashed with exit code {code}"
    name = signal_name(-code)
    if name == "SIGKILL":
        return "the export was killed (SIGKILL), as a machine out of memory does it"
    return f"the export was ended by {name}"


def _last_line(log: Path) -> str:
    """The last line of the log, for the end of a message."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    printed = [line for line in lines if line and not line.startswith("Extension modules:")]
    return f"; it last printed: {printed[-1]:.200}" if printed else ""


def _outcome(spec: Mapping[str, Any], job: ExportJob) -> dict[str, str]:
    try:
        return {"exporter": export_in_process(rebuild_model(spec), job)}
    except MqaError as error:
        kind = "data" if error.exit_code == 2 else "not run"
        return {"kind": kind, "message": error.message, "hint": error.hint}


def _exit_with_parent() -> None:
    """End this process when its input ends: its run is gone."""
    while os.read(0, 1024):  # not by `sys.stdin`, whose lock would be held when this process ends
        pass
    os._exit(1)
