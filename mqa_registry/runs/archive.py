"""The archive of finished runs in a store: each a folder, written whole or not at all, and found by its name.

`SHA256SUMS` in each folder has the digest of every file, in the form that `sha256sum -c` reads.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, UsageError
from mqa_registry.files import atomic_folder, is_special, remove_folder
from mqa_registry.naming import did_you_mean
from mqa_registry.reports.report_file import load_report, read_report
from mqa_registry.run_options import STORE
from mqa_registry.runs.serialization import RUN, deserialize_record, deserialize_report, serialize_record
from mqa_registry.runs.tags import LAST, read_tags
from mqa_registry.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.reports import Report
    from mqa_registry.runs.record import Record

MAX_BYTES = 2_000_000_000  # of all kept runs without a tag together; the newest is kept at any size
MAX_LISTED = 5  # names that an error lists
SEQUENCE = "sequence"  # the file of a run with its number: clocks may go back, and dates are no order
CHECKSUMS = "SHA256SUMS"
_RUN_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def keep_run(store: Path, record: Record) -> None:
    """Keep a finished run, and drop the oldest of those without a tag where they are too large together.

    Raises a StoreError where it cannot be written.
    """
    folder = store / RUNS / record.run
    earlier = list_runs(store)
    number = 1 + max((_sequence_number(store / RUNS / name) for name in earlier), default=0)
    write_folder(folder, {**serialize_record(record, folder), SEQUENCE: str(number).encode()})
    bytes_left = MAX_BYTES - folder_size(folder)
    tagged = set(read_tags(store).values())
    for name in reversed(earlier):
        other = store / RUNS / name
        if name not in tagged:
            bytes_left -= folder_size(other)
            if bytes_left < 0 and is_whole(other):
                drop_folder(other)


def find_run(run: str | Path, store: Path | None, suite: Path | None) -> Record:
    """Read the run of this name: its id or the beginning of one, `last`, or a report file.

    `store` is where to look; left out, the store next to the suite, or in the current folder. Raises a UsageError where
    the name means no run or several, a StoreError where the run is damaged.
    """
    name, near = str(run), suite
    if _is_report_file(run):
        report = read_report(run)
        name, near = str(report.get("run")), suite or _suite_of(report)
    folder = _find_folder(name, store, near)
    with _other_versions(folder):
        return deserialize_record(read_folder(folder), folder)


def find_report(run: str | Path, store: Path | None) -> Report:
    """The report of a run as it was when the run ended: `run` and `store` are as for `find_run`.

    A report file is read as it is, and needs no store. Errors are those of `find_run`; a UsageError where the file is
    no report.
    """
    if _is_report_file(run):
        return load_report(run)
    folder = _find_folder(str(run), store, None)
    with _other_versions(folder):
        return deserialize_report(read_folder(folder), folder.name)


def find_name(run: str, store: Path | None) -> str:
    """The id of the run of this name: its id or the beginning of one, a tag or `last`; errors are those of `find_run`."""
    return _find_folder(run, store, None).name


def _is_report_file(run: str | Path) -> bool:
    # Path.is_file raises for a name too long for a file.
    return Path(run).suffix == ".json" or os.path.isfile(run)  # noqa: PTH113


def _find_folder(name: str, store: Path | None, near: Path | None) -> Path:
    """The folder of the run of this name, in the store or in that next to the suite `near`."""
    folder = store or (near.parent if near else Path()) / STORE
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
        runs = [path for path in (store / RUNS).iterdir() if _is_run(path)]
        return [path.name for path in sorted(runs, key=_sort_key)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"the store `{store}` cannot be read: {error.strerror}") from error


def _is_run(path: Path) -> bool:
    """Whether this is a folder with a run's name."""
    return _RUN_NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


def is_whole(run: Path) -> bool:
    """Whether a folder with a run's name has the files that mqa gives every run."""
    return (run / RUN).is_file() and (run / CHECKSUMS).is_file()


def _sort_key(run: Path) -> tuple[int, str, int]:
    """By number. Earlier versions of mqa gave none: their runs come first, by date, then by the time of writing."""
    return _sequence_number(run), run.name[:15], run.stat().st_mtime_ns


def _sequence_number(run: Path) -> int:
    if is_special(run / SEQUENCE):
        return 0
    try:
        return int((run / SEQUENCE).read_text("utf-8"))
    except (OSError, ValueError):
        return 0


def folder_size(run: Path) -> int:
    """The bytes of the files in a folder."""
    try:
        return sum(file.stat().st_size for file in run.iterdir())
    except FileNotFoundError:  # another process dropped it just now
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


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files and their checksums: all of it, or nothing. Raises a StoreError."""
    message = f"the run `{folder.name}` could not be kept in `{folder.parent}`"
    with _store_errors(message), atomic_folder(folder) as draft:
        for name, content in {**files, CHECKSUMS: _checksums(files)}.items():
            (draft / name).write_bytes(content)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name, as they were written. Raises a StoreError where one is damaged or missing."""
    with _store_errors(f"the stored run `{folder}` cannot be read"):
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    if files.pop(CHECKSUMS, None) != _checksums(files):
        raise StoreError(
            f"the stored run `{folder.name}` is damaged: its files are not those whose digests are in `{CHECKSUMS}`",
            hint=f"run the suite again, with the predictions that are cached, and remove `{folder}`",
        )
    return files


def drop_folder(folder: Path) -> None:
    """Remove a folder at once; no part of it is ever seen under its name. Raises a StoreError."""
    with _store_errors(f"the stored run `{folder}` cannot be removed"):
        remove_folder(folder)


def _checksums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


@contextmanager
def _store_errors(message: str) -> Iterator[None]:
    """Raise a StoreError for an OSError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{message}: {(error.strerror or str(error)).lower()}",
            hint="predictions stay cached; free some space, or name another folder with `--store DIR`",
        ) from error
