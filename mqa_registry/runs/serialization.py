"""Serialization of a record to files: tables as Parquet with zstd, the suite as TOML, the rest as JSON with gzip.

A column that several tables have, such as the ids of the rows, is written once.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.findings import Finding
from mqa_registry.observations import Failure, LostRow, LostRows, ObservedView, PerturbedRows, ProbeResult
from mqa_registry.reports import to_json
from mqa_registry.reports.format_1 import upgrade_finding, upgrade_report
from mqa_registry.reports.report_file import parse_report
from mqa_registry.runs.record import Record
from mqa_registry.runs.table_file import read_table_file, write_table_file
from mqa_registry.suite import Overrides, RawSuite, Text, bases, read_tree, to_toml, with_bases
from mqa_registry.types import Predictions, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mqa_registry.reports import Report

    Files = Mapping[str, bytes]  # contents by name
    Table = dict[str, Any]  # of JSON
    FileTables = Mapping[str, pa.Table]  # by the name of the file

FORMAT = 5
# In the first, every table is an Arrow file, whole. In the first two, findings and reports have the keys of reports of
# format 1, `probe_results` is `sights`, and the `perturbed_rows` of a view are `seen`. In the first three, no file of
# JSON is compressed. In the first four, no view and no probe has `lost` rows, and who reads no more than these would take
# what is left of a view for all of it.
READABLE_FORMATS = (1, 2, 3, 4, 5)
COUNTS = ("declined", "changed", "rows", "edits")  # of a probe's observations; runs of earlier versions lack some
ENCODING_ERRORS = "surrogateescape"  # a folder's name may be no UTF-8, and a suite in memory has it
TABLE_SUFFIXES = PARQUET, ARROW = ".parquet", ".arrow"
MAX_BYTES_IN_MEMORY = 32 * 2**20  # of a table whose file is made in memory
RUN, SUITE, REPORT = "run.json", "suite.toml", "report.json"
GZIP = ".gz"  # the ending of JSON files


def serialize_record(
    record: Record, folder: Path, scratch: Callable[[], Path] | None = None
) -> dict[str, bytes | Path]:
    """The files of a record by name. Folders that the suite names are written relative to `folder`, where they will lie.

    A large table is written to a file in the folder that `scratch` gives, where there is one: then its path stands for it.
    """
    suite = to_toml(record.raw.root.plain()).encode(errors=ENCODING_ERRORS)
    tables = TableFiles(scratch)
    rows = [
        {"data": name, "fields": rows.fields, **tables.add("rows", rows.table)} for name, rows in record.rows.items()
    ]
    views = [_serialize_view(recipe, seen, record.rows, tables) for recipe, seen in record.views.items()]
    probe_results = [_serialize_probe_result(recipe, seen, tables) for recipe, seen in record.probe_results.items()]
    content = {
        "format": FORMAT,
        "run": record.run,
        "started": record.started.isoformat(),
        "texts": record.texts,
        "suite": _serialize_suite(record, folder),
        "environment": record.environment,
        "groups": record.groups,
        "findings": [vars(finding) for finding in record.findings],
        "rows": rows,
        "views": views,
        "probe_results": probe_results,
    }
    report = _to_json(to_json(record.report))
    return {SUITE: suite, REPORT + GZIP: report, **tables.files, RUN + GZIP: _to_json(content)}


def deserialize_record(files: Files, folder: Path) -> Record:
    """The record that `serialize_record` wrote to these files, which lie in `folder`.

    Raises a ValueError, LookupError or TypeError where another version of mqa wrote them.
    """
    content = _read_json(files, RUN)
    if content["format"] not in READABLE_FORMATS:
        raise ValueError(f"it has format {content['format']}, and this mqa reads {READABLE_FORMATS}")
    if content["format"] <= 2:
        content = _upgrade(content)
    tables = {name: read_table_file(file) for name, file in files.items() if name.endswith(TABLE_SUFFIXES)}
    rows = {entry["data"]: Rows(restore_table(entry, tables), tuple(entry["fields"])) for entry in content["rows"]}
    return Record(
        run=content["run"],
        started=datetime.fromisoformat(content["started"]),
        raw=_deserialize_suite(content["suite"], files[SUITE].decode(errors=ENCODING_ERRORS), folder),
        digest=content["suite"]["digest"],
        environment=content["environment"],
        rows=rows,
        views={entry["recipe"]: _deserialize_view(entry, rows, tables) for entry in content["views"]},
        probe_results={entry["recipe"]: _deserialize_probe_result(entry, tables) for entry in content["probe_results"]},
        groups=content["groups"],
        report=deserialize_report(files, content["run"]),
        texts=content["texts"],
        findings=tuple(Finding(**upgrade_finding(entry)) for entry in content["findings"]),
    )


def deserialize_report(files: Files, run: str) -> Report:
    """The report of the record in these files; it raises as `deserialize_record` does, and a UsageError where it is damaged."""
    report = _read_json(files, REPORT)
    return parse_report(upgrade_report(report) if report["format"] == 1 else report, run)


def _upgrade(content: Table) -> Table:
    """The content of a run of the first two formats by the keys of this one; some of these runs have no findings."""
    views = [{**entry, "perturbed_rows": entry["seen"]} for entry in content["views"]]
    findings = content.get("findings", ())
    return {**content, "views": views, "probe_results": content.get("sights", ()), "findings": findings}


def _serialize_suite(record: Record, folder: Path) -> Table:
    raw, overrides = record.raw, record.raw.overrides
    return {
        "path": str(raw.path),
        "digest": record.digest,
        "base": _relative_path(raw.root.base, folder),
        "bases": [[list(path), _relative_path(base, folder)] for path, base in bases(raw.root).items()],
        "only": overrides.only,
        "backends": overrides.backends,
        "limit": overrides.limit,
    }


def _deserialize_suite(suite: Table, text: str, folder: Path) -> RawSuite:
    base, others = folder / suite["base"], {tuple(path): folder / base for path, base in suite["bases"]}
    root = with_bases(read_tree(Text(str(folder / SUITE), text), base), base, others)
    overrides = Overrides(only=tuple(suite["only"]), backends=tuple(suite["backends"]), limit=suite["limit"])
    return RawSuite(Path(suite["path"]), root, overrides)


def _relative_path(path: Path, start: Path) -> str:
    """A path relative to a folder, so that a project can be moved as a whole."""
    try:
        return os.path.relpath(path, start)
    except ValueError:  # another drive
        return str(path.resolve())


def _serialize_view(recipe: str, observed: ObservedView, rows: Mapping[str, Rows], tables: TableFiles) -> Table:
    predictions = observed.predictions
    return {
        "recipe": recipe,
        "perturbed_rows": observed.perturbed and _serialize_perturbed_rows(observed.perturbed, rows, tables),
        "predictions": predictions
        and {
            "schema": predictions.schema,
            "classes": predictions.classes,
            **tables.add("predictions", predictions.table),
        },
        "failure": observed.failure and vars(observed.failure),
        "lost": _serialize_lost_rows(observed.lost),
    }


def _deserialize_view(entry: Table, rows: Mapping[str, Rows], tables: FileTables) -> ObservedView:
    seen, predictions, failure = entry["perturbed_rows"], entry["predictions"], entry["failure"]
    return ObservedView(
        seen and _deserialize_perturbed_rows(seen, rows, tables),
        predictions
        and Predictions(predictions["schema"], restore_table(predictions, tables), tuple(predictions["classes"])),
        failure and Failure(**failure),
        _deserialize_lost_rows(entry.get("lost")),
    )


def _serialize_lost_rows(lost: LostRows) -> Table | None:
    """The lost rows of a view or a probe; None where there are none."""
    named = [[row.id, row.reason] for row in lost.named]
    return {"count": lost.count, "named": named, "cause": lost.cause and vars(lost.cause)} if lost else None


def _deserialize_lost_rows(entry: Table | None) -> LostRows:
    if entry is None:
        return LostRows()
    cause, named = entry["cause"], tuple(LostRow(*row) for row in entry["named"])
    return LostRows(entry["count"], named, cause and Failure(**cause))


def _serialize_perturbed_rows(seen: PerturbedRows, rows: Mapping[str, Rows], tables: TableFiles) -> Table:
    """The rows as the model saw them: the name of the data set, or the columns that may differ from it."""
    counts = {"declined": seen.declined, "changed": seen.changed, "edits": seen.edits}
    data = next((name for name, one in rows.items() if seen.rows is one), None)
    if data is not None:
        return counts | {"data": data}
    names = [name for name in ("id", "target", *seen.rows.fields) if name in seen.rows.table.column_names]
    return counts | {"fields": seen.rows.fields, **tables.add("perturbed-rows", seen.rows.table.select(names))}


def _deserialize_perturbed_rows(seen: Table, rows: Mapping[str, Rows], tables: FileTables) -> PerturbedRows:
    whole = rows[seen["data"]] if "data" in seen else Rows(restore_table(seen, tables), tuple(seen["fields"]))
    return PerturbedRows(whole, seen["declined"], seen["changed"], seen.get("edits"))


def _serialize_probe_result(recipe: str, observed: ProbeResult, tables: TableFiles) -> Table:
    table = tables.add("probe-results", observed.table) if observed.table is not None else {"file": None}
    counts = {name: getattr(observed, name) for name in COUNTS}
    failure, lost = observed.failure and vars(observed.failure), _serialize_lost_rows(observed.lost)
    return counts | table | {"recipe": recipe, "failure": failure, "lost": lost}


def _deserialize_probe_result(entry: Table, tables: FileTables) -> ProbeResult:
    table = restore_table(entry, tables) if entry["file"] else None
    counts = {name: entry[name] for name in COUNTS if name in entry}
    lost = _deserialize_lost_rows(entry.get("lost"))
    return ProbeResult(table, entry["failure"] and Failure(**entry["failure"]), lost=lost, **counts)


@dataclass
class TableFiles:
    """Files of tables, in which no column is written twice. Large ones are in the folder that `scratch` gives, if any."""

    scratch: Callable[[], Path] | None = None
    files: dict[str, bytes | Path] = field(default_factory=dict)
    _columns: list[tuple[str, str, pa.ChunkedArray]] = field(default_factory=list)  # file, name, values

    def add(self, kind: str, table: pa.Table) -> Table:
        """Add a table; returns the entry of JSON by which `restore_table` restores it.

        The name of the file has the kind and a number, and nothing that comes from a suite. `columns` are the names of
        the columns in order, `shared` those of them that another file has, with the file and the name there.
        """
        shared = {name: there for name in table.column_names if (there := self._find_column(table.column(name)))}
        if table.schema.metadata and len(shared) == table.num_columns:
            shared.popitem()  # so that the table has a file, which has its metadata
        names = [name for name in table.column_names if name not in shared]
        file = next(iter(shared.values()))[0] if shared and not names else self._add_file(kind, table.select(names))
        return {"file": file, "columns": table.column_names, "shared": shared}

    def _add_file(self, kind: str, table: pa.Table) -> str:
        name = f"{kind}-{sum(name.startswith(kind) for name in self.files)}"
        if self.scratch is not None and table.nbytes > MAX_BYTES_IN_MEMORY:
            path = self.scratch() / name
            content: bytes | Path = path
            is_parquet = write_table_file(table, path)
        else:
            sink = io.BytesIO()
            is_parquet = write_table_file(table, sink)
            content = sink.getvalue()
        file = name + (PARQUET if is_parquet else ARROW)
        self._columns += [(file, name, table.column(name)) for name in table.column_names]
        self.files[file] = content
        return file

    def _find_column(self, column: pa.ChunkedArray) -> tuple[str, str] | None:
        """The file and name of an equal column."""
        equal = (
            (file, name) for file, name, other in self._columns if other.type == column.type and other.equals(column)
        )
        return next(equal, None)


def restore_table(entry: Table, tables: FileTables) -> pa.Table:
    """The table of an entry that `TableFiles.add` returned."""
    table = tables[entry["file"]]
    if not (shared := entry.get("shared")):
        return table
    columns = {name: table.column(name) for name in table.column_names}
    columns |= {name: tables[file].column(column) for name, (file, column) in shared.items()}
    return pa.table({name: columns[name] for name in entry["columns"]}).replace_schema_metadata(table.schema.metadata)


def find_json_file(folder: Path, name: str) -> Path:
    """The path of a file of JSON in the folder of a record; it may be missing."""
    return compressed if (compressed := folder / f"{name}{GZIP}").exists() else folder / name


def _read_json(files: Files, name: str) -> Table:
    """The content of a file of JSON. Raises a ValueError where it is none, and a LookupError where there is no such file."""
    try:
        content = gzip.decompress(files[name + GZIP]) if name + GZIP in files else files[name]
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"`{name}{GZIP}` is not compressed by gzip: {error}") from error
    return dict(json.loads(content))


def _to_json(value: object) -> bytes:
    """JSON with gzip, a tenth of the size; equal values give equal bytes."""
    return gzip.compress((json.dumps(value, indent=1, default=str) + "\n").encode(), compresslevel=6, mtime=0)
