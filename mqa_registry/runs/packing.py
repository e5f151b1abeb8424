"""A record as files: tables as Arrow files with zstd, the suite as TOML, the rest as JSON."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.data import Predictions, Rows
from mqa_registry.findings import Finding
from mqa_registry.predict import Disturbed, Failure, Observed, Sighted
from mqa_registry.runs.record import Record
from mqa_registry.suite import Overrides, RawSuite, bases, from_toml, to_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, bytes]
    Table = dict[str, Any]

FORMAT = 1
COUNTS = ("declined", "changed", "rows", "edits")  # of what a probe saw; runs of earlier versions lack some
AS_NAMED = "surrogateescape"  # a folder's name may be no UTF-8, and a suite that a command makes up has it
RUN, SUITE, REPORT = "run.json", "suite.toml", "report.json"


def packed(record: Record, place: Path) -> dict[str, bytes]:
    """The files of a record that is to stand at `place`; folders that the suite names are kept relative to it."""
    suite = to_toml(record.raw.root.plain()).encode(errors=AS_NAMED)
    files: dict[str, bytes] = {SUITE: suite, REPORT: _json(record.report)}
    rows = [_rows(name, rows, files) for name, rows in record.rows.items()]
    views = [_view(recipe, seen, record.rows, files) for recipe, seen in record.views.items()]
    sights = [_sight(recipe, seen, files) for recipe, seen in record.sights.items()]
    whole = {
        "format": FORMAT,
        "run": record.run,
        "started": record.started.isoformat(),
        "texts": record.texts,
        "suite": _suite(record, place),
        "environment": record.environment,
        "groups": record.groups,
        "findings": [vars(finding) for finding in record.findings],
        "rows": rows,
        "views": views,
        "sights": sights,
    }
    return files | {RUN: _json(whole)}


def unpacked(files: Files, place: Path) -> Record:
    """The record in these files, which stand at `place`."""
    whole = json.loads(files[RUN])
    if whole["format"] != FORMAT:
        raise ValueError(f"it has format {whole['format']}, and this mqa reads {FORMAT}")
    rows = {one["data"]: Rows(_table(files[one["file"]]), tuple(one["fields"])) for one in whole["rows"]}
    return Record(
        run=whole["run"],
        started=datetime.fromisoformat(whole["started"]),
        raw=_raw(whole["suite"], files[SUITE].decode(errors=AS_NAMED), place),
        digest=whole["suite"]["digest"],
        environment=whole["environment"],
        rows=rows,
        views={one["recipe"]: _observed(one, rows, files) for one in whole["views"]},
        sights={one["recipe"]: _sighted(one, files) for one in whole.get("sights", ())},
        groups=whole["groups"],
        report=json.loads(files[REPORT]),
        texts=whole["texts"],
        findings=tuple(Finding(**one) for one in whole.get("findings", ())),  # earlier versions kept none
    )


def _suite(record: Record, place: Path) -> Table:
    raw, overrides = record.raw, record.raw.overrides
    return {
        "path": str(raw.path),
        "digest": record.digest,
        "base": _from(place, raw.root.base),
        "bases": [[list(path), _from(place, base)] for path, base in bases(raw.root).items()],
        "only": overrides.only,
        "backends": overrides.backends,
        "limit": overrides.limit,
    }


def _raw(suite: Table, text: str, place: Path) -> RawSuite:
    elsewhere = {tuple(path): place / base for path, base in suite["bases"]}
    root = from_toml(str(place / SUITE), text, place / suite["base"], elsewhere)
    overrides = Overrides(only=tuple(suite["only"]), backends=tuple(suite["backends"]), limit=suite["limit"])
    return RawSuite(Path(suite["path"]), root, overrides)


def _from(place: Path, folder: Path) -> str:
    """A folder as seen from another, so that a project can be moved as a whole."""
    try:
        return os.path.relpath(folder, place)
    except ValueError:  # another drive
        return str(folder.resolve())


def _rows(name: str, rows: Rows, files: dict[str, bytes]) -> Table:
    return {"data": name, "fields": rows.fields, "file": _add("rows", rows.table, files)}


def _view(recipe: str, seen: Observed, rows: Mapping[str, Rows], files: dict[str, bytes]) -> Table:
    predictions = seen.predictions
    return {
        "recipe": recipe,
        "seen": seen.seen and _seen(seen.seen, rows, files),
        "predictions": predictions
        and {
            "schema": predictions.schema,
            "classes": predictions.classes,
            "file": _add("predictions", predictions.table, files),
        },
        "failure": seen.failure and vars(seen.failure),
    }


def _sight(recipe: str, seen: Sighted, files: dict[str, bytes]) -> Table:
    file = _add("sights", seen.table, files) if seen.table is not None else None
    counts = {name: getattr(seen, name) for name in COUNTS}
    return counts | {"recipe": recipe, "file": file, "failure": seen.failure and vars(seen.failure)}


def _sighted(one: Table, files: Files) -> Sighted:
    table = _table(files[one["file"]]) if one["file"] else None
    counts = {name: one[name] for name in COUNTS if name in one}
    return Sighted(table, one["failure"] and Failure(**one["failure"]), **counts)


def _seen(seen: Disturbed, rows: Mapping[str, Rows], files: dict[str, bytes]) -> Table:
    """The rows as the model saw them: the whole data set, or only what may differ from it."""
    counts = {"declined": seen.declined, "changed": seen.changed, "edits": seen.edits}
    whole = next((name for name, one in rows.items() if seen.rows is one), None)
    if whole is not None:
        return counts | {"data": whole}
    names = [name for name in ("id", "target", *seen.rows.fields) if name in seen.rows.table.column_names]
    return counts | {"fields": seen.rows.fields, "file": _add("seen", seen.rows.table.select(names), files)}


def _observed(one: Table, rows: Mapping[str, Rows], files: Files) -> Observed:
    seen, predictions, failure = one["seen"], one["predictions"], one["failure"]
    return Observed(
        seen and Disturbed(_as_seen(seen, rows, files), seen["declined"], seen["changed"], seen.get("edits")),
        predictions
        and Predictions(predictions["schema"], _table(files[predictions["file"]]), tuple(predictions["classes"])),
        failure and Failure(**failure),
    )


def _as_seen(seen: Table, rows: Mapping[str, Rows], files: Files) -> Rows:
    return rows[seen["data"]] if "data" in seen else Rows(_table(files[seen["file"]]), tuple(seen["fields"]))


def _add(kind: str, table: pa.Table, files: dict[str, bytes]) -> str:
    """Add a table to the files; equal tables are one file. Its name holds nothing that comes from a suite."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    content = sink.getvalue().to_pybytes()
    same = next((name for name, other in files.items() if other == content), None)
    name = same or f"{kind}-{sum(other.startswith(kind) for other in files)}.arrow"
    files[name] = content
    return name


def _table(content: bytes) -> pa.Table:
    return pa.ipc.open_file(content).read_all()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, default=str) + "\n").encode()
