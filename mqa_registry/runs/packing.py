"""A record as files: tables as Parquet with zstd, the suite as TOML, the rest as JSON.

A column that another table has too, as all have the ids of the rows, is kept once.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mqa_registry.findings import Finding
from mqa_registry.predict import Failure, ObservedView, PerturbedRows, ProbeResult
from mqa_registry.runs.record import Record
from mqa_registry.suite import Overrides, RawSuite, Text, bases, read_tree, to_toml, with_bases
from mqa_registry.types import Predictions, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, bytes]
    Table = dict[str, Any]  # of JSON
    Read = Mapping[str, pa.Table]  # by file

FORMAT = 2
READ = (1, 2)  # the first had every table as an Arrow file, whole
COUNTS = ("declined", "changed", "rows", "edits")  # of what a probe saw; runs of earlier versions lack some
AS_NAMED = "surrogateescape"  # a folder's name may be no UTF-8, and a suite that a command makes up has it
TABLES = PARQUET, ARROW = ".parquet", ".arrow"
MAGIC = b"PAR1"  # how a Parquet file begins
RUN, SUITE, REPORT = "run.json", "suite.toml", "report.json"


def packed(record: Record, place: Path) -> dict[str, bytes]:
    """The files of a record that is to stand at `place`; folders that the suite names are kept relative to it."""
    suite = to_toml(record.raw.root.plain()).encode(errors=AS_NAMED)
    tables = Tables()
    rows = [_rows(name, rows, tables) for name, rows in record.rows.items()]
    views = [_view(recipe, seen, record.rows, tables) for recipe, seen in record.views.items()]
    sights = [_sight(recipe, seen, tables) for recipe, seen in record.sights.items()]
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
    return {SUITE: suite, REPORT: _json(record.report), **tables.files, RUN: _json(whole)}


def unpacked(files: Files, place: Path) -> Record:
    """The record in these files, which stand at `place`."""
    whole = json.loads(files[RUN])
    if whole["format"] not in READ:
        raise ValueError(f"it has format {whole['format']}, and this mqa reads {READ}")
    tables = {name: unpacked_table(content) for name, content in files.items() if name.endswith(TABLES)}
    rows = {one["data"]: Rows(found(one, tables), tuple(one["fields"])) for one in whole["rows"]}
    return Record(
        run=whole["run"],
        started=datetime.fromisoformat(whole["started"]),
        raw=_raw(whole["suite"], files[SUITE].decode(errors=AS_NAMED), place),
        digest=whole["suite"]["digest"],
        environment=whole["environment"],
        rows=rows,
        views={one["recipe"]: _observed(one, rows, tables) for one in whole["views"]},
        sights={one["recipe"]: _sighted(one, tables) for one in whole.get("sights", ())},
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
    base, others = place / suite["base"], {tuple(path): place / base for path, base in suite["bases"]}
    root = with_bases(read_tree(Text(str(place / SUITE), text), base), base, others)
    overrides = Overrides(only=tuple(suite["only"]), backends=tuple(suite["backends"]), limit=suite["limit"])
    return RawSuite(Path(suite["path"]), root, overrides)


def _from(place: Path, folder: Path) -> str:
    """A folder as seen from another, so that a project can be moved as a whole."""
    try:
        return os.path.relpath(folder, place)
    except ValueError:  # another drive
        return str(folder.resolve())


def _rows(name: str, rows: Rows, tables: Tables) -> Table:
    return {"data": name, "fields": rows.fields, **tables.added("rows", rows.table)}


def _view(recipe: str, seen: ObservedView, rows: Mapping[str, Rows], tables: Tables) -> Table:
    predictions = seen.predictions
    return {
        "recipe": recipe,
        "seen": seen.perturbed and _seen(seen.perturbed, rows, tables),
        "predictions": predictions
        and {
            "schema": predictions.schema,
            "classes": predictions.classes,
            **tables.added("predictions", predictions.table),
        },
        "failure": seen.failure and vars(seen.failure),
    }


def _sight(recipe: str, seen: ProbeResult, tables: Tables) -> Table:
    table = tables.added("sights", seen.table) if seen.table is not None else {"file": None}
    counts = {name: getattr(seen, name) for name in COUNTS}
    return counts | table | {"recipe": recipe, "failure": seen.failure and vars(seen.failure)}


def _sighted(one: Table, tables: Read) -> ProbeResult:
    table = found(one, tables) if one["file"] else None
    counts = {name: one[name] for name in COUNTS if name in one}
    return ProbeResult(table, one["failure"] and Failure(**one["failure"]), **counts)


def _seen(seen: PerturbedRows, rows: Mapping[str, Rows], tables: Tables) -> Table:
    """The rows as the model saw them: the whole data set, or only what may differ from it."""
    counts = {"declined": seen.declined, "changed": seen.changed, "edits": seen.edits}
    whole = next((name for name, one in rows.items() if seen.rows is one), None)
    if whole is not None:
        return counts | {"data": whole}
    names = [name for name in ("id", "target", *seen.rows.fields) if name in seen.rows.table.column_names]
    return counts | {"fields": seen.rows.fields, **tables.added("seen", seen.rows.table.select(names))}


def _observed(one: Table, rows: Mapping[str, Rows], tables: Read) -> ObservedView:
    seen, predictions, failure = one["seen"], one["predictions"], one["failure"]
    return ObservedView(
        seen and PerturbedRows(_as_seen(seen, rows, tables), seen["declined"], seen["changed"], seen.get("edits")),
        predictions and Predictions(predictions["schema"], found(predictions, tables), tuple(predictions["classes"])),
        failure and Failure(**failure),
    )


def _as_seen(seen: Table, rows: Mapping[str, Rows], tables: Read) -> Rows:
    return rows[seen["data"]] if "data" in seen else Rows(found(seen, tables), tuple(seen["fields"]))


@dataclass
class Tables:
    """Tables on their way into files."""

    files: dict[str, bytes] = field(default_factory=dict)
    _columns: list[tuple[str, str, pa.ChunkedArray]] = field(default_factory=list)  # with the file that has it

    def added(self, kind: str, table: pa.Table) -> Table:
        """Add a table; what finds it again. The file's name holds nothing that comes from a suite.

        `columns` are the names of its columns in order, `shared` those of them that other files have: file and name.
        """
        shared = {name: place for name in table.column_names if (place := self._place(table.column(name)))}
        if table.schema.metadata and len(shared) == table.num_columns:
            shared.popitem()  # so that there is a file of the table's own, which has its metadata
        own = [name for name in table.column_names if name not in shared]
        return {"file": self._file(kind, table, own, shared), "columns": table.column_names, "shared": shared}

    def _file(self, kind: str, table: pa.Table, own: list[str], shared: Mapping[str, tuple[str, str]]) -> str:
        if shared and not own:
            return next(iter(shared.values()))[0]
        content = _packed(table.select(own))
        suffix = PARQUET if content.startswith(MAGIC) else ARROW
        file = f"{kind}-{sum(name.startswith(kind) for name in self.files)}{suffix}"
        self._columns += [(file, name, table.column(name)) for name in own]
        self.files[file] = content
        return file

    def _place(self, column: pa.ChunkedArray) -> tuple[str, str] | None:
        same = (
            (file, name) for file, name, other in self._columns if other.type == column.type and other.equals(column)
        )
        return next(same, None)


def _packed(table: pa.Table) -> bytes:
    """A table as a Parquet file; as an Arrow file where it has columns that Parquet has no type for."""
    sink = io.BytesIO()
    try:
        pq.write_table(table, sink, compression="zstd")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
    return sink.getvalue()


def unpacked_table(content: bytes) -> pa.Table:
    if content.startswith(MAGIC):
        return pq.ParquetFile(io.BytesIO(content)).read()
    return pa.ipc.open_file(content).read_all()


def found(one: Table, tables: Read) -> pa.Table:
    """The table that `added` told of."""
    own = tables[one["file"]]
    if not (shared := one.get("shared")):
        return own
    columns = {name: own.column(name) for name in own.column_names}
    columns |= {name: tables[file].column(column) for name, (file, column) in shared.items()}
    return pa.table({name: columns[name] for name in one["columns"]}).replace_schema_metadata(own.schema.metadata)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, default=str) + "\n").encode()
