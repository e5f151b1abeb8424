"""`parity` and `export`: an ONNX file compared with its model, or made of it, as the commands of these names do it.

The work is a plugin's, which gives a function by an entry point of the group `mqa.functions`, under its name and with its
parameters. It is imported when it is called.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mqa_registry.api import add_notes
from mqa_registry.entry_points import list_entry_points
from mqa_registry.errors import ParityError, PluginError, UsageError
from mqa_registry.findings import Exported
from mqa_registry.judging.result import Verdict
from mqa_registry.run_options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    from mqa_registry.judging.result import Result
    from mqa_registry.reports import Report

    T = TypeVar("T")

FUNCTION_GROUP = "mqa.functions"


@dataclass(frozen=True, kw_only=True)
class ParityOptions:
    """How a file is compared with its model. Every field is the option of `mqa parity` with the same name.

    `task` and `source` are those of the model; left out, they are inferred. `columns` has the column of `inputs` for each
    field that has another name there. `outputs` are the model's outputs that the file must have, as names, or by the
    file's names for them. `input` has the model's names of the file's inputs, `constant` the values of inputs of the file
    that are the same in all rows, `batch_axis` the axis that counts rows where it is not the first. `tolerance` is `(atol,
    rtol)`, as numpy has it, and replaces the bound on the ratio. `provider` is the execution provider that runs the file.
    `precision` and `opset` are those of a file that is exported on the way. `reproduction` keeps a script that shows a
    difference without mqa. Raises a UsageError for a value that makes no sense.
    """

    task: str | None = None
    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    outputs: Sequence[str] | Mapping[str, str] = ()
    input: Mapping[str, str] = field(default_factory=dict)
    constant: Mapping[str, Any] = field(default_factory=dict)
    batch_axis: Mapping[str, int] = field(default_factory=dict)
    tolerance: tuple[float, float] | None = None
    provider: str | None = None
    precision: str | None = None
    opset: int | None = None
    reproduction: bool = False

    @add_notes()
    def __post_init__(self) -> None:
        if isinstance(self.outputs, str):
            raise UsageError(f"`outputs` is the text `{self.outputs}`", hint=f"write `outputs=({self.outputs!r},)`")
        if self.tolerance is not None and (not isinstance(self.tolerance, tuple | list) or len(self.tolerance) != 2):
            raise UsageError(f"`tolerance` is {self.tolerance}", hint="write `tolerance=(ATOL, RTOL)`")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a model is exported. Every field is the option of `mqa export` with the same name.

    `task` and `source` are those of the model; left out, they are inferred. `opset` is the version of ONNX's operators,
    `precision` one of float32, float16, bfloat16, int8-dynamic and int8-static; `per_channel` quantizes every channel by
    itself. `columns` has the column of `inputs` for each field that has another name there. `timeout` ends an export that
    takes more seconds. `backend` is the one that exports; left out, the plugin's own.
    """

    task: str | None = None
    source: str | None = None
    opset: int | None = None
    precision: str | None = None
    per_channel: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    backend: str | None = None


@dataclass(frozen=True)
class Divergence:
    """Where a file and its model differ first. What is not known is None.

    `kind` is what differs, such as `weights` or `exporter`; `module`, with its `class_name`, the module of the model;
    `node` a node of the file; `ratio` the error in units of the model's own rounding; `reason` a sentence. `facts` has
    all that is known, as `first_divergence` of the report file does.
    """

    kind: str | None
    module: str | None
    class_name: str | None
    node: str | None
    ratio: float | None
    reason: str | None
    facts: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, repr=False)
