"""The archive of finished runs in a store: each a folder, which is found by its name."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, UsageError
from mqa_registry.files import is_special, suite_folder
from mqa_registry.naming import did_you_mean
from mqa_registry.reports.report_file import load_report, read_report
from mqa_registry.run_options import STORE
from mqa_registry.runs.run_folder import (
    CHECKSUMS,
    drop_folder,
    find_equal_files,
    identify_file,
    keeping_errors,
    list_files,
    read_folder,
    write_folder,
)
from mqa_registry.runs.serialization import (
    RUN,
    SUITE,
    TABLE_SUFFIXES,
    deserialize_record,
    deserialize_report,
    find_json_file,
    serialize_record,
)
from mqa_registry.runs.tags import LAST, REPORT_SUFFIX, list_tags, read_tags
from mqa_registry.store import RUNS
from mqa_registry.store.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mqa_registry.reports import Report
    from mqa_registry.runs.record import Record

MAX_BYTES = 2_000_000_000  # on the disk, of all kept runs without a tag together; the newest is kept at any size
MAX_LISTED = 5  # names that an error lists
SEQUENCE = "sequence"  # the file of a run with its number: clocks may go back, and dates are no order
SHARED_FILES = (*TABLE_SUFFIXES, SUITE)  # how the names of files end that another run may have too
_RUN_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def keep_run(store: Path, record: Record) -> None:
    """Keep a finished run, and drop the oldest of those without a tag where they are too large together.

    What an earlier run has too, such as a table of rows, is on the disk once. Raises a StoreError where the run cannot be
    written.
    """
    folder = store / RUNS / record.run
    earlier = [store / RUNS / name for name in list_runs(store)]
    number = 1 + (_sequence_number(earlier[-1]) if earlier else 0)
    with keeping_errors(folder), Scratch(store) as scratch:
        files = serialize_record(record, folder, scratch.folder)
        # The newest first: of a file that has as many links as there can be, it has the last copy.
        shared = {name: content for name, content in files.items() if name.endswith(SHARED_FILES)}
        equal_files = find_equal_files(shared, reversed(earlier))
        write_folder(folder, {**files, SEQUENCE: str(number).encode()}, equal_files)
    tagged = set(read_tags(store).values())
    for run in _find_excess(
        [run for run in (folder, *reversed(earlier)) if run.name not in tagged],
        [run for run in earlier if run.name in tagged],
    ):
        with suppress(StoreError):  # another user's, say: this run is kept all the same
            drop_folder(run)


def _find_excess(runs: Sequence[Path], tagged: Sequence[Path]) -> Iterator[Path]:
    """The runs, of which the newest is first and stays, that are too many bytes on the disk.

    A file that several runs have counts once, and not at all where a run with a tag has it.
    """
    counted = {identify_file(file) for run in tagged for file in list_files(run)}
    bytes_left = MAX_BYTES
    for number, run in enumerate(runs):
        files = {identify_file(file): file.st_size for file in list_files(run)}
        bytes_left -= sum(size for key, size in files.items() if key not in counted)
        counted |= files.keys()
        if number and bytes_left < 0 and is_whole(run):
            yield run


def find_run(run: str | Path, store: Path | None, suite: Path | None) -> Record:
    """Read the run of this name: its id or the beginning of one, `last`, or a report file.

    `store` is where to look; left out, the store next to the suite, or in the current folder. Raises a UsageError where
    the name means no run or several, a StoreError where the run is damaged.
    """
    name, near = str(run), suite
    if is_report_file(run):
        report = read_report(run)
        name, near = str(report.get("run")), suite or _suite_of(report)
    folder = _find_folder(name, store, near)
    with _other_versions(folder):
        return replace(deserialize_record(read_folder(folder), folder), tags=_tags_of(folder))


def find_report(run: str | Path, store: Path | None) -> Report:
    """The report of a run as it was when the run ended: `run` and `store` are as for `find_run`.

    A report file is read as it is, and needs no store. Errors are those of `find_run`; a UsageError where the file is
    no report.
    """
    if is_report_file(run):
        return load_report(run)
    folder = _find_folder(str(run), store, None)
    with _other_versions(folder):
        return replace(deserialize_report(read_folder(folder), folder.name), tags=_tags_of(folder))


def find_name(run: str, store: Path | None) -> str:
    """The id of the run of this name: its id or the beginning of one, a tag or `last`; errors are those of `find_run`."""
    return _find_folder(run, store, None).name


def _tags_of(folder: Path) -> tuple[str, ...]:
    """The tags of the run in a folder of a store."""
    return list_tags(folder.name, read_tags(folder.parent.parent))


def is_report_file(run: str | Path) -> bool:
    """Whether the name of a run means a report file, which may be missing; otherwise it is an id or a tag."""
    # Path.is_file raises for a name too long for a file.
    return Path(run).suffix == REPORT_SUFFIX or os.path.isfile(run)  # noqa: PTH113


def _find_folder(name: str, store: Path | None, near: Path | None) -> Path:
    """The folder of the run of this name, in the store or in that next to the suite `near`."""
    folder = store or (suite_folder(near) if near else Path()) / STORE
    names = list_runs(folder)
    if not names:
        raise UsageError(f"the store `{folder}` keeps no run", hint=_suggest_store(store))
    tags = read_tags(folder)
    if name in tags and tags[name] not in names:
        problem = f"the store `{folder}` has no run `{tags[name]}`, which was tagged `{name}`"
        raise UsageError(problem, hint="tag another run: `mqa runs tag RUN TAG`")
    return folder / RUNS / _match_name(tags.get(name, name), names, tags, folder)


@contextmanager
def _other_versions(folder: Path) -> Iterator[None]:
    """Raise a StoreError for files that cannot be read though their checksums are right: another mqa wrote them."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise StoreError(
            f"the stored run `{folder.name}` cannot be read: {type(error).__name__}: {error}",
            hint="read it with the mqa that wrote it, or run the suite again",
        ) from error


