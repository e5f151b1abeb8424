"""History: two kept runs compared, the list of kept runs, and which of them can go."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import plan as plans
from mqa_registry.errors import MqaError
from mqa_registry.files import is_special, remove_stale_drafts
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.archive import find_run, is_whole, list_runs
from mqa_registry.runs.comparison import compare_observations
from mqa_registry.runs.kept_groups import with_kept_groups
from mqa_registry.runs.pipeline import make_plan
from mqa_registry.runs.run_folder import drop_folder, folder_size, measure_removal
from mqa_registry.runs.serialization import REPORT, deserialize_report, find_json_file
from mqa_registry.runs.tags import list_tags, read_tags
from mqa_registry.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mqa_registry.judging.result import RunComparison
    from mqa_registry.reports import Report
    from mqa_registry.runs.run_folder import Removal


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
    plan = plans.make(with_kept_groups(plan.suite, record.groups, texts=record.texts))
    has_texts = examples and record.texts and earlier.texts
    observations = record.observations(plan)
    return compare_observations(plan, observations, record.report, earlier, max_drop=max_drop, texts=has_texts)


@dataclass(frozen=True)
class KeptRun:
    """A run in a store: its id, its tags, its size in bytes, and its report; None where that cannot be read.

    The size is of all that it has; other runs may have some of it too.
    """

    run: str
    tags: tuple[str, ...]
    size: int
    report: Report | None


def list_kept_runs(store: Path, count: int | None = None) -> list[KeptRun]:
    """The kept runs of a store, the newest first; at most `count`."""
    names = list_runs(store)[::-1]
    return _read_kept_runs(store, names if count is None else names[:count], read_tags(store))


def _read_kept_runs(store: Path, names: Iterable[str], tags: Mapping[str, str]) -> list[KeptRun]:
    """The runs of these names, without those that another process removed just now."""
    runs = [_read_kept_run(store / RUNS / name, tags) for name in names]
    return [one for one in runs if one.report or (store / RUNS / one.run).exists()]


def _read_kept_run(folder: Path, tags: Mapping[str, str]) -> KeptRun:
    report, file = None, find_json_file(folder, REPORT)
    with suppress(OSError, ValueError, LookupError, TypeError, MqaError):
        report = None if is_special(file) else deserialize_report({file.name: file.read_bytes()}, folder.name)
    return KeptRun(folder.name, list_tags(folder.name, tags), folder_size(folder), report)


def find_prunable(store: Path, keep: int) -> list[KeptRun]:
    """The runs that pruning drops: those without a tag that are not among the newest `keep`, the oldest first.

    A folder with a run's name and without the files that mqa gives every run is left alone.
    """
    names = list_runs(store)[::-1][keep:][::-1]
    tags = read_tags(store)
    tagged = set(tags.values())
    dropped = [name for name in names if name not in tagged and is_whole(store / RUNS / name)]
    return _read_kept_runs(store, dropped, tags)


def measure_pruning(store: Path, runs: Iterable[KeptRun]) -> Removal:
    """What dropping these runs frees."""
    return measure_removal(store / RUNS / one.run for one in runs)


def prune(store: Path, runs: Sequence[KeptRun]) -> Removal:
    """Drop these runs, and what killed processes left; returns what that frees. A StoreError where one cannot be removed."""
    measured = measure_pruning(store, runs)
    for run in runs:
        drop_folder(store / RUNS / run.run)
    with suppress(OSError):
        remove_stale_drafts(store / RUNS)
    return measured
