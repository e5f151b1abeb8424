"""The draft of a suite for a model and its data, and its text, before and after its bounds are measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import plugins
from mqa_registry.cli.drafting.checks import LeftOut, Trial, check_suite, collect_checks, sift_checks, to_plain
from mqa_registry.cli.drafting.column_contents import distinct_labels
from mqa_registry.cli.drafting.columns import find_columns, find_group_columns, map_columns
from mqa_registry.cli.drafting.document import Section, format_document
from mqa_registry.cli.drafting.label_mapping import LabelMapping, map_labels
from mqa_registry.cli.drafting.subject import read_subject, suggest_backends
from mqa_registry.contributions import SuiteContext
from mqa_registry.errors import DataError
from mqa_registry.execution.rows.datasets import load_dataset
from mqa_registry.naming import counted
from mqa_registry.run_options import STORE
from mqa_registry.store import open_scratch
from mqa_registry.suite import toml_key, validate_tables
from mqa_registry.suite.sections import NAME
from mqa_registry.types import get_schema
from mqa_registry.types.targets import name_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.cli.drafting.bounds import MeasuredBounds
    from mqa_registry.cli.drafting.columns import Question
    from mqa_registry.cli.drafting.subject import Subject
    from mqa_registry.cli.model_options import ModelOptions
    from mqa_registry.contributions import Model, RunContext, SuggestedBackend, SuggestedCheck
    from mqa_registry.run_options import RunOptions
    from mqa_registry.types import Rows

SEED = 7
DATA = "rows"  # the name of a data set whose file's name cannot be one
MAX_CLASSES, MAX_COLUMNS = 12, 12  # that a comment lists
BESIDE_BOUNDS = {
    "least": "the least to ask: set what you need",
    "guess": "a guess: set it, then take out the next line",
    "promise": "",
}
FLAGS = ("allow_code", "allow_pickle", "trust_remote_code")  # of the command line, which a run needs again


@dataclass(frozen=True)
class Request:
    """What a new suite is asked for: the model, files of rows and of an export, and the suite's file."""

    named: ModelOptions
    data: Path | None
    onnx: Path | None
    path: Path


@dataclass(frozen=True)
class Draft:
    """A new suite: the tables above its checks with their comments, and its checks.

    `left_out` are suggestions that are not in it, `remarks` what a person should look at.
    """

    head: tuple[Section, ...]
    checks: tuple[SuggestedCheck, ...]
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    backends: tuple[str, ...] = field(default=())

    def format(self, measured: Mapping[int, MeasuredBounds] | None = None) -> str:
        """The text of the suite; `measured` are the bounds that were measured, by the position of their check."""
        found = measured or {}
        checks = [_format_check(check, found.get(number)) for number, check in enumerate(self.checks)]
        tail = [f"  {one.what}: {one.reason}" for one in self.left_out]
        notes = [Section("", {}, ("Left out, since they cannot be judged on these rows:", *tail))] if tail else []
        return format_document([*self.head, *checks, *notes])


def draft_suite(request: Request, options: RunOptions, ask: Callable[[Question], str | None]) -> Draft:
    """The draft of a suite that passes `mqa validate` and runs at once.

    `ask` gives the column that is meant, where several could be. An MqaError where there is no model, the data cannot be
    read, or nothing can be asked of them.
    """
    store = options.store_folder or request.path.parent / STORE
    with open_scratch(options.run_context_in(store), store) as context:
        return _draft_suite(request, options, context, ask)