def list_runs(store: Path) -> list[str]:
    """The names of the kept runs, the oldest first. Whatever else lies there is not mqa's."""
    try:
        with os.scandir(store / RUNS) as entries:
            names = [one.name for one in entries if _RUN_NAME.fullmatch(one.name) and one.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"the store `{store}` cannot be read: {error.strerror}") from error
    keys = {}
    for name in names:
        with suppress(FileNotFoundError):  # another process dropped it just now
            keys[name] = _sort_key(store / RUNS / name)
    return sorted(keys, key=keys.__getitem__)


def is_whole(run: Path) -> bool:
    """Whether a folder with a run's name has the files that mqa gives every run."""
    return find_json_file(run, RUN).is_file() and (run / CHECKSUMS).is_file()


def _sort_key(run: Path) -> tuple[int, str, int]:
    """By number. Earlier versions of mqa gave none: their runs come first, by date, then by the time of writing."""
    return _sequence_number(run), run.name[:15], run.stat().st_mtime_ns


def _sequence_number(run: Path) -> int:
    if is_special(run / SEQUENCE):
        return 0
    try:
        return int((run / SEQUENCE).read_bytes())
    except (OSError, ValueError):
        return 0


def _match_name(name: str, names: Sequence[str], tags: Iterable[str], store: Path) -> str:
    """The one run that a name means. Names are compared, never made into paths."""
    if name == LAST:
        return names[-1]
    matches = [name] if name in names else [each for each in names if name and each.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = _list_names(matches)
        raise UsageError(f"`{name}` begins the names of {len(matches)} runs: {listed}", hint="write more of it")
    hint = did_you_mean(name, [LAST, *tags, *names]) or f"it has {_list_names(names)}; `{LAST}` is the newest"
    raise UsageError(f"the store `{store}` keeps no run `{name}`", hint=f"{hint}; `mqa runs` lists them")


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(f"`{name}`" for name in reversed(names[-MAX_LISTED:])) + more


def _suite_of(report: object) -> Path | None:
    """The suite that a report file names, where there is a store next to it."""
    suite = report.get("suite") if isinstance(report, dict) else None
    path = suite.get("path") if isinstance(suite, dict) else None
    return Path(path) if isinstance(path, str) and (Path(path).parent / STORE).is_dir() else None


def _suggest_store(store: Path | None) -> str:
    """A hint to a store one folder below."""
    near = sorted(str(path.parent) for path in Path().glob(f"*/{STORE}/{RUNS}")) if store is None else []
    if near:
        return f"did you mean `--store {near[0]}`?"
    return "`mqa run SUITE` keeps one, in the store next to the suite; name another store with `--store DIR`"
