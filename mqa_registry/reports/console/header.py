"""The header: which suite ran on which model and data, and on which backends and machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mqa_registry.naming import counted
from mqa_registry.reports.console.text import MAX_NOTE_CELLS
from mqa_registry.reports.report import list_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.reports.report import Report

_MAX_LINES = 2  # of one entry
_MAX_NAME_CELLS = 20  # of one entry
_DIGEST_LENGTH = 19  # characters that distinguish a digest from others: `sha256:` and twelve

# Facts that come first, and are shown without their names.
_FIRST = ("id", "use", "digest", "architecture", "device", "device_name", "providers", "precision", "dtype", "system")


def render_header(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """The suite's name, then an entry for the model, the data, every backend, the machine and the versions."""
    suite = builder.quote(report.suite.name, "bold")
    path = builder.quote(report.suite.path, "dim", cells=MAX_NOTE_CELLS)
    yield from builder.wrap(builder.join(suite, "  ", path), builder.width, indent=2)
    entries = [(name, text) for name, text in _list_entries(report) if text]
    width = max(builder.quote(name, cells=_MAX_NAME_CELLS).cell_len for name, _ in entries)
    for name, text in entries:
        yield from _render_entry(name, text, width, builder)


def describe_facts(table: Mapping[str, Any]) -> str:
    """A table of facts in one line: texts as they are, numbers and switches with their names."""
    keys = sorted(table, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return ", ".join(text for key in keys if (text := _describe_fact(key, table[key])))


def _list_entries(report: Report) -> Iterator[tuple[str, str]]:
    environment = report.environment
    yield "model", _describe_model(_table_in(environment, "model"))
    yield "data", _describe_data(report)
    yield "truncated", _describe_truncation(report)
    for name in list_backends(report):
        yield name, _describe_backend(_table_in(_table_in(environment, "backends"), name))
    yield "machine", describe_facts(_table_in(environment, "machine"))
    yield "versions", _describe_versions(environment)
    yield "numbers", f"estimate [{100 * report.suite.confidence:.12g} % confidence interval]"
    yield "confidence", report.suite.confidence_reason


def _render_entry(name: str, text: str, width: int, builder: TextBuilder) -> list[Text]:
    label = builder.quote(name, "dim", cells=_MAX_NAME_CELLS)
    lead = builder.join("  ", label, " " * (width - label.cell_len + 2))
    lines = builder.wrap_after(lead, builder.quote(text, cells=MAX_NOTE_CELLS), width=builder.width - 3)
    if builder.verbose > 0 or len(lines) <= _MAX_LINES:
        return lines
    return [*lines[: _MAX_LINES - 1], builder.join(lines[_MAX_LINES - 1], builder.literal("…"))]


def _describe_fact(key: str, value: object) -> str:
    name = key.replace("_", " ")
    if isinstance(value, bool):
        return name if value else ""
    if isinstance(value, int | float):
        count = f"{value:,} {name.removesuffix('s') if value == 1 else name}"
        return count if name.endswith("s") else f"{name} {value:,}"
    if not isinstance(value, str | list | tuple) or not value:
        return ""
    text = value if isinstance(value, str) else " + ".join(str(one) for one in value)
    return text if key in _FIRST else f"{name} {text}"


def _describe_model(model: Mapping[str, Any]) -> str:
    facts = {key: value for key, value in model.items() if key not in {"digest", "labels", "task"}}
    return describe_facts({**facts, "digest": str(model.get("digest", ""))[:_DIGEST_LENGTH]})


def _describe_data(report: Report) -> str:
    """Each data set with its rows, of which a check may have judged fewer."""
    data = _table_in(report.environment, "data")
    names = dict.fromkeys([*(result.data for result in report.results), *data])
    rows = {name: _table_in(data, name).get("rows") for name in names}
    return "; ".join(
        f"{name}, {counted(count, 'row')}" if isinstance(count, int) else name for name, count in rows.items()
    )


def _describe_truncation(report: Report) -> str:
    """Per data set the share of rows that were truncated, the longest of them, and the limit."""
    data = _table_in(report.environment, "data")
    truncated = {name: _table_in(_table_in(data, name), "truncated") for name in data}
    return "; ".join(
        f"{name}, {100 * one['share']:.3g} % of the rows ({one['rows']:,}) to {one['limit']:,} tokens, the longest has {one['longest']:,}"
        for name, one in truncated.items()
        if one
    )


def _describe_backend(backend: Mapping[str, Any]) -> str:
    facts = backend.get("facts")
    return describe_facts(facts if isinstance(facts, Mapping) else {"providers": backend.get("providers")})


def _describe_versions(environment: Mapping[str, Any]) -> str:
    versions = {key: environment[key] for key in ("mqa", "python") if key in environment}
    versions |= _table_in(environment, "packages")
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _table_in(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The table under a key; an empty one where there is none."""
    inner = table.get(key)
    return inner if isinstance(inner, Mapping) else {}
