"""What a store keeps of finished runs: the newest of them, each a folder of its own, found by name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.atomic import remove_stale_drafts
from mqa_registry.errors import StoreError, UsageError
from mqa_registry.formats import is_special
from mqa_registry.naming import did_you_mean
from mqa_registry.reports import read_report
from mqa_registry.run_options import STORE
from mqa_registry.runs.folder import SUMS, drop_folder, read_folder, write_folder
from mqa_registry.runs.packing import RUN, packed, unpacked
from mqa_registry.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.runs.record import Record

MOST = 20  # runs that a store keeps; an older one goes as a newer one comes
MOST_BYTES = 2_000_000_000  # that all kept runs together may take; the newest is kept whatever it takes
LAST = "last"
SHOWN = 5  # names that an error lists
SEQUENCE = "sequence"  # the file of a run that numbers it: clocks may go back, and dates are no order
_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def keep(store: Path, record: Record) -> None:
    """Keep a finished run, and drop the oldest ones where they are too many, or too large together."""
    place = store / RUNS / record.run
    before = _names(store)
    number = 1 + max((_sequence(store / RUNS / name) for name in before), default=0)
    write_folder(place, {**packed(record, place), SEQUENCE: str(number).encode()})
    remove_stale_drafts(place.parent)
    room = MOST_BYTES - _size(place)
    for kept, name in enumerate(reversed(before), start=2):
        folder = store / RUNS / name
        room -= _size(folder)
        if (kept > MOST or room < 0) and _is_whole(folder):
            drop_folder(folder)


def find(run: str | Path, store: Path | None, suite: Path | None) -> Record:
    """The run of this name: its id or the beginning of one, `last`, or a report file.

    It is looked for in `store`; left out, in the store beside the suite, or the current folder. UsageError where the
    name means no run or several, StoreError where it is damaged.
    """
    file = Path(run)
    name, beside = str(run), suite
    if file.suffix == ".json" or os.path.isfile(file):  # noqa: PTH113  # Path.is_file raises for a name too long for a file
        report = read_report(file)
        name, beside = str(report.get("run")), suite or _suite_of(report)
    place = store or (beside.parent if beside else Path()) / STORE
    names = _names(place)
    if not names:
        raise UsageError(f"the store `{place}` keeps no run", hint=_elsewhere(store))
    found = place / RUNS / _meant(name, names, place)
    try:
        return unpacked(read_folder(found), found)
    except (ValueError, LookupError, TypeError) as error:  # its sums are right: another mqa wrote it
        raise StoreError(
            f"the stored run `{found.name}` cannot be read: {type(error).__name__}: {error}",
            hint="read it with the mqa that wrote it, or run the suite again",
        ) from error


def _names(store: Path) -> list[str]:
    """The runs that are kept, in the order in which they were. Whatever else lies beside them is nobody's to touch."""
    try:
        runs = [path for path in (store / RUNS).iterdir() if _is_run(path)]
        return [path.name for path in sorted(runs, key=_order)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"the store `{store}` cannot be read: {error.strerror}") from error


def _is_run(path: Path) -> bool:
    """Whether this is a folder with a run's name."""
    return _NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


def _is_whole(run: Path) -> bool:
    """Whether a folder with a run's name has the files that mqa gives every run."""
    return (run / RUN).is_file() and (run / SUMS).is_file()


def _order(run: Path) -> tuple[int, str, int]:
    """By number; runs of an mqa that numbered none come first, by date, those of one second as they were written."""
    return _sequence(run), run.name[:15], run.stat().st_mtime_ns


def _sequence(run: Path) -> int:
    if is_special(run / SEQUENCE):
        return 0
    try:
        return int((run / SEQUENCE).read_text("utf-8"))
    except (OSError, ValueError):
        return 0


def _size(run: Path) -> int:
    try:
        return sum(file.stat().st_size for file in run.iterdir())
    except FileNotFoundError:  # another process dropped it just now
        return 0


def _meant(name: str, names: Sequence[str], store: Path) -> str:
    """The one run that a name means. Names are compared, never made into paths."""
    if name == LAST:
        return names[-1]
    found = [name] if name in names else [each for each in names if name and each.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"`{name}` begins the names of {len(found)} runs: {_listed(found)}", hint="write more of it")
    hint = did_you_mean(name, [LAST, *names]) or f"it has {_listed(names)}; `{LAST}` is the newest"
    raise UsageError(f"the store `{store}` keeps no run `{name}`", hint=f"{hint} (a store keeps the {MOST} newest)")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"`{name}`" for name in reversed(names[-SHOWN:])) + more


def _suite_of(report: object) -> Path | None:
    """The suite that a report file names, where it can be found from here."""
    suite = report.get("suite") if isinstance(report, dict) else None
    path = suite.get("path") if isinstance(suite, dict) else None
    return Path(path) if isinstance(path, str) and (Path(path).parent / STORE).is_dir() else None


def _elsewhere(store: Path | None) -> str:
    """A hint to stores that lie one folder below."""
    near = sorted(str(path.parent) for path in Path().glob(f"*/{STORE}/{RUNS}")) if store is None else []
    if near:
        return f"did you mean `--store {near[0]}`?"
    return "`mqa run SUITE` keeps one, in the store beside the suite; name another store with `--store DIR`"