class ParityReport:
    """What a comparison of a file with its model found: the `report` of the run, and the first divergence, if any."""

    report: Report
    first_divergence: Divergence | None = None

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL, INCONCLUSIVE, or ERROR where something could not run."""
        return self.report.verdict

    def check(self) -> ParityReport:
        """The same again where the file is shown to agree with its model; a ParityError, an AssertionError, where not."""
        __tracebackhide__ = True  # pytest shows the line of the test instead
        if self.verdict is not Verdict.PASS:
            raise ParityError("\n".join(self._explain()))
        return self

    def __repr__(self) -> str:
        where = f", first_divergence={self.first_divergence!r}" if self.first_divergence else ""
        return f"ParityReport({self.verdict}, run={self.report.run!r}{where})"

    def _repr_html_(self) -> str | None:
        """The report in a notebook."""
        return self.report._repr_html_()  # the notebook's protocol

    def _explain(self) -> Iterator[str]:
        """Lines on why the file is not shown to agree: what each check says that does not hold, and the worst row of it."""
        from mqa_registry.reports.console.text import make_visible
        from mqa_registry.reports.explanations import explain_result
        from mqa_registry.reports.report import blocks_release

        yield make_visible(f"{self.report.suite.name}: {self.verdict}")
        if self.report.note:
            yield make_visible(f"  {self.report.note}")
        for result in filter(blocks_release, self.report.results):
            on = f" on {result.backend}" if result.backend else ""
            yield make_visible(f"{result.check}{on}: {result.verdict}")
            yield from (make_visible(f"  {line}") for line in (*explain_result(result), *_name_worst_row(result)))
        for finding in self.report.findings:
            if finding.level in {"warning", "problem"}:
                fix = f"; {finding.fix}" if finding.fix else ""
                yield make_visible(f"{finding.level}: {finding.message}{fix}")


def parity(
    model: object,
    onnx: str | PathLike[str] | None = None,
    *,
    inputs: object = None,
    options: ParityOptions | None = None,
    run_options: RunOptions | None = None,
) -> ParityReport:
    """Compare an ONNX file with its model, and name the first module that differs, as `mqa parity` does.

    `model` is a `torch.nn.Module`, a pipeline of transformers, a `LiveModel` of a module and its tokenizer, or a name: a
    folder or hub id of transformers, a `.pt2`, TorchScript or `.onnx` file, `module:function`. `onnx` is the file; left out,
    the model is exported on the way.

    `inputs` are rows, with the first axis of an array counting them: an array or a tensor, a tuple of them in the order of
    the module's arguments, or a dict of them by name; a list of these, whose rows are joined; a list of texts; a list of
    dicts or a table of pandas, polars, pyarrow or `datasets`; the path of a file of rows, or of a `.npz` of arrays. Left
    out, they are a few sentences. `run_options` are those of any run.

    The report's `check()` raises an AssertionError that says what differs. Raises an MqaError where nothing can be compared.
    """
    options, run_options = options or ParityOptions(), run_options or RunOptions()
    with add_notes():
        function = _load_function("parity")
        report = function(model, onnx, inputs=inputs, options=options, run_options=run_options)
        return _check_returned("parity", ParityReport, report)


def export(
    model: object,
    out: str | PathLike[str],
    *,
    inputs: object = None,
    options: ExportOptions | None = None,
    run_options: RunOptions | None = None,
) -> Exported:
    """Export a model to ONNX in the folder `out`, audit and stamp the file, as `mqa export` does.

    `model` and `inputs` are what `parity` takes; the rows trace the model, and calibrate int8-static. Left out, a model of
    texts is traced with a few sentences. A problem that the audit finds is among the findings. Raises an MqaError where
    nothing is exported.
    """
    options, run_options = options or ExportOptions(), run_options or RunOptions()
    with add_notes():
        function = _load_function("export")
        exported = function(model, out, inputs=inputs, options=options, run_options=run_options)
        return _check_returned("export", Exported, exported)


def _load_function(name: str) -> Any:
    """The function of this name that a plugin gives; a PluginError where there is none, or it cannot be used."""
    from mqa_registry.plugins import load_entry_point

    points = list_entry_points(FUNCTION_GROUP).get(name)
    if points is None:
        hint = (
            f"a plugin gives it by an entry point of the group `{FUNCTION_GROUP}`; `mqa plugins` lists those installed"
        )
        raise PluginError(f"no installed plugin gives the function `{name}`", hint=hint)

    def read(function: object) -> Any:
        if not callable(function):
            raise TypeError("its entry point names no function")
        return function

    return load_entry_point(f"function `{name}`", points, read)


def _check_returned(name: str, kind: type[T], returned: object) -> T:
    """What a plugin's function returned, which is of this kind; a PluginError where not."""
    if not isinstance(returned, kind):
        raise PluginError(
            f"the function `{name}` of a plugin gave a `{type(returned).__name__}`, not `{kind.__name__}`"
        )
    return returned


def _name_worst_row(result: Result) -> Iterator[str]:
    """The row that differs most, by its id, with what is known of it."""
    for example in result.evidence.examples[:1]:
        details = ", ".join(f"{name} {value}" for name, value in example.details.items())
        yield f"the row that differs most: {example.id}" + (f" ({details})" if details else "")
