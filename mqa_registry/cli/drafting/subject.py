"""What a new suite is about: the model, by the source that recognizes its name, its rows, and the backends that run it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import ContributionCall, Contributor, limit_calls, suggest_backend
from mqa_registry.cli.model_options import resolve_model
from mqa_registry.contributions import Backend, Dataset, ModelSource, SupportsExport, Task
from mqa_registry.errors import DataError, UsageError
from mqa_registry.execution import build_model
from mqa_registry.execution.model_building import take_evenly
from mqa_registry.execution.rows.sources import open_source, read_rows
from mqa_registry.files import FileFormat, file_format
from mqa_registry.suite import validate_tables
from mqa_registry.types import read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from mqa_registry.cli.model_options import ModelOptions, ResolvedModel
    from mqa_registry.contributions import Model, ModelUnderTest, RunContext, SuggestedBackend
    from mqa_registry.plugins import Catalog
    from mqa_registry.run_options import RunOptions
    from mqa_registry.types import Rows


RUNNABLE = (FileFormat.ONNX, FileFormat.TORCHSCRIPT, FileFormat.PROGRAM)
MAX_MODELS = 3  # in one hint
ENCODED_ROWS = 4  # that tell whether the model can read such rows


@dataclass(frozen=True)
class Subject:
    """A model with its task, and the table of its data under the source's own names.

    `data` is the table `[data.NAME]` of a suite, with the path as the command line has it; `is_sample` says that the rows
    are mqa's own.
    """

    resolved: ResolvedModel
    under_test: ModelUnderTest
    data: dict[str, Any]
    table: pa.Table
    is_sample: bool

    @property
    def model(self) -> Model:
        """The model."""
        return self.under_test.model

    @property
    def task(self) -> Task[Any]:
        """Its task."""
        return self.under_test.task

    def check_rows(self, rows: Rows) -> None:
        """A DataError where the model can make no inputs of such rows, as without a tokenizer."""
        self.under_test.codec.encode(take_evenly(rows, ENCODED_ROWS))


def read_subject(
    named: ModelOptions, data: Path | None, options: RunOptions, context: RunContext, catalog: Catalog
) -> Subject:
    """Look at the model and the rows; a UsageError or DataError where there is no model, or none that the task fits."""
    resolved = _resolve(named, options, catalog)
    dataset = _find_dataset(data, catalog)
    source = {"use": dataset} if data is None else {"use": dataset, "path": str(data)}
    uses, _, datasets = validate_tables({"model": resolved.table, "data": {"rows": source}}, catalog)
    task = uses.task.contribution_as(Task)
    with limit_calls(options.timeout):
        under_test = build_model(uses, context)
        if data is None and "text" not in task.fields.values():
            raise UsageError(
                f"`{uses.task.name}` reads no text, so that mqa has no rows for it", hint="name a file with `--data`"
            )
        use = datasets["rows"].source
        table, _ = read_rows(datasets["rows"], open_source(use, context), None, context.scratch, 0)
    if len(table) == 0:
        raise DataError(f"`{data}` has no rows", hint="a suite needs at least one")
    return Subject(resolved, under_test, source, table, is_sample=data is None)


def suggest_backends(model: Model, onnx: Path | None, catalog: Catalog) -> list[tuple[str, SuggestedBackend]]:
    """The backends of a new suite with what each is named, the reference first: what runs the model itself, then ONNX.

    That runs the file `onnx`, else an export. A UsageError where nothing runs the model.
    """
    backends = [(name, one) for name, one in catalog.each((Backend,)) if isinstance(one, Backend)]
    suggested = [(name, one, found) for name, one in backends if (found := suggest_backend(name, one, model, None))]
    if not suggested:
        raise UsageError("no backend runs this model", hint="`mqa plugins` lists the backends that are installed")
    suggested.sort(key=lambda each: isinstance(each[1], SupportsExport))
    name, _, reference = suggested[0]
    if onnx is not None:
        given = ((name, found) for name, one in backends if (found := suggest_backend(name, one, model, onnx)))
        second = next(given, None)
        if second is None:
            raise UsageError(f"no backend runs `{onnx}`", hint="`mqa plugins` lists the backends that are installed")
    else:
        second = next(((one[0], one[2]) for one in suggested[1:] if isinstance(one[1], SupportsExport)), None)
    if second is not None and second[1].name == reference.name:
        second = (second[0], replace(second[1], name=f"{reference.name}-2"))
    return [(name, reference), *([second] if second else [])]


def _resolve(named: ModelOptions, options: RunOptions, catalog: Catalog) -> ResolvedModel:
    """The model with its source, the first by name that recognizes it, and its task."""
    source = named.source or _find_source(named.model, catalog)
    tasks = _find_tasks(named.task, source, catalog)
    return resolve_model(named.model, options, task=named.task, source=named.source, sources=[source], tasks=tasks)


def _find_source(model: str, catalog: Catalog) -> str:
    """The first source by name that recognizes a model's name; a UsageError that says what was looked for, and what is there."""
    if source := _recognize(model, catalog):
        return source
    if inside := [child for child in _list_models(Path(model)) if _recognize(str(child), catalog)]:
        names = " or ".join(f"`{child}`" for child in inside[:MAX_MODELS])
        raise UsageError(f"`{model}` holds no model, but has one in it", hint=f"name that: {names}")
    sources = [(name, one) for name, one in catalog.each((ModelSource,)) if isinstance(one, ModelSource)]
    what = "holds no model" if Path(model).is_dir() else "is no model" if Path(model).exists() else "names no model"
    takes = "; ".join(f"{source.takes} (`{name}`)" for name, source in sources if source.takes)
    raise UsageError(f"`{model}` {what}", hint=f"looked for: {takes}")


def _recognize(model: str, catalog: Catalog) -> str:
    """The first source that recognizes a model's name; empty where none does."""
    for name, source in catalog.each((ModelSource,)):
        assert isinstance(source, ModelSource)
        with ContributionCall(Contributor(source.kind, name, source.recognizes)):
            if source.recognizes(model):
                return name
    return ""


def _list_models(folder: Path) -> list[Path]:
    """The folders in a folder, and the files in it whose format is one of a model that can be run."""
    if not folder.is_dir():
        return []
    return [child for child in sorted(folder.iterdir()) if child.is_dir() or file_format(child) in RUNNABLE]


def _find_tasks(task: str | None, source: str, catalog: Catalog) -> str:
    """The plugin whose task of this name is meant, where the plugin of the source has none."""
    if not task or "/" in task:
        return ""
    plugins = [name.partition("/")[0] for name, one in catalog.each((Task,)) if one.name == task]
    with_tasks = [name.partition("/")[0] for name, _ in catalog.each((Task,))]
    own = source.partition("/")[0]
    return own if own in plugins else next(iter([*plugins, *with_tasks]), "")


def _find_dataset(data: Path | None, catalog: Catalog) -> str:
    """The data set that reads a file, or brings rows of its own where there is none."""
    datasets = [(name, one) for name, one in catalog.each((Dataset,)) if isinstance(one, Dataset)]
    if data is None:
        found = next((name for name, one in datasets if one.is_sample), "")
        if not found:
            raise UsageError("no plugin has rows of its own", hint="name a file with `--data`")
        return found
    for name, one in datasets:
        if one.recognizes is not None:
            with ContributionCall(Contributor(one.kind, name, one.recognizes)):
                if one.recognizes(f"{data.name}/" if data.is_dir() else data.name):
                    return name
    read_table(data)  # raises, and says which files can be read
    raise UsageError(f"no data set reads `{data}`", hint="`mqa plugins` lists what there is")
