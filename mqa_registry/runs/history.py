"""History: two kept runs compared, the list of kept runs, and which of them can go."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import MqaError
from mqa_registry.reports.report_file import parse_report
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.archive import drop_folder, find_run, folder_size, is_whole, list_runs
from mqa_registry.runs.comparison import compare_observations
from mqa_registry.runs.pipeline import make_plan
from mqa_registry.runs.serialization import REPORT, deserialize_report
from mqa_registry.runs.tags import read_tags
from mqa_registry.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.result import RunComparison
    from mqa_registry.reports import Report


def compare(
    reference: str | Path,
    run: str | Path,
    *,
    store: Path | None = None,
    plugin_files: Sequence[Path] = (),
    max_drop: float | None = None,
    examples: bool = True,
) -> RunComparison:
    """How a kept run differs from an earlier one on the same rows, without model and data.

    Raises a UsageError where the rows differ, or a name means no run. What `compare_observations` returns has texts of
    rows only with `examples`, and where both runs were kept with them.
    """
    earlier, record = find_run(reference, store, None), find_run(run, store, None)
    plan, _ = make_plan(record.raw, RunOptions(plugin_files=tuple(plugin_files)), files=False)
    has_texts = examples and record.texts and earlier.texts
    report = parse_report(record.report, record.run)
    return compare_observations(plan, record.observations(plan), report, earlier, max_drop=max_drop, texts=has_texts)


@dataclass(frozen=True)
class KeptRun:
    """A run in a store: its id, its tags, its size in bytes, and its report; None where that cannot be read."""

    run: str
    tags: tuple[str, ...]
    size: int
    report: Report | None


def list_kept_runs(store: Path, count: int | None = None) -> list[KeptRun]:
    """The kept runs of a store, the newest first; at most `count`."""
    names = list_runs(store)[::-1]
    tags = read_tags(store)
    return [_read_kept_run(store, name, tags) for name in (names if count is None else names[:count])]


def _read_kept_run(store: Path, name: str, tags: dict[str, str]) -> KeptRun:
    folder, report = store / RUNS / name, None
    with suppress(OSError, ValueError, LookupError, TypeError, MqaError):
        report = deserialize_report({REPORT: (folder / REPORT).read_bytes()}, name)
    return KeptRun(name, tuple(tag for tag, run in tags.items() if run == name), folder_size(folder), report)


def find_prunable(store: Path, keep: int) -> list[KeptRun]:
    """The runs that pruning drops: those without a tag that are not among the newest `keep`, the oldest first.

    A folder with a run's name and without the files that mqa gives every run is left alone.
    """
    names = list_runs(store)[::-1][keep:][::-1]
    tags = read_tags(store)
    tagged = set(tags.values())
    return [_read_kept_run(store, name, tags) for name in names if name not in tagged and is_whole(store / RUNS / name)]


def prune(store: Path, runs: Sequence[KeptRun]) -> None:
    """Drop these runs. Raises a StoreError where one cannot be removed."""
    for run in runs:
        drop_folder(store / RUNS / run.run)