def _draft_suite(
    request: Request, options: RunOptions, context: RunContext, ask: Callable[[Question], str | None]
) -> Draft:
    catalog = plugins.load_all(files=options.plugin_files)
    folder = Path(os.path.realpath(request.path.parent))
    subject = read_subject(request.named, request.data, options, context, catalog)
    classes, schema = subject.model.labels, subject.task.schema
    columns = find_columns(subject.table, subject.task, classes, ask)
    _check_fields(subject, columns)
    labels = _find_labels(subject, columns)
    mapped = {"columns": map_columns(columns), "labels": dict(labels.meanings)}
    data = subject.data | {name: table for name, table in mapped.items() if table}
    _, _, datasets = validate_tables({"model": subject.resolved.table, "data": {"rows": data}}, catalog)
    rows = load_dataset(datasets["rows"], subject.task, context, SEED)
    subject.check_rows(rows)
    backends = suggest_backends(subject.model, request.onnx, catalog)
    suite_context = SuiteContext(
        schema=schema,
        metric=subject.task.metric,
        classes=classes,
        fields={name: subject.task.fields[name] for name in rows.fields},
        rows=_context_rows(rows, subject, labels),
        group_columns=find_group_columns(subject.table, set(columns.values())),
        backends=tuple(backend.name for _, backend in backends),
    )
    name = _name_data(request.data)
    head = _Head(subject, name, data, backends, labels, len(rows), folder)
    trial = Trial(head.tables(), request.path, catalog, {name: rows}, schema, classes)
    suggested, failed = collect_checks(catalog, suite_context)
    checks, left_out = sift_checks(suggested, trial)
    if not checks:
        reasons = "; ".join(f"{one.what}: {one.reason}" for one in (*failed, *left_out)[:3])
        raise DataError(
            f"no check that a plugin suggests can run on these {counted(len(rows), 'row')}",
            hint=reasons or "`mqa plugins` lists the plugins that are installed",
        )
    check_suite(checks, trial, context)
    remarks = [f"the task is {subject.resolved.task_reason}"] if subject.resolved.task_reason else []
    remarks += [f"{one.what}: {one.reason}" for one in failed]
    remarks += [labels.doubt] if labels.doubt else []
    if get_schema(schema).has_targets and not subject.is_sample and "target" not in suite_context.rows.column_names:
        remarks.append("without targets there is no metric: what the model is good for is not asked")
    sections = (_title(request, options), *head.sections())
    return Draft(sections, tuple(checks), tuple(left_out), tuple(remarks), suite_context.backends)


@dataclass(frozen=True)
class _Head:
    """The tables of a suite above its checks: model, data and backends."""

    subject: Subject
    data_name: str
    data: Mapping[str, Any]
    backends: Sequence[tuple[str, SuggestedBackend]]
    labels: LabelMapping
    rows: int
    folder: Path

    def tables(self) -> dict[str, Any]:
        """The suite without checks, as plain tables."""
        return {
            "format": 1,
            "seed": SEED,
            "model": self._model(),
            "data": {self.data_name: self._data()},
            "backends": {backend.name: self._backend(name, backend) for name, backend in self.backends},
        }

    def sections(self) -> list[Section]:
        """The same with comments, without the keys at the top."""
        tables = self.tables()
        backends = [
            Section(
                f"[backends.{toml_key(backend.name)}]", tables["backends"][backend.name], (_about(backend, number),)
            )
            for number, (_, backend) in enumerate(self.backends)
        ]
        beside = {"labels": f"look at it: {self.labels.doubt}"} if self.labels.doubt and self.labels.meanings else {}
        data = Section(
            f"[data.{toml_key(self.data_name)}]", tables["data"][self.data_name], (self._describe_data(),), beside
        )
        model = Section("[model]", tables["model"], (describe_model(self.subject.model, self.subject.task.schema),))
        return [model, data, *backends]

    def _model(self) -> dict[str, Any]:
        table = self.subject.resolved.table
        named = Path(table["id"])
        return {**table, "id": spell_path(named, self.folder) if os.path.lexists(named) else table["id"]}

    def _data(self) -> dict[str, Any]:
        table = dict(self.data)
        return {**table, "path": spell_path(Path(table["path"]), self.folder)} if "path" in table else table

    def _backend(self, name: str, backend: SuggestedBackend) -> dict[str, Any]:
        options = {
            key: spell_path(one, self.folder) if isinstance(one, Path) else to_plain(one)
            for key, one in backend.options.items()
        }
        return {"use": name, **options}

    def _describe_data(self) -> str:
        if self.subject.is_sample:
            return f"{counted(self.rows, 'row')} of mqa's own, without targets: name your data to ask more"
        names = self.subject.table.column_names
        more = f" and {len(names) - MAX_COLUMNS} more" if len(names) > MAX_COLUMNS else ""
        return f"{counted(self.rows, 'row')}, of the columns {', '.join(names[:MAX_COLUMNS])}{more}"


def spell_path(path: Path, folder: Path) -> str:
    """A path as a suite in a folder has it: relative to it, unless the user named it from the root."""
    if path.is_absolute():
        return path.as_posix()
    real = Path(os.path.realpath(path.parent)) / path.name
    return Path(os.path.relpath(real, folder)).as_posix()


