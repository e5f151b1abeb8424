"""What measures give: scores a row, a statistic, a quantile or one number; anything else is refused under their name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.boundary.calls import calling, refuse
from mqa_registry.contributions import Quantile, Scores, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor

    Floats: TypeAlias = npt.NDArray[np.float64]
    Answer: TypeAlias = "Floats | npt.NDArray[np.bool_] | Statistic | Quantile | Scores | float"

SHOWN = 60  # characters of a value that a message repeats
FORMS = "a measure gives a score for each row, a `Statistic`, a `Quantile`, or one number"


def checked_measure(who: Contributor, given: Any, rows: int | None) -> Answer:
    """What a measure gave for so many rows, as the judge reads it; `rows` is None where any number of scores will do.

    Scores become floats, but for booleans; those that a masked array hides have no say.
    """
    if isinstance(given, Statistic):
        return _statistic(who, given, rows)
    if isinstance(given, Quantile):
        return _quantile(who, given, rows)
    if isinstance(given, Scores):
        return replace(given, values=_shown(who, "values", given.values, rows))
    array = _numbers(who, given, FORMS)
    if array.ndim == 1:
        return _of_rows(who, array, rows, "scores")
    if array.ndim:
        refuse(who, f"gave an array of shape {array.shape}, and scores have one axis", FORMS)
    if array.dtype == bool:
        refuse(
            who, f"gave {bool(array)} for all rows together", "compare row by row: `predictions.codes == targets.codes`"
        )
    if np.isinf(array) and who.kind == "metric":  # what a probe or comparison finds may be beyond any bound
        refuse(who, "gave infinity", "give NaN where a number is undefined")
    return float(array)


def checked_numbers(who: Contributor, given: Any, names: Sequence[str]) -> dict[str, Answer]:
    """What a probe's `numbers` gave, in the order in which the probe names them."""
    if not isinstance(given, Mapping):
        refuse(who, f"made {spelled(given)} of what it saw, and `numbers` gives a table of numbers by name")
    if lacking := [name for name in names if name not in given]:
        refuse(who, f"made no number `{lacking[0]}` of what it saw")
    return {name: checked_measure(who, given[name], None) for name in names}


def spelled(value: Any) -> str:
    """A value with its type, cut short; whatever its `__repr__` does."""
    try:
        text = repr(value)
    except BaseException:
        text = ""
    text = text.encode("ascii", "backslashreplace").decode().partition("\n")[0]
    kind = type(value).__name__
    if value is None or not text or text.startswith("<"):  # which has an address in it, or less
        return "None" if value is None else f"a `{kind}`"
    return f"{text[:SHOWN]} ({kind})"


def _numbers(who: Contributor, given: Any, hint: str) -> npt.NDArray[Any]:
    """An array of real numbers, floats or booleans."""
    with calling(who):  # what is no array may be asked to become one
        hidden = np.ma.getmaskarray(given) if isinstance(given, np.ma.MaskedArray) else None
        try:
            array = np.asarray(given)
        except (ValueError, TypeError):
            array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        refuse(who, f"gave {spelled(given)}, and no real numbers", hint)
    if hidden is not None and hidden.any():
        array = np.where(hidden, np.nan, array.astype(np.float64))
    return array if array.dtype == bool else array.astype(np.float64, copy=False)


def _of_rows(who: Contributor, array: npt.NDArray[Any], rows: int | None, what: str) -> npt.NDArray[Any]:
    if rows is not None and len(array) != rows:
        refuse(who, f"gave {len(array):,} {what} for {rows:,} rows", "NaN stands for a row that has no say")
    return array


def _quantile(who: Contributor, quantile: Quantile, rows: int | None) -> Quantile:
    values = _numbers(who, quantile.values, "a quantile is of one number a row")
    if values.ndim != 1:
        refuse(who, f"gave a quantile of values of shape {values.shape}, and it is of one value a row")
    if isinstance(quantile.share, bool) or not isinstance(quantile.share, int | float | np.number):
        refuse(who, f"gave a quantile of the share {spelled(quantile.share)}")
    if not 0 < quantile.share < 1:
        refuse(who, f"gave a quantile of the share {quantile.share:g}", "the share of a quantile lies between 0 and 1")
    return replace(quantile, values=_of_rows(who, values.astype(np.float64, copy=False), rows, "values"))


def _statistic(who: Contributor, statistic: Statistic, rows: int | None) -> Statistic:
    if not callable(statistic.of):
        refuse(who, f"gave a statistic of {spelled(statistic.of)}, which is no function")
    if not isinstance(statistic.undefined, str):
        refuse(who, f"gave a statistic that is undefined, since {spelled(statistic.undefined)}", "say why in words")
    cells = None if statistic.cells is None else _cells(who, statistic.cells, statistic.size, rows)
    if not isinstance(statistic.shown, Mapping):
        refuse(who, f"shows {spelled(statistic.shown)}, and `shown` has scores a row by name")
    shown = {str(name): _shown(who, name, scores, rows) for name, scores in statistic.shown.items()}
    spread = statistic.spread and _Checked(who, statistic.spread)
    return replace(statistic, of=_Checked(who, statistic.of), cells=cells, shown=shown, spread=spread)


def _shown(who: Contributor, name: object, scores: Any, rows: int | None) -> npt.NDArray[Any]:
    array = _numbers(who, scores, f"`{name}` is shown as a score for each row")
    if array.ndim != 1:
        refuse(who, f"shows `{name}` with an array of shape {array.shape}, and scores have one axis")
    return _of_rows(who, array, rows, "scores")


def _cells(who: Contributor, given: Any, size: Any, rows: int | None) -> npt.NDArray[np.int64]:
    cells = np.asarray(given)
    if cells.dtype.kind not in "iu" or cells.ndim != 1:
        refuse(who, f"gave cells of {cells.dtype} and shape {cells.shape}", "each row has the whole number of its cell")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        refuse(who, f"gave cells and the `size` {spelled(size)}", "`size` is how many cells there are")
    if rows is not None and len(cells) != rows:
        refuse(who, f"gave {len(cells):,} cells for {rows:,} rows", "-1 is the cell of a row that has no say")
    if len(cells) and not (cells.min() >= -1 and cells.max() < size):
        wrong = cells.max() if cells.max() >= size else cells.min()
        refuse(
            who, f"gave a row the cell {wrong}, of {size} cells", "cells count from 0, and -1 is of a row without a say"
        )
    return cells.astype(np.int64, copy=False)


@dataclass(frozen=True)
class _Checked:
    """A statistic's function, called across the boundary: counts of shape (..., cells) to numbers of shape (...)."""

    who: Contributor
    function: Callable[[Any], Any]

    def __call__(self, counts: Floats) -> Floats:
        handed = counts.view()
        handed.flags.writeable = False
        with calling(self.who):
            given = self.function(handed)
        if type(given) is np.ndarray and given.dtype == np.float64 and given.shape == counts.shape[:-1]:
            return given
        numbers = _numbers(self.who, given, "a statistic gives a number for each row of counts")
        if numbers.shape != counts.shape[:-1]:
            shapes = f"{counts.shape} to shape {numbers.shape}, and {counts.shape[:-1]} is needed"
            refuse(self.who, f"takes counts of shape {shapes}", "sum over the last axis alone: `axis=-1`")
        return numbers.astype(np.float64, copy=False)
