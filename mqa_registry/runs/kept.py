"""What a store keeps of finished runs: the newest of them, each a folder of its own, found by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, UsageError
from mqa_registry.options import did_you_mean
from mqa_registry.report import read_json
from mqa_registry.runs.asked import STORE
from mqa_registry.runs.folder import drop_folder, read_folder, sweep, write_folder
from mqa_registry.runs.packing import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.runs.record import Record

MOST = 20  # runs that a store keeps; an older one goes as a newer one comes
FOLDER = "runs"
LAST = "last"
SHOWN = 5  # names that an error lists


def keep(store: Path, record: Record) -> None:
    """Keep a finished run, and drop the oldest ones where there are too many."""
    place = store / FOLDER / record.run
    write_folder(place, packed(record, place))
    sweep(place.parent)
    for name in _names(store)[:-MOST]:
        drop_folder(store / FOLDER / name)


def find(run: str | Path, store: Path | None, suite: Path | None) -> Record:
    """The run of this name: its id or the beginning of one, `last`, or a report file.

    It is looked for in `store`; left out, in the store beside the suite, or the current folder. UsageError where the
    name means no run or several, StoreError where it is damaged.
    """
    file = Path(run)
    name, beside = str(run), suite
    if file.suffix == ".json" or os.path.isfile(file):  # noqa: PTH113  # Path.is_file raises for a name too long for a file
        report = read_json(file)
        name, beside = str(report.get("run")), suite or _suite_of(report)
    place = store or (beside.parent if beside else Path()) / STORE
    names = _names(place)
    if not names:
        raise UsageError(f"the store `{place}` keeps no run", hint=_elsewhere(store))
    found = place / FOLDER / _meant(name, names, place)
    try:
        return unpacked(read_folder(found), found)
    except (ValueError, LookupError, TypeError) as error:  # its sums are right: another mqa wrote it
        raise StoreError(
            f"the stored run `{found.name}` cannot be read: {type(error).__name__}: {error}",
            hint="read it with the mqa that wrote it, or run the suite again",
        ) from error


def _names(store: Path) -> list[str]:
    """The runs that are kept, the oldest first; of one second, as their folders were made."""
    try:
        runs = [path for path in (store / FOLDER).iterdir() if path.is_dir() and not path.name.startswith(".")]
        return [path.name for path in sorted(runs, key=lambda path: (path.name[:15], path.stat().st_mtime_ns))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"the store `{store}` cannot be read: {error.strerror}") from error


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
    near = sorted(str(path.parent) for path in Path().glob(f"*/{STORE}/{FOLDER}")) if store is None else []
    if near:
        return f"did you mean `--store {near[0]}`?"
    return "`mqa run SUITE` keeps one, in the store beside the suite; name another store with `--store DIR`"
