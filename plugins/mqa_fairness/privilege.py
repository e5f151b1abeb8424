"""How others fare against a privileged group, with the signed definitions of AIF360."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_fairness.rates import ODDS, SELECTION, TRUE_POSITIVE, Rate, quotient, shown
from mqa_fairness.tables import Tables
from mqa_registry import NotRunError, Statistic, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_fairness.tables import Floats, Groups, Ints
    from mqa_registry import Predictions, Targets

    Pair: TypeAlias = tuple[Floats, Floats]  # a rate of the others, and of the privileged


def statistical_parity_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The selection rate of others less that of the privileged group, as AIF360 defines it.

    From -1 to 1; below 0 the others are worse off. It is of the answers, not the data. `privileged` is the name of a
    group, as `by` makes it. `unprivileged` is another group; left out, it is all rows of other groups that are not in
    the privileged one. `positive` is the favourable class, the second of two unless it is named.
    """
    sides = _sides(groups, privileged, unprivileged)
    return _held(predictions, targets, sides, (SELECTION,), _difference, positive=positive)


def disparate_impact(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The selection rate of others by that of the privileged group, as AIF360 defines it.

    From 0 up, 1 for equal rates; below 1 the others are worse off. It is of the answers, not the data. `privileged`,
    `unprivileged` and `positive` are as for `fairness/statistical-parity-difference`. Undefined where no row of the
    privileged group is answered so.
    """
    sides = _sides(groups, privileged, unprivileged)
    return _held(predictions, targets, sides, (SELECTION,), _ratio, positive=positive)


def true_positive_rate_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The true positive rate of others less that of the privileged group, as AIF360 defines it.

    From -1 to 1; below 0 the others are worse off. AIF360 calls it equal opportunity difference too. `privileged`,
    `unprivileged` and `positive` are as for `fairness/statistical-parity-difference`.
    """
    sides = _sides(groups, privileged, unprivileged)
    return _held(predictions, targets, sides, (TRUE_POSITIVE,), _difference, positive=positive)


def average_odds_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The signed mean by which others' false and true positive rates exceed the privileged group's (AIF360).

    From -1 to 1; signed, so that the two may cancel. `privileged`, `unprivileged` and `positive`
    are as for `fairness/statistical-parity-difference`.
    """
    sides = _sides(groups, privileged, unprivileged)
    return _held(predictions, targets, sides, ODDS, _difference, positive=positive)


def average_abs_odds_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The mean distance of others' false and true positive rates from the privileged group's (AIF360).

    From 0 to 1. `privileged`, `unprivileged` and `positive` are as for
    `fairness/statistical-parity-difference`.
    """
    sides = _sides(groups, privileged, unprivileged)
    return _held(predictions, targets, sides, ODDS, _distance, positive=positive)


def _difference(others: Floats, privileged: Floats) -> Floats:
    return others - privileged


def _distance(others: Floats, privileged: Floats) -> Floats:
    return np.abs(others - privileged)


def _ratio(others: Floats, privileged: Floats) -> Floats:
    return quotient(others, privileged)


def _held(
    predictions: Predictions,
    targets: Targets,
    sides: Groups,
    rates: tuple[Rate, ...],
    compare: Callable[[Floats, Floats], Floats],
    *,
    positive: str | None,
) -> Statistic:
    """The mean over rates of one side held against the other."""
    code = positive_class(predictions.classes, positive)
    tables = Tables.of(predictions, targets, sides, [code])

    def of(counts: Floats) -> Floats:
        (each,) = tables.by_group(counts)
        found = [compare(*np.moveaxis(rate.of(each), -1, 0)) for rate in rates]
        return np.asarray(np.mean(found, axis=0))

    beside = shown(predictions, targets, {code: predictions.classes[code]}, rates)
    return Statistic(of, tables.cells, tables.size, _undefined(tables, rates, of), beside)


def _sides(groups: Groups, privileged: str, unprivileged: str | None) -> dict[str, Ints]:
    """The rows of the two sides; NotRunError where one of them is no group with enough rows."""
    for name in (privileged, *([unprivileged] if unprivileged is not None else ())):
        if name not in groups:
            raise NotRunError(f"`{name}` is none of the groups with enough rows", hint=f"they are {_listed([*groups])}")
    if privileged == unprivileged:
        raise NotRunError(f"`{privileged}` cannot be held against itself", hint="name two groups")
    others = [unprivileged] if unprivileged is not None else [name for name in groups if name != privileged]
    rows = np.setdiff1d(np.concatenate([groups[name] for name in others]), groups[privileged])
    if not len(rows):
        raise NotRunError(f"every row of {_listed(others)} is in `{privileged}` too")
    return {" and ".join(others): rows, privileged: groups[privileged]}


def _undefined(tables: Tables, rates: Sequence[Rate], of: Callable[[Floats], Floats]) -> str:
    if not np.isnan(of(tables.counts)):
        return ""
    (each,) = tables.by_group(tables.counts)
    for rate in rates:
        lacking = np.flatnonzero(np.isnan(rate.of(each)))
        if len(lacking):
            return rate.without.format(tables.groups[lacking[0]])
    return f"no row of `{tables.groups[1]}` is answered as positive"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
