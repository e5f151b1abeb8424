"""The header: what was asked of which model, on what data, and where it really ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mqa_registry.naming import counted
from mqa_registry.report.console.families import backends_of
from mqa_registry.report.console.pen import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from mqa_registry.report.console.pen import Pen
    from mqa_registry.report.model import Report

_LINES = 2  # that one entry may take
_DIGEST = 19  # characters of a digest that tell it from others: `sha256:` and twelve


# Facts that come first, and speak for themselves.
_FIRST = ("id", "use", "digest", "architecture", "device", "device_name", "providers", "precision", "dtype", "system")


def header(report: Report, pen: Pen) -> Iterator[Text]:
    """The suite's name, then an entry for the model, the data, every backend, the machine and the versions."""
    suite = report.suite
    title = pen.line(pen.data(suite.get("name", ""), "bold"), "  ", pen.data(suite.get("path", ""), "dim", cells=LONG))
    yield from pen.wrapped(title, pen.width, indent=2)
    entries = [(name, words) for name, words in _entries(report) if words]
    left = max(pen.data(name, cells=20).cell_len for name, _ in entries)
    for name, words in entries:
        yield from _entry(name, words, left, pen)


def _entries(report: Report) -> Iterator[tuple[str, str]]:
    environment = report.environment
    yield "model", _model(_table(environment, "model"))
    yield "data", _data(report)
    yield "truncated", _truncated(report)
    for name in backends_of(report):
        yield name, _backend(_table(_table(environment, "backends"), name))
    yield "machine", facts(_table(environment, "machine"))
    yield "versions", _versions(environment)
    yield "numbers", f"estimate [{100 * report.suite.get('confidence', 0):.12g} % confidence interval]"
    yield "confidence", str(report.suite.get("confidence_reason", ""))


def facts(table: Mapping[str, Any]) -> str:
    """A table of facts in one line: texts as they are, numbers and switches with their names."""
    order = sorted(table, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return ", ".join(words for key in order if (words := _fact(key, table[key])))


def _fact(key: str, value: object) -> str:
    name = key.replace("_", " ")
    if isinstance(value, bool):
        return name if value else ""
    if isinstance(value, int | float):
        several = f"{value:,} {name.removesuffix('s') if value == 1 else name}"
        return several if name.endswith("s") else f"{name} {value:,}"
    if not isinstance(value, str | list | tuple) or not value:
        return ""
    words = value if isinstance(value, str) else " + ".join(str(one) for one in value)
    return words if key in _FIRST else f"{name} {words}"


def _model(model: Mapping[str, Any]) -> str:
    about = {key: value for key, value in model.items() if key not in {"digest", "labels"}}
    return facts({**about, "digest": str(model.get("digest", ""))[:_DIGEST]})


def _data(report: Report) -> str:
    """Each data set with its rows, of which a check may have judged fewer."""
    known = _table(report.environment, "data")
    names = dict.fromkeys([*(result.data for result in report.results), *known])
    return "; ".join(", ".join([name, *_rows(_table(known, name))]) for name in names)


def _truncated(report: Report) -> str:
    """Per data set the share of rows that were truncated, the longest of them, and the limit."""
    known = _table(report.environment, "data")
    found = {name: _table(_table(known, name), "truncated") for name in known}
    return "; ".join(
        f"{name}, {100 * one['share']:.3g} % of the rows ({one['rows']:,}) to {one['limit']:,} tokens, the longest has {one['longest']:,}"
        for name, one in found.items()
        if one
    )


def _rows(data: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(rows := data.get("rows"), int):
        yield counted(rows, "row")


def _backend(backend: Mapping[str, Any]) -> str:
    found = backend.get("facts")
    return facts(found if isinstance(found, Mapping) else {"providers": backend.get("providers")})


def _versions(environment: Mapping[str, Any]) -> str:
    own = {key: environment[key] for key in ("mqa", "python") if key in environment}
    return ", ".join(f"{name} {version}" for name, version in (own | dict(_table(environment, "packages"))).items())


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key)
    return found if isinstance(found, Mapping) else {}


def _entry(name: str, words: str, left: int, pen: Pen) -> list[Text]:
    label = pen.data(name, "dim", cells=20)
    lead = pen.line("  ", label, " " * (left - label.cell_len + 2))
    lines = pen.wrapped(pen.data(words, cells=LONG), pen.width - 3, lead=lead, indent=lead.cell_len)
    if pen.verbose > 0 or len(lines) <= _LINES:
        return lines
    return [*lines[: _LINES - 1], pen.line(lines[_LINES - 1], pen.own("…"))]
