"""The order of the labels: whether the predictions would fit the targets far better under the classes' names swapped.

A model whose `id2label` was lost or sorted, or data whose labels are numbered in another order, gives a low accuracy
that says nothing of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import Metric
from mqa_registry.findings import Finding
from mqa_registry.judging.result import Verdict
from mqa_registry.judging.samples import SampleCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.judging.result import Result
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Plan

MIN_GAIN = 0.2  # share of the rows that another order has to fit in addition
MIN_KAPPA = 0.4  # Cohen's, that it has to reach: a constant prediction, renamed to the usual target, has 0
MAX_CLASSES = 1000  # the best of all orders is sought among so many; the time grows with their cube
MAX_NAMED_PAIRS = 5  # pairs of classes that a finding names


def find_label_order(plan: Plan, observations: Observations, results: Sequence[Result]) -> Iterator[Finding]:
    """A warning for every backend and data set whose labels would fit far better in another order; pure.

    Predictions of unperturbed rows are looked at, where some metric of them was not shown to hold. The order has to fit
    more rows by a fifth of them than the one at hand, by more than chance gives the best of all orders.
    """
    cache = SampleCache(observations)
    pairs = zip(plan.cases, results, strict=True)
    doubtful = [case for case, result in pairs if result.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}]
    metrics = [case for case in doubtful if isinstance(case.check.measure.contribution, Metric)]
    for view in dict.fromkeys(view for case in metrics for view in case.views if not view.rows.perturb):
        observed = observations.views[view]
        if observed.predictions is None or observed.predictions.schema != "label":
            continue
        try:
            sample = cache.sample(view, "required")
        except Exception:  # noqa: S112 - targets that do not fit are reported by the checks that read them
            continue
        assert sample.targets is not None
        better = find_better_order(sample.predictions.codes, sample.targets.codes, len(sample.predictions.classes))
        if better is not None:
            now, then, order = better
            yield Finding(
                "warning",
                f"{view.rows.data} on {view.backend}",
                f"another order of the labels would fit {100 * then:.0f} % of the rows, and this one fits {100 * now:.0f} %",
                _suggest_fix(sample.predictions.classes, order, view.rows.data),
            )


def find_better_order(
    predicted: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], classes: int
) -> tuple[float, float, Sequence[int]] | None:
    """The shares of rows that fit now and in the best order, and for every class the one that it would be.

    `predicted` and `targets` have a class for every row, shape (rows,). None where no order is far better.
    """
    from scipy.optimize import linear_sum_assignment

    rows = len(targets)
    if rows == 0 or not 1 < classes <= MAX_CLASSES:
        return None
    table = np.bincount(predicted * classes + targets, minlength=classes * classes).reshape(classes, classes)
    _, order = linear_sum_assignment(table, maximize=True)
    now, then = float(np.trace(table)) / rows, float(table[np.arange(classes), order].sum()) / rows
    chance = float((table.sum(axis=1)[np.argsort(order)] * table.sum(axis=0)).sum()) / rows**2
    # Hoeffding's bound at 95 % for the best of classes! orders, of which chance alone may favour one.
    slack = float(np.sqrt((np.log(20) + np.log(np.arange(1, classes + 1)).sum()) / (2 * rows)))
    kappa = (then - chance) / (1 - chance) if chance < 1 else 0.0
    if then - slack <= max(now, chance) or then < now + MIN_GAIN or kappa < MIN_KAPPA:
        return None
    return now, then, order.tolist()


def _suggest_fix(classes: Sequence[str], order: Sequence[int], data: str) -> str:
    """What to look at, and which classes stand for which."""
    moved = [(name, classes[order[code]]) for code, name in enumerate(classes) if order[code] != code]
    pairs = ", ".join(f"`{name}` where the data say `{other}`" for name, other in moved[:MAX_NAMED_PAIRS])
    more = f", and {len(moved) - MAX_NAMED_PAIRS} more" if len(moved) > MAX_NAMED_PAIRS else ""
    return (
        f"look at `id2label` of the model and at how the data number their labels; the model says {pairs}{more}."
        f" `labels` in `[data.{data}]`, or in `[model]`, says which is which"
    )
