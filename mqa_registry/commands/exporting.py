"""The command that exports a model, and says what came out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

from mqa_registry import plugins, runs
from mqa_registry.boundary import checked_export, limited
from mqa_registry.commands.mapping import mapped_by_option
from mqa_registry.commands.model import source_and_task, told
from mqa_registry.commands.places import check_folder, check_report
from mqa_registry.contributions.subject import SAMPLES
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.naming import counted
from mqa_registry.options import options_of
from mqa_registry.predict import subject_of
from mqa_registry.predict.load import load
from mqa_registry.report.console.findings import listed
from mqa_registry.report.console.pen import LONG, Pen
from mqa_registry.report.files import write_json
from mqa_registry.report.output import console
from mqa_registry.store import claim
from mqa_registry.suite import adhoc
from mqa_registry.watching import begin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.text import Text

    from mqa_registry.contributions import Backend, Conditions, Subject, Task
    from mqa_registry.data import Example, Rows
    from mqa_registry.findings import Exported
    from mqa_registry.runs import Asked
    from mqa_registry.suite import Data, ModelUse, Use

LONGEST_EXPORT = 3600.0  # seconds; the file is looked at afterwards too
TEXT = "text"  # the field of a row that sentences fill


@dataclass(frozen=True)
class Order:
    """What is to be exported: `options` are the backend's, `data` a file of rows where the export needs some.

    The `columns` of that file are mapped to fields as in a suite. Without `data` a task of texts that brings no sample
    is traced with a few sentences. `source` and `task` say what to make of the model; left out, its name tells the one,
    and the source the other.
    """

    model: str
    task: str | None
    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Path | None = None
    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def arrays(self) -> bool:
        """Whether its rows are the model's inputs themselves."""
        return self.data is not None and self.data.suffix == ".npz"

    @property
    def longest(self) -> float:
        """Seconds after which a backend is ended that does not heed its own limit."""
        return 2 * max(LONGEST_EXPORT, self.options.get("export_timeout") or 0.0)

    def told(self, asked: Asked) -> Order:
        """The same with what was left out."""
        source, task = source_and_task(self.model, self.source, self.task, asked, arrays=self.arrays)
        return replace(self, source=source, task=task)

    def tables(self) -> dict[str, Any]:
        """As a suite would say it."""
        data: dict[str, Any] = {"use": "datasets/sentences"}
        if self.data is not None:
            data = {"use": "datasets/arrays" if self.arrays else "datasets/file", "path": str(self.data)}
            data |= {"columns": dict(self.columns)} if self.columns else {}
        given = {name: value for name, value in self.options.items() if value is not None}
        return {
            "model": {"use": self.source, "id": self.model, "task": self.task},
            "data": {"data": data},
            "backends": {"export": {"use": self.backend, **given}},
        }


def export(order: Order, out: Path, asked: Asked, json_file: str | None) -> ExitCode:
    """Export a model into a folder and show what was found in it: 1 where that is an error."""
    check_report(json_file, force=asked.force)
    check_folder(out)
    begin("exporting the model")
    whole = order.told(asked)
    claim(asked.store or Path(runs.STORE))
    with mapped_by_option():
        subject, use = _made(whole, asked)
    if (file := subject.model.file) is not None:
        raise UsageError(f"`{file}` is exported already", hint=f"`mqa parity MODEL {file}` holds it against its model")
    with Console(stderr=True).status("exporting"), limited(order.longest):
        exported = _exported(use, subject, out)
    if json_file is not None:
        write_json({**exported.facts, "exported": [file.name for file in exported.files]}, json_file)
    shown = console(machine=json_file == "-", highlight=False)
    pen = Pen(shown)
    taken = {} if order.task else {"task": told(str(whole.task), arrays=order.arrays)}
    if order.data is None and (sentences := subject.given.get(SAMPLES)):
        taken["traced with"] = _sentences([str(one[TEXT]) for one in sentences])
    for line in _told(exported, taken, pen):
        shown.print(line, no_wrap=True, overflow="ignore", crop=False)
    wrong = any(finding.level == "problem" for finding in exported.findings)
    return ExitCode.FAILED if wrong else ExitCode.OK


def _exported(use: Use, subject: Subject, out: Path) -> Exported:
    """What the backend writes, by those of its options that are about the file and not about how it is run."""
    make = cast("Backend", use.contribution).export
    assert make is not None  # looked at before
    taken = set(options_of(make).names)
    for name in use.given:
        if name not in taken:
            raise UsageError(f"`{use.name}` exports without an option `{name}`", hint=f"`mqa plugins {use.name}`")
    return checked_export(use.who, use.call_part(make, subject, out))


def _made(order: Order, asked: Asked) -> tuple[Subject, Use]:
    tables = order.tables()
    named = [str(order.source), str(order.task), order.backend]
    named += [one["use"] for one in tables["data"].values()]
    catalog = plugins.load(
        {plugin for plugin, slash, _ in (name.partition("/") for name in named) if slash}, files=asked.plugin_files
    )
    model, backends, data = adhoc(tables, catalog)
    use = backends["export"]
    if getattr(use.contribution, "export", None) is None:
        raise UsageError(f"`{use.name}` exports nothing", hint="`mqa plugins` lists what there is")
    return _subject(order, model, data["data"], asked.conditions_in(asked.store or Path(runs.STORE))), use


def _subject(order: Order, model: ModelUse, data: Data, conditions: Conditions) -> Subject:
    """The model with rows to trace it with; only those of the order's own are for a quantizer, who needs real ones."""
    task = cast("Task", model.task.contribution)
    if order.data is not None:
        return subject_of(model, conditions, load(data, task, conditions, 0))
    sentences = [] if task.sample or TEXT not in task.fields else _few(load(data, task, conditions, 0))
    return subject_of(model, conditions, given={SAMPLES: sentences})


def _few(rows: Rows) -> list[Example]:
    """From the first to the last, which is the longest."""
    examples = list(rows.examples())
    return [examples[place * (len(examples) - 1) // (SAMPLES - 1)] for place in range(SAMPLES)]


def _told(exported: Exported, taken: Mapping[str, str], pen: Pen) -> Iterator[Text]:
    """What came out, what was found in it, and what that comes to."""
    summary = {**taken, **exported.summary}
    files = {file.name: f"{_size(file)} in {file.parent}" for file in exported.files}
    width = max(map(len, (*summary, *files)), default=0)
    for name, value in (*summary.items(), *files.items()):
        lead = pen.line("  ", pen.data(f"{name:<{width}}", "dim"), "  ")
        yield from pen.wrapped(pen.data(value, cells=LONG), pen.width, lead=lead, indent=lead.cell_len)
    if exported.findings:
        yield pen.own("")
        yield from listed(exported.findings, pen)
    yield pen.own("")
    counts = Counter(finding.level for finding in exported.findings)
    what = ", ".join(counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level])
    says, style = ("Exported, and not fit to ship", "bold red") if counts["problem"] else ("Exported", "bold green")
    yield pen.own(f"{says}: {what or 'nothing to remark'}.", style)


def _sentences(texts: Sequence[str]) -> str:
    lengths = [len(text) for text in texts]
    return f"{len(texts)} texts of mqa's own, of {min(lengths)} to {max(lengths)} characters; `--data` names others"


def _size(file: Path) -> str:
    size = float(file.stat().st_size)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