def describe_model(model: Model, schema: str) -> str:
    """What is known of a model from its files: its architecture, its size and its classes, where its predictions have some."""
    size = model.about.get("bytes")
    facts = [
        str(model.about.get("architecture") or model.about.get("form") or ""),
        f"{size / 1e6:,.1f} MB of weights" if isinstance(size, int) else "",
        f"up to {model.about['max_positions']:,} tokens" if isinstance(model.about.get("max_positions"), int) else "",
    ]
    listed = ", ".join(model.labels[:MAX_CLASSES]) + (", ..." if len(model.labels) > MAX_CLASSES else "")
    if model.labels and get_schema(schema).has_classes:
        facts.append(f"{counted(len(model.labels), 'class', 'classes')}: {listed}")
    return "; ".join(fact for fact in facts if fact) or "nothing is known of it but its inputs and outputs"


def _title(request: Request, options: RunOptions) -> Section:
    """The keys at the top, and how to run the suite."""
    named = Path(request.named.model)
    name = (named.stem if named.is_file() else named.absolute().name) or request.named.model
    flags = [f"--{flag.replace('_', '-')}" for flag in FLAGS if getattr(options, flag)]
    flags += [f"--plugin {file}" for file in options.plugin_files]
    end = " ".join(["", request.path.name, *flags])
    return Section(
        "",
        {"format": 1, "name": name, "seed": SEED},
        (
            f"May {name} ship? A suite that `mqa init` wrote: change what you like.",
            f"  mqa run{end}      the verdict, with `--dry-run` the rows that each check has and needs",
            f"  mqa validate{end} every problem, with its line",
        ),
        {"seed": "all randomness comes from it"},
    )


def _about(backend: SuggestedBackend, number: int) -> str:
    return backend.about if number else f"{backend.about or backend.name}: the reference, since it is the first"


def _format_check(check: SuggestedCheck, measured: MeasuredBounds | None) -> Section:
    table = to_plain(check.table)
    if measured is not None and measured.comment:
        return Section(
            "[[check]]", table | {"expect": dict(measured.expect)}, (check.about,), {"expect": measured.comment}
        )
    beside = {"expect": BESIDE_BOUNDS[check.bounds]} if BESIDE_BOUNDS[check.bounds] else {}
    if check.bounds == "guess":
        table["critical"] = False
    return Section("[[check]]", table, (check.about,), beside)


def _name_data(data: Path | None) -> str:
    name = data.name.partition(".")[0] if data else "sample"
    return name if NAME.fullmatch(name) else DATA


def _check_fields(subject: Subject, columns: Mapping[str, str]) -> None:
    """A DataError where the rows have nothing that the model reads."""
    fields = [name for name in subject.task.fields if name in columns]
    lacking = [name for name in subject.task.required_fields if name not in columns]
    if (fields or subject.task.columns_field) and not lacking:
        return
    needed = lacking or list(subject.task.fields)
    modality = subject.task.fields[needed[0]]
    there = ", ".join(map(_describe_column, list(subject.table.schema)[:MAX_COLUMNS]))
    raise DataError(
        f"the data have no column of {modality} that could be the `{needed[0]}` that the model reads",
        hint=f"there are {there}" if there else "they have no columns",
    )


def _describe_column(column: pa.Field) -> str:
    """The name of a column, and its type where it has values in values, of which no row is read."""
    kind = str(column.type).partition("<")[0] if pa.types.is_nested(column.type) else ""
    return f"`{column.name}`" + (f" of type {kind}" if kind else "")


def _find_labels(subject: Subject, columns: Mapping[str, str]) -> LabelMapping:
    """What the labels of the target mean; nothing for targets that are no labels."""
    if "target" not in columns or subject.task.schema != "label":
        return LabelMapping()
    labels = distinct_labels(subject.table.column(columns["target"]))
    if labels is None:
        return LabelMapping(doubt=f"`{columns['target']}` holds no labels of classes", readable=False)
    return map_labels(labels, subject.model.labels)


def _context_rows(rows: Rows, subject: Subject, labels: LabelMapping) -> Any:
    """The rows as plugins see them: labels are classes, numbers numbers; targets that cannot be read are none."""
    table = name_targets(rows, subject.model.labels, subject.task.schema).table
    return table if labels.readable or "target" not in table.column_names else table.drop_columns(["target"])
