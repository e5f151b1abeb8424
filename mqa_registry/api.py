"""The interface for Python: run a suite, with models and tables in memory where the caller has them, and judge a run again.

Nothing is printed, and no process ends: what is wrong is an MqaError, whose notes a traceback shows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import plugins, runs
from mqa_registry.errors import MqaError, SuiteError
from mqa_registry.files import suite_folder
from mqa_registry.reports import Report
from mqa_registry.run_options import RunOptions
from mqa_registry.suite import RawSuite, explain_error, read, suite_of_tables, with_objects
from mqa_registry.suite.grammar import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.run_options import HistoryOptions
    from mqa_registry.runs.progress import RunProgress
    from mqa_registry.suite import Overrides

IN_MEMORY = "suite in memory"  # stands for the name of a file, in the current folder


def run(
    suite: str | Path | Mapping[str, Any],
    options: RunOptions | None = None,
    *,
    model: Any = None,
    data: Mapping[str, Any] | None = None,
    history: HistoryOptions | None = None,
    fresh: bool = False,
    examples: bool = True,
    progress: RunProgress | None = None,
) -> Report:
    """Run a suite: plan it, predict what it needs, judge every check. Raises an MqaError where nothing can be judged.

    `suite` is a file, the name of a plugin's suite, or the content of one as a dict, whose paths are relative to the
    current folder.

    `model` takes the place of the suite's model: a `torch.nn.Module`, a pipeline of transformers, or a `LiveModel` of a
    module and its tokenizer. `data` has tables in place of the suite's data sets, by their names: a list of dicts, a table of
    pandas, polars or pyarrow, a data set of the `datasets` library, or a dict of the model's input arrays. What the suite
    says of columns, labels, samples and the task holds for them. Of a dict without task, data sets or backends, those follow
    from the objects.

    `history` says which earlier run it is held against, and its tag. `fresh` ignores cached predictions. Without `examples`,
    no row's text is in the report, nor in what the store keeps. `progress` is told of every step and verdict.

    A run that was judged and cannot be kept has a report too, which says so.
    """
    options = options or RunOptions()
    with add_notes():
        raw = _read_suite(suite, options.overrides, options.plugin_files)
        if model is not None or data is not None:
            raw = with_objects(raw, plugins.load_all(files=options.plugin_files), model=model, data=data)
        return runs.run(raw, options, history=history, fresh=fresh, examples=examples, progress=progress)


def judge(
    run: str | Path | Report,
    suite: str | Path | Mapping[str, Any] | None = None,
    *,
    store: str | Path | None = None,
    plugin_files: Sequence[Path] = (),
    outputs: Sequence[Path] = (),
    examples: bool = True,
) -> Report:
    """Judge a kept run again, without model and data. Raises an MqaError where nothing can be judged.

    `run` is an id or the beginning of one, `last`, a report file, or the report of a run. `suite` has other bounds,
    measures, slices or another confidence: a file, or its content as a dict. Objects in memory that the run had take the
    place of what it names. A check that needs rows which the run did not predict is NOT-RUN. `store` is the folder with
    the run; left out, the store next to the suite, or in the current folder. `outputs` are files that the caller writes,
    none of which may be an input. Without `examples`, no row's text is in the report.
    """
    with add_notes():
        raw = None if suite is None else _read_suite(suite, None, plugin_files)
        if isinstance(run, Report):
            store = store or suite_folder(Path(run.suite.path)) / runs.STORE
            run = run.run
        return runs.judge(run, raw, store=store, plugin_files=plugin_files, outputs=outputs, examples=examples)


def _read_suite(
    suite: str | Path | Mapping[str, Any], overrides: Overrides | None, plugin_files: Sequence[Path]
) -> RawSuite:
    if not isinstance(suite, Mapping):
        return read(suite, overrides, plugin_files)
    tables = {"format": FORMAT, **to_toml_values(suite)}
    return suite_of_tables(IN_MEMORY, tables, Path(), overrides, plugin_files)


def to_toml_values(value: Any) -> Any:
    """A value of Python in the types of TOML: tuples as arrays, paths as strings, numbers of numpy as Python's."""
    if isinstance(value, Mapping):
        return {str(key): to_toml_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_toml_values(one) for one in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0 else value


@contextmanager
def add_notes() -> Iterator[None]:
    """Add to an error what its message leaves out, for a traceback: every problem of a suite, or what to do."""
    try:
        yield
    except MqaError as error:
        note = explain_error(error) if isinstance(error, SuiteError) else error.hint and f"hint: {error.hint}"
        if note:
            error.add_note(note)
        raise
