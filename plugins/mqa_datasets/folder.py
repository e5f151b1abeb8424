"""Files in a folder, such as images or sound: with a table that has a row for each, or in a folder for each class."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry import DataError, TableSource, counted, did_you_mean, open_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mqa_registry import RunContext

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"  # the column with the path of a row's file
LABEL = "label"  # the column with the name of a row's folder
MAX_LISTED = 3  # files that a message names
PIECE_ROWS = 1 << 14  # whose paths are made at a time
HINT = "`file_name` has the path of a file in the folder, from the folder on"


def rows_in_folder(context: RunContext, *, path: Path, field: str = "file") -> TableSource:
    """Files in a folder, such as images or sound, with a row for each.

    Without a table, each class has a folder in the folder `path`, with the files of its rows: the column `label` of a row
    is the name of that folder, and the rows are in the order of their names. Hidden files are left out.

    A table is `metadata.csv`, `metadata.jsonl` or `metadata.parquet` in the folder `path`, as the `datasets` library has
    it for folders of images and of sound. Its column `file_name` has the path of a row's file, from the folder on; the
    column `field` of the rows has the whole path. Every file must be there, and none may lie outside of the folder.
    """
    metadata = _find_metadata(path)
    table = _list_classes(path) if metadata is None else open_table(metadata)
    folder = path.absolute()
    _check_files(folder, table)

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        for piece in table.read(None if columns is None else {*columns, FILE_NAME}, stop):
            for start in range(0, max(1, len(piece)), PIECE_ROWS):
                yield _with_paths(folder, piece.slice(start, PIECE_ROWS), field, columns)

    return TableSource(read, table.num_rows)


def is_folder_name(name: str) -> bool:
    """Whether a name is that of a folder: such names end in a slash."""
    return name.endswith("/")


def _list_classes(folder: Path) -> TableSource:
    """The files in the folders of a folder, with the names of those as labels; a DataError where there are other files."""
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    outside = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    names = [
        (file.relative_to(folder).as_posix(), name)
        for name in classes
        for file in sorted((folder / name).rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    ]
    if outside or not names:
        raise DataError(
            f"`{folder}` has no table of its files"
            + (f", and `{outside[0]}` is in no folder of a class" if names else ""),
            hint=f"write one as {', '.join(METADATA)}, with a column `{FILE_NAME}`, or put the files of each class into a folder",
        )
    table = pa.table({FILE_NAME: [name for name, _ in names], LABEL: [label for _, label in names]})

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        yield table.slice(0, stop).select([name for name in table.column_names if columns is None or name in columns])

    return TableSource(read, len(table))


def _find_metadata(folder: Path) -> Path | None:
    """The file with the table of a folder, None where there is none; a DataError where there are several."""
    if not folder.is_dir():
        siblings = [entry.name for entry in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise DataError(f"there is no folder `{folder}`", hint=did_you_mean(folder.name, siblings))
    found = [folder / name for name in METADATA if (folder / name).exists()]
    if len(found) > 1:
        raise DataError(
            f"`{folder}` has both `{found[0].name}` and `{found[1].name}`", hint="keep the one that is meant"
        )
    return found[0] if found else None


def _check_files(folder: Path, table: TableSource) -> None:
    """Raise a DataError that counts the files which are not there, and names the first of them."""
    missing: list[str] = []
    n_missing = 0
    inside = _InsideFolder(folder)
    for piece in table.read({FILE_NAME}, None):
        for name in _read_names(folder, piece):
            if not inside.has_file(name):
                n_missing += 1
                missing += [name] if len(missing) < MAX_LISTED else []
    if n_missing:
        names = ", ".join(f"`{name}`" for name in missing)
        are = "is" if n_missing == 1 else "are"
        more = f" and {n_missing - len(missing):,} more" if n_missing > len(missing) else ""
        raise DataError(
            f"{counted(n_missing, 'file')} of the table of `{folder}` {are} not there: {names}{more}", hint=HINT
        )


def _read_names(folder: Path, piece: pa.Table) -> list[str]:
    """The names of the files of some rows; a DataError where the table has none."""
    if FILE_NAME not in piece.column_names:
        raise DataError(f"the table of `{folder}` has no column `{FILE_NAME}`", hint=HINT)
    column = piece.column(FILE_NAME)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) and len(column):
        raise DataError(f"column `{FILE_NAME}` of the table of `{folder}` holds {column.type}, and no names", hint=HINT)
    if column.null_count:
        raise DataError(
            f"the table of `{folder}` has {counted(column.null_count, 'row')} without a `{FILE_NAME}`", hint=HINT
        )
    names: list[str] = column.to_pylist()
    return names


class _InsideFolder:
    """The files inside of a folder, by their names; folders of the files are resolved once each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._checked: set[Path] = set()

    def has_file(self, name: str) -> bool:
        """Whether there is such a file; a DataError where the name leads out of the folder, by a link too."""
        relative = Path(name)
        if relative.is_absolute() or ".." in relative.parts or "\0" in name:
            raise self._refuse(name)
        path = self._folder / relative
        if path.parent not in self._checked:
            self._check_inside(path.parent, name)
            self._checked.add(path.parent)
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self._check_inside(path, name)
                mode = path.stat().st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode)

    def _check_inside(self, path: Path, name: str) -> None:
        if not Path(os.path.realpath(path)).is_relative_to(self._root):
            raise self._refuse(name)

    def _refuse(self, name: str) -> DataError:
        return DataError(f"the file `{name}` of the table of `{self._folder}` lies outside of the folder", hint=HINT)


def _with_paths(folder: Path, piece: pa.Table, field: str, columns: Collection[str] | None) -> pa.Table:
    """Some rows with the whole path of each one's file as the column `field`, and those of the other columns that are asked for."""
    if field in piece.column_names and field != FILE_NAME:
        raise DataError(
            f"the table of `{folder}` has a column `{field}` of its own",
            hint='name another for the paths: `field = "..."`',
        )
    paths = pa.array([str(folder / name) for name in _read_names(folder, piece)], pa.string())
    names = [name for name in piece.column_names if columns is None or name in columns]
    kept = piece.select([name for name in names if name != field])
    return kept.append_column(field, paths) if columns is None or field in columns else kept
