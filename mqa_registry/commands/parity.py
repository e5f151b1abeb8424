"""The command that holds one ONNX file against its model, or another file: a suite of its own, for the one engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mqa_registry import plugins, runs
from mqa_registry.commands.interface import Interface
from mqa_registry.commands.mapping import mapped_by_option
from mqa_registry.commands.model import source_and_task, told
from mqa_registry.commands.odd import moved_rows, odd_rows, unseen_classes
from mqa_registry.commands.places import check_report
from mqa_registry.commands.running import tell
from mqa_registry.contributions import Comparison, Task
from mqa_registry.errors import UsageError
from mqa_registry.findings import Finding
from mqa_registry.judging import Verdict
from mqa_registry.report.files import write_json
from mqa_registry.report.jsonfile import to_json
from mqa_registry.report.progress import watched
from mqa_registry.suite import made_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.commands.running import Show
    from mqa_registry.errors import ExitCode
    from mqa_registry.judging import Result
    from mqa_registry.predict import Observations
    from mqa_registry.report import Report
    from mqa_registry.runs import Asked, Trial

ONNX_FILE = "onnx/file"
TENSORS = "parity/tensors"
FLIPS = "parity/flip-rate"
MOST_FLIPS = 0.01
KEYS = ("module", "class", "node", "ratio", "kind")
MOST_NAMES = 3  # classes that a note names
MOST_RATIO = 10.0  # of the file's error to that of PyTorch, both against float64
# How answers may move with the batch that a row is in, which is for a person to judge: int8's scale is made of all rows
# of a batch, and some models see padding. Sound exports of 26 architectures move by 9 roundings at most.
INVARIANCE = {
    "name": "invariance",
    "measure": {"use": "parity/invariance", "rows": 4},
    "expect": {"max": 200},
    "critical": False,
}


@dataclass(frozen=True)
class Pair:
    """A model and the file that is to be as good as it.

    `data` is a file of rows, whose `columns` are mapped to fields as in a suite, `inputs` one of arrays; without either
    there are a few sentences. `source` and `task` say what to make of the model; left out, its name tells the one, and
    the source the other. `repro` keeps what shows a difference without mqa. `tolerance`, `atol` and `rtol` of a fixed
    one, takes the place of the ratio; so does `by_decisions`, by which the task's answers may hardly flip, where it
    `decides` anything. `by_answers`: it must answer every row. `including` are ids of rows that are looked at in any
    case, `interface` says what the file calls its inputs and outputs, and which of these it must have. `by_invariance`:
    outputs of the file that nothing is held against may not move with the batch that a row is in.
    """

    model: str
    file: Path
    task: str | None = None
    source: str | None = None
    data: Path | None = None
    inputs: Path | None = None
    tolerance: tuple[float, float] | None = None
    repro: bool = False
    decides: bool = False
    by_decisions: bool = False
    by_answers: bool = False
    including: tuple[str, ...] = ()
    interface: Interface = field(default_factory=Interface)
    by_invariance: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    def told(self, asked: Asked) -> Pair:
        """The same with what was left out."""
        source, task = source_and_task(self.model, self.source, self.task, asked, arrays=self.inputs is not None)
        return replace(self, source=source, task=task, decides=_flips(task, source, asked))

    def suite(self) -> dict[str, Any]:
        """The suite that holds them against each other."""
        return {
            "format": 1,
            "name": f"parity of {self.file.name}",
            "model": {"use": self.source, "id": self.model, "task": self.task},
            "data": {"rows": self._rows()},
            "backends": {
                self.reference: self._reference(),
                "onnx": {"use": "onnxruntime/session", "path": str(self.file), **self.interface.options()},
            },
            "check": self._checks(),
        }

    @property
    def reference(self) -> str:
        """The name of the backend that the file is held against."""
        return "reference" if self.source == ONNX_FILE else "torch"

    def _reference(self) -> dict[str, Any]:
        """PyTorch, or the other file, which is taken to call its inputs as this one does where it has such."""
        if self.source == ONNX_FILE:
            return {"use": "onnxruntime/session", **self.interface.options()}
        return {"use": "transformers/torch"}

    def _rows(self) -> dict[str, Any]:
        if self.inputs is not None:
            return {"use": "datasets/arrays", "path": str(self.inputs)}
        if self.data is not None:
            mapped = {"columns": dict(self.columns)} if self.columns else {}
            return {"use": "datasets/file", "path": str(self.data), **mapped}
        return {"use": "datasets/sentences"}

    def _checks(self) -> list[dict[str, Any]]:
        tensors: dict[str, Any] = {"use": TENSORS} | ({"repro": True} if self.repro else {})
        tensors |= {} if self.decides else {"screen": True}  # there are no predictions that would tell which rows part
        tensors |= {"including": list(self.including)} if self.including else {}
        tensors |= {"outputs": list(self.interface.asked)} if self.interface.asked else {}
        expect: dict[str, Any] = {"mismatches": {"max": 0}, "ratio": {"max": MOST_RATIO}}
        if self.tolerance is not None:
            atol, rtol = self.tolerance
            tensors |= {"atol": atol, "rtol": rtol}
            expect = {"mismatches": {"max": 0}, "outside": {"max": 0}}
        elif self.by_decisions:
            expect = {"mismatches": {"max": 0}}
        checks: list[dict[str, Any]] = [{"name": "tensors", "measure": tensors, "expect": expect}]
        if self.decides:
            flips = {"measure": FLIPS, "expect": {"max": MOST_FLIPS}}
            checks.append({"name": "flips", **flips, "critical": self.by_decisions or self.by_answers})
        return [*checks, INVARIANCE | {"on": [self.reference, "onnx"], "critical": self.by_invariance}]


def hold(pair: Pair, asked: Asked, show: Show) -> ExitCode:
    """Hold a file against its model and show where they part; the exit code is the report's."""
    check_report(show.json, force=show.force)
    asked = replace(asked, outputs=show.outputs)
    _refuse_two_sources(pair)
    whole = pair.told(asked)
    trial = _tried(whole, asked, show)
    findings = [] if pair.task else [Finding("note", "task", told(str(whole.task), arrays=pair.inputs is not None))]
    again, remarks = _again(whole, trial)
    if again != whole:
        trial = _tried(again, asked, show)  # of all that the store has by now
    report = runs.settled(trial)
    remarks += _seen(report, trial.observations, again.reference)
    found = first_divergence(report)
    if found and report.results[0].verdict is Verdict.PASS:  # which else shows it
        remarks.append(Finding("note", "where", _begins(found)))
    report = replace(report, findings=(*findings, *remarks, *report.findings))
    if show.json is not None:
        write_json(to_json(report) | {"first_divergence": found}, show.json)
    tell(report, show)
    return report.exit_code


