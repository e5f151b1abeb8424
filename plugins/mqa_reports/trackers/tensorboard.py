"""TensorBoard: a run of mqa as a folder of the suite's, with its numbers as scalars and its report as text."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import NotRunError, optional_import
from mqa_reports.markdown import render_markdown
from mqa_reports.trackers.series import list_points, make_name, name_run

if TYPE_CHECKING:
    from mqa_registry import Report

VERSION = "brain.Event:2"  # of the format, which its first record names
SUFFIX = ".mqa"  # of the files that mqa writes
PATTERN = f"events.out.tfevents.*{SUFFIX}"
TEXT = "report"  # the tag of the text
MAX_NAME = 100  # characters of the name of a folder


def publish(report: Report, folder: str) -> None:
    """Write a report to `FOLDER/SUITE/RUN`, where the run has the name of its tag, else its id.

    What mqa wrote there before is replaced: a tag may have been that of another run. A NotRunError where it cannot be written.
    """
    names = (make_name(name, MAX_NAME).replace("/", "_") for name in (report.suite.name, name_run(report)))
    run_folder = Path(folder, *names)
    content = _serialize_events(report)
    file = run_folder / PATTERN.replace("*", str(int(report.started.timestamp())))
    draft = run_folder / f".{os.getpid()}.tmp"  # of no name that TensorBoard reads
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        for earlier in set(run_folder.glob(PATTERN)) - {file}:
            earlier.unlink()
        draft.replace(file)
    except OSError as error:
        problem = f"the numbers cannot be written to `{run_folder}`: {(error.strerror or str(error)).lower()}"
        raise NotRunError(problem, hint=f"`mqa report {report.run} --tensorboard DIR` writes them again") from error


def _serialize_events(report: Report) -> bytes:
    """The content of an event file: the scalars, then the report as Markdown."""
    with optional_import("tensorboard"):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

    stream = io.BytesIO()
    writer = RecordWriter(stream)
    time = report.started.timestamp()
    writer.write(Event(wall_time=time, file_version=VERSION).SerializeToString())
    for point in list_points(report):
        summary = scalar_pb(point.name, point.value)
        writer.write(Event(wall_time=time, step=point.step, summary=summary).SerializeToString())
    summary = text_pb(TEXT, render_markdown(report))
    writer.write(Event(wall_time=time, summary=summary).SerializeToString())
    return stream.getvalue()
