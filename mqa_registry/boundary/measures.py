"""Measures: what metrics, comparisons and probes return, from a score a row to a statistic or one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.boundary.calls import ContributionCall, reject_output, summarize_value
from mqa_registry.contributions import Quantile, Scores, Shortfall, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor

    Floats: TypeAlias = npt.NDArray[np.float64]
    MeasureOutput: TypeAlias = "Floats | npt.NDArray[np.bool_] | Statistic | Quantile | Scores | float"
    ProbeNumbers: TypeAlias = "dict[str, MeasureOutput | Shortfall]"

FORMS = "a measure gives a score for each row, a `Statistic`, a `Quantile`, or one number"


def check_measure_output(contributor: Contributor, output: Any, rows: int | None) -> MeasureOutput:
    """The output of a measure, as the judge reads it; `rows` is how many scores it must have, None for any number.

    Scores become floats, unless they are booleans; those that a masked array hides become NaN.
    """
    if isinstance(output, Statistic):
        return _check_statistic(contributor, output, rows)
    if isinstance(output, Quantile):
        return _check_quantile(contributor, output, rows)
    if isinstance(output, Scores):
        return replace(output, values=_check_scores(contributor, "values", output.values, rows))
    array = _as_real_numbers(contributor, output, FORMS)
    if array.ndim == 1:
        return _check_length(contributor, array, rows, "scores")
    if array.ndim:
        reject_output(contributor, f"gave an array of shape {array.shape}, and scores have one axis", FORMS)
    if array.dtype == bool:
        reject_output(
            contributor,
            f"gave {bool(array)} for all rows together",
            "compare row by row: `predictions.codes == targets.codes`",
        )
    if np.isinf(array) and contributor.kind == "metric":  # what a probe or comparison finds may be beyond any bound
        reject_output(contributor, "gave infinity", "give NaN where a number is undefined")
    return float(array)


def check_grouped_numbers(contributor: Contributor, output: Any, names: Sequence[str]) -> dict[str, ProbeNumbers]:
    """The numbers that a probe computed of each of its groups, of which there is at least one."""
    if not isinstance(output, Mapping) or not output:
        reject_output(
            contributor,
            f"made {summarize_value(output)} of what it observed, and it is `grouped`",
            "`numbers` gives a table of numbers for each group, by its name",
        )
    return {str(group): check_probe_numbers(contributor, one, names) for group, one in output.items()}


def check_probe_numbers(contributor: Contributor, output: Any, names: Sequence[str]) -> ProbeNumbers:
    """The numbers that a probe computed, in the order of its `outputs`."""
    if not isinstance(output, Mapping):
        reject_output(
            contributor,
            f"made {summarize_value(output)} of what it observed, and `numbers` gives a table of numbers by name",
        )
    if lacking := [name for name in names if name not in output]:
        reject_output(contributor, f"made no number `{lacking[0]}` of what it observed")
    measured = {name for name in names if not isinstance(output[name], Shortfall)}
    return {
        name: check_measure_output(contributor, output[name], None)
        if name in measured
        else _check_shortfall(contributor, output[name], measured)
        for name in names
    }


def _check_shortfall(contributor: Contributor, shortfall: Shortfall, measured: Collection[str]) -> Shortfall:
    if shortfall.number not in measured:
        number = summarize_value(shortfall.number)
        reject_output(contributor, f"gave the shortfall of {number}, which is no number that it measured")
    claimed = _as_real_numbers(contributor, shortfall.claimed, "a claim is one number")
    if claimed.ndim or not np.isfinite(claimed):
        reject_output(contributor, f"gave a shortfall of the claim {summarize_value(shortfall.claimed)}")
    return replace(shortfall, claimed=float(claimed))


def _as_real_numbers(contributor: Contributor, output: Any, hint: str) -> npt.NDArray[Any]:
    """An array of real numbers, floats or booleans."""
    with ContributionCall(contributor):  # what is no array may be asked to become one
        hidden = np.ma.getmaskarray(output) if isinstance(output, np.ma.MaskedArray) else None
        try:
            array = np.asarray(output)
        except (ValueError, TypeError):
            array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        reject_output(contributor, f"gave {summarize_value(output)}, and no real numbers", hint)
    if hidden is not None and hidden.any():
        array = np.where(hidden, np.nan, array.astype(np.float64))
    return array if array.dtype == bool else array.astype(np.float64, copy=False)


def _check_length(contributor: Contributor, array: npt.NDArray[Any], rows: int | None, what: str) -> npt.NDArray[Any]:
    if rows is not None and len(array) != rows:
        reject_output(
            contributor, f"gave {len(array):,} {what} for {rows:,} rows", "NaN stands for a row that is ignored"
        )
    return array


def _check_quantile(contributor: Contributor, quantile: Quantile, rows: int | None) -> Quantile:
    values = _as_real_numbers(contributor, quantile.values, "a quantile is of one number a row")
    if values.ndim != 1:
        reject_output(contributor, f"gave a quantile of values of shape {values.shape}, and it is of one value a row")
    if isinstance(quantile.share, bool) or not isinstance(quantile.share, int | float | np.number):
        reject_output(contributor, f"gave a quantile of the share {summarize_value(quantile.share)}")
    if not 0 < quantile.share < 1:
        reject_output(
            contributor,
            f"gave a quantile of the share {quantile.share:g}",
            "the share of a quantile lies between 0 and 1",
        )
    return replace(quantile, values=_check_length(contributor, values.astype(np.float64, copy=False), rows, "values"))


def _check_statistic(contributor: Contributor, statistic: Statistic, rows: int | None) -> Statistic:
    if not callable(statistic.compute):
        reject_output(
            contributor,
            f"gave a statistic with {summarize_value(statistic.compute)} for `compute`, which is no function",
        )
    if not isinstance(statistic.undefined, str):
        reason = summarize_value(statistic.undefined)
        reject_output(contributor, f"gave a statistic that is undefined, since {reason}", "say why in words")
    if not isinstance(statistic.per_group, Mapping):
        reject_output(
            contributor,
            f"gave a statistic with {summarize_value(statistic.per_group)} for `per_group`",
            "`per_group` has scores a row by name",
        )
    return replace(
        statistic,
        compute=_CheckedFunction(contributor, statistic.compute),
        bins=None if statistic.bins is None else _check_bins(contributor, statistic.bins, statistic.n_bins, rows),
        per_group={str(name): _check_scores(contributor, name, one, rows) for name, one in statistic.per_group.items()},
        pairwise=statistic.pairwise and _CheckedFunction(contributor, statistic.pairwise),
    )


def _check_scores(contributor: Contributor, name: object, output: Any, rows: int | None) -> npt.NDArray[Any]:
    array = _as_real_numbers(contributor, output, f"`{name}` is a score for each row")
    if array.ndim != 1:
        reject_output(contributor, f"gave `{name}` as an array of shape {array.shape}, and scores have one axis")
    return _check_length(contributor, array, rows, "scores")


def _check_bins(contributor: Contributor, output: Any, n_bins: Any, rows: int | None) -> npt.NDArray[Any]:
    bins = np.asarray(output)
    if bins.dtype.kind not in "iu" or bins.ndim != 1:
        hint = "each row has the whole number of its bin"
        reject_output(contributor, f"gave bins of {bins.dtype} and shape {bins.shape}", hint)
    if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 1:
        hint = "`n_bins` is how many bins there are"
        reject_output(contributor, f"gave bins and the `n_bins` {summarize_value(n_bins)}", hint)
    if rows is not None and len(bins) != rows:
        hint = "-1 is the bin of a row that is ignored"
        reject_output(contributor, f"gave {len(bins):,} bins for {rows:,} rows", hint)
    if len(bins) and not (bins.min() >= -1 and bins.max() < n_bins):
        wrong = bins.max() if bins.max() >= n_bins else bins.min()
        hint = "bins count from 0, and -1 is that of a row that is ignored"
        reject_output(contributor, f"gave a row the bin {wrong}, of {n_bins} bins", hint)
    return bins if bins.dtype.kind == "i" else bins.astype(np.int64)


@dataclass(frozen=True)
class _CheckedFunction:
    """A statistic's function in ContributionCalls: from counts, shape (..., bins), to numbers, shape (...)."""

    contributor: Contributor
    function: Callable[[Any], Any]

    def __call__(self, counts: Floats) -> Floats:
        read_only = counts.view()
        read_only.flags.writeable = False
        with ContributionCall(self.contributor):
            output = self.function(read_only)
        if type(output) is np.ndarray and output.dtype == np.float64 and output.shape == counts.shape[:-1]:
            return output
        numbers = _as_real_numbers(self.contributor, output, "a statistic gives a number for each row of counts")
        if numbers.shape != counts.shape[:-1]:
            shapes = f"{counts.shape} to shape {numbers.shape}, and {counts.shape[:-1]} is needed"
            reject_output(
                self.contributor, f"takes counts of shape {shapes}", "sum over the last axis alone: `axis=-1`"
            )
        return numbers.astype(np.float64, copy=False)