def first_divergence(report: Report) -> Mapping[str, Any] | None:
    """Where the file and the model part first, where they do: `module`, `class`, `node`, `ratio` and `kind`.

    What of these nobody knows, or has no meaning there, is None. A file that holds by its decisions parts from the model
    everywhere, and nowhere so that it counts.
    """
    if report.verdict is Verdict.PASS:
        return None
    told = (result.evidence.get("first_divergence") for result in report.results)
    found = next((one for one in told if one), None)
    return None if found is None else dict.fromkeys(KEYS) | found


def _tried(pair: Pair, asked: Asked, show: Show) -> Trial:
    raw = replace(made_up("parity.toml", pair.suite(), Path()), overrides=asked.overrides)
    with mapped_by_option(), watched(Console(stderr=True), quiet=show.verbose < 0) as progress:
        return runs.tried(raw, asked, examples=show.examples, progress=progress)


def _again(pair: Pair, trial: Trial) -> tuple[Pair, list[Finding]]:
    """What is to be asked after what a first run came to, and why; the same again where that was all."""
    if _has_no_peer(trial.report):
        return replace(pair, by_decisions=pair.decides), [_instead(pair, trial.report)]
    tensors, *others = trial.report.results
    if tensors.verdict is not Verdict.PASS:
        return pair, []
    if tensors.evidence.get("unheld") and _moves_alone(others, pair.reference):
        pair = replace(pair, by_invariance=True)
    odd, moved = (find(trial.observations, pair.reference, "onnx") for find in (odd_rows, moved_rows))
    unanswered = any(one.check == "flips" and one.verdict in {Verdict.ERROR, Verdict.NOT_RUN} for one in others)
    told = [*_looked_at(odd, "that it answers otherwise"), *_looked_at(moved, "whose probabilities part most")]
    return replace(pair, including=(*odd, *moved), by_answers=unanswered), told


def _moves_alone(results: Sequence[Result], reference: str) -> bool:
    """Whether the file's outputs move with the batch that a row is in, and the model's do not."""
    verdicts = {one.backend: one.verdict for one in results if one.check == INVARIANCE["name"]}
    return verdicts.get(reference) is Verdict.PASS and verdicts.get("onnx") is Verdict.FAIL


