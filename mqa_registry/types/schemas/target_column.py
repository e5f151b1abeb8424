"""The column of targets in a data set, and how its rows are named in messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.tables.unreadable import UnreadableType

if TYPE_CHECKING:
    from mqa_registry.types.labels import Unreadable
    from mqa_registry.types.rows import Rows

TARGET = "target"
VALUE_LENGTH = 60  # characters of a value that a message has room for


@dataclass(frozen=True)
class TargetColumn:
    """The column `target` of the rows of the data set `data`."""

    rows: Rows
    data: str

    @classmethod
    def find(cls, rows: Rows, data: str) -> TargetColumn:
        """The column; a DataError where there is none, or one that cannot be read."""
        if TARGET not in rows.table.column_names:
            raise DataError(
                f"the data set `{data}` has no column `target`, and a metric needs one",
                hint='map the column with the right answers: `columns = { target = "..." }`',
            )
        found = cls(rows, data)
        if isinstance(found.values.type, UnreadableType):
            raise DataError(f"column `{TARGET}` of the data set `{data}` holds {found.values.type}")
        return found

    @property
    def values(self) -> pa.ChunkedArray:
        """The targets, one a row."""
        return self.rows.table.column(TARGET)

    def cast(self, kind: pa.DataType, schema: str) -> pa.ChunkedArray:
        """The targets in the Arrow type that a schema needs; a DataError where they do not fit."""
        try:
            return self.values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column `target` of the data set `{self.data}` holds {self.values.type}, and schema `{schema}` needs {kind}"
            ) from error

    def position(self, row: int) -> str:
        """A row as a person finds it in the data: its number from 1 up, since an id may be a hash."""
        number = self.rows.numbers[row] if self.rows.numbers is not None else row + 1
        return f"row {number:,} of the data set `{self.data}`"

    def refuse(self, row: int, label: Unreadable) -> DataError:
        """The error that the label of a row is no class, or could be several."""
        message = f"{self.position(row)} has the label {shortened(label.label)}, {label.reason}"
        return DataError(message, hint=label.hint)


def shortened(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = str(value)
    return f"`{text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 3] + '...'}`"