def _looked_at(rows: Sequence[str], what: str) -> Iterator[Finding]:
    """That rows were looked at besides those of the sample, where there are any; `what` says which."""
    if rows:
        told = f"{len(rows)} {what} {'was' if len(rows) == 1 else 'were'} looked at as well"
        yield Finding("note", "rows", f"the file holds on the rows that were sampled, and {told}")


def _seen(report: Report, observations: Observations, reference: str) -> list[Finding]:
    """Which rows a file that held was looked at on: a fault in others, or in longer ones, stays unseen."""
    tensors = report.results[0]
    seen = tensors.evidence.get("looked_at") if tensors.verdict is Verdict.PASS else None
    if not seen:
        return []
    rows = f"{seen['rows']:,} of {seen.get('of_rows', seen['rows']):,} rows were looked at"
    longest = f", the longest of {seen['longest']:,} tokens" if "longest" in seen else ""
    most = f" of the model's {seen['of_longest']:,}" if longest and "of_longest" in seen else ""
    if seen.get("compared", 0) > seen["rows"]:
        rows += f", those that part most of {seen['compared']:,} among them"
    unvaried = ", ".join(f"`{name}`" for name in tensors.evidence.get("unvaried", ()))
    same = f", with one value of {unvaried} in all of them" if unvaried else ""
    return [Finding("note", "rows", f"{rows}{longest}{most}{same}"), *_unseen(observations, reference)]


def _unseen(observations: Observations, reference: str) -> Iterator[Finding]:
    """The classes of rows that nobody looked at, where there are predictions for all rows."""
    tables = [seen.table for sight, seen in observations.sights.items() if sight.use.name == TENSORS]
    looked_at = {name for table in tables if table is not None for name in table.column("id").to_pylist()}
    if classes := unseen_classes(observations, reference, looked_at):
        named = ", ".join(f"`{name}`" for name in classes[:MOST_NAMES])
        more = f" and {len(classes) - MOST_NAMES} more" if len(classes) > MOST_NAMES else ""
        yield Finding("note", "rows", f"no row that the model answers with {named}{more} was looked at")


def _has_no_peer(report: Report) -> bool:
    """Whether the reference has not the file's precision, or no float64, so that there is no ratio on any rows."""
    tensors = report.results[0]
    return tensors.verdict is Verdict.INCONCLUSIVE and bool(tensors.evidence.get("beyond_rows"))


def _instead(pair: Pair, report: Report) -> Finding:
    """What a file is held by that the reference has no precision for."""
    precision = report.environment["backends"]["onnx"]["facts"].get("precision", "such precision")
    why = f"PyTorch has no {precision}" if pair.source != ONNX_FILE else report.results[0].note.partition("since ")[2]
    none = f"{why}, and so no error to hold the file's against"
    if pair.decides:
        return Finding(
            "note", "precision", f"{none}: it is held by its mismatches and decisions, at most {MOST_FLIPS:.0%} flips"
        )
    mend = "`--tolerance ATOL RTOL`, or a suite with bounds on `parity/tensors` or on what the answers are good for"
    return Finding("warning", "precision", f"{none}, and `{pair.task}` decides nothing that could flip", mend)


def _begins(found: Mapping[str, Any]) -> str:
    place = f"`{found['module']}` ({found.get('class')}): " if found.get("module") else ""
    return f"{place}{found.get('kind')}, {found.get('reason')}" if found.get("kind") else str(found.get("reason"))


def _flips(task: str, source: str, asked: Asked) -> bool:
    """Whether a task's predictions are such as flip; one that is not there is told of by the run itself."""
    named = task if "/" in task else f"{source.partition('/')[0]}/{task}"
    catalog = plugins.load({one.partition("/")[0] for one in (named, FLIPS)}, files=asked.plugin_files)
    found, flips = catalog.find((Task,), named), catalog.find((Comparison,), FLIPS)
    return isinstance(found, Task) and isinstance(flips, Comparison) and found.schema in flips.takes


def _refuse_two_sources(pair: Pair) -> None:
    if pair.data is not None and pair.inputs is not None:
        raise UsageError("`--data` and `--inputs` both name rows", hint="leave one of them out")
    for name, rows in (("--data", pair.data), ("--inputs", pair.inputs)):
        if rows is not None and not rows.is_file():
            raise UsageError(f"there is no file `{rows}`", hint=f"`{name}` names one of rows")
    if pair.data is not None and pair.data.suffix == ".npz":
        raise UsageError(
            f"`{pair.data}` holds arrays, and `--data` names rows", hint=f"name it with `--inputs {pair.data}`"
        )
    if not pair.file.is_file():
        raise UsageError(f"there is no file `{pair.file}`", hint="`mqa export MODEL --out DIR` makes one")
