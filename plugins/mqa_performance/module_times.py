"""Module times: which modules of the model a run spends its time in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.benchmark import make_batches, sample_rows
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_performance.benchmark import Batch
    from mqa_registry import ProbeContext, Timeable

    Floats = npt.NDArray[np.float64]

MAX_LISTED_MODULES = 10  # in the evidence, the slowest
SCHEMA = pa.schema(
    [("run", pa.int64()), ("module", pa.string()), ("class", pa.string()), ("milliseconds", pa.float64())],
)


def modules(
    context: ProbeContext,
    *,
    batch: Annotated[int, Ge(1), Le(4096)] = 8,
    warmup: Annotated[int, Ge(0)] = 3,
    repetitions: Annotated[int, Ge(1)] = 20,
    rows: Annotated[int, Ge(1)] = 8,
) -> pa.Table:
    """Milliseconds that each PyTorch module takes by itself: `covered` is the share of the time that has a module.

    What the modules inside of it take is not a module's own. `largest` is the share of the slowest module, `total_ms` the
    time of a whole run, which the clocks make longer: `latency` tells what it is without. `batch` is how many rows are
    run at once, `warmup` how many runs of each batch come before the first that counts, `repetitions` how many count.
    `rows` is how many rows of the data are drawn to run.
    """
    runner = context.view.runner
    if not (hasattr(runner, "time_modules") and hasattr(runner, "class_name")):
        raise NotRunError(f"backend `{context.view.backend}` does not say how long a module takes")
    batches = make_batches(context, sample_rows(context, rows), batch)
    times = list(_iter_times(cast("Timeable", runner), batches, warmup, repetitions))
    if not times:
        raise NotRunError(f"backend `{context.view.backend}` took the time of no module")
    return pa.Table.from_pylist(times, schema=SCHEMA)


def module_numbers(observations: pa.Table) -> dict[str, Floats]:
    """Of each run, the share of its time that has a module, that of the slowest, and its milliseconds."""
    times = _pivot(observations)
    return {
        "covered": times.shares.sum(axis=1),
        "largest": times.shares[:, times.slowest_first[:1]].sum(axis=1),
        "total_ms": times.total,
    }


def module_evidence(observations: pa.Table) -> dict[str, Any]:
    """The slowest modules, with the median of their milliseconds and the mean of their shares of a run's time."""
    times = _pivot(observations)
    slowest = [
        {
            "module": times.names[column],
            "class": times.classes[column],
            "ms": round(float(times.medians[column]), 4),
            "share": round(float(times.shares[:, column].mean()), 4),
        }
        for column in times.slowest_first[:MAX_LISTED_MODULES]
    ]
    return {"modules": slowest, "remarks": [_remark(slowest)]}


@dataclass(frozen=True)
class _ModuleTimes:
    """Milliseconds of modules, shape (runs, modules), and of whole runs, with what has no module, shape (runs,)."""

    names: Sequence[str]
    classes: Sequence[str]
    milliseconds: Floats
    total: Floats

    @cached_property
    def shares(self) -> Floats:
        """Of the time of each run, shape (runs, modules)."""
        total, undefined = self.total[:, None], np.full(self.milliseconds.shape, np.nan)
        shares: Floats = np.divide(self.milliseconds, total, out=undefined, where=total > 0)
        return shares

    @cached_property
    def medians(self) -> Floats:
        """Of the milliseconds of each module: a few runs with a hiccup make no module slow."""
        medians: Floats = np.median(self.milliseconds, axis=0)
        return medians

    @cached_property
    def slowest_first(self) -> npt.NDArray[np.intp]:
        """The columns of the modules by their medians."""
        return np.argsort(-self.medians, kind="stable")


def _iter_times(runner: Timeable, batches: Sequence[Batch], warmup: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """One row for each module and run; a module that one batch passes and another does not has none in the other's runs."""
    for number, batch in enumerate(batches):
        for name, seconds in runner.time_modules(batch.arrays, warmup + repetitions).items():
            class_name = runner.class_name(name) if name else ""
            for run, taken in zip(range(repetitions), seconds[warmup:], strict=True):
                values = {"run": number * repetitions + run, "milliseconds": 1000 * taken}
                yield {"module": name, "class": class_name} | values


def _pivot(observations: pa.Table) -> _ModuleTimes:
    names, classes = (observations.column(name).to_pylist() for name in ("module", "class"))
    class_names = dict(zip(names, classes, strict=True))
    columns = {name: column for column, name in enumerate(class_names)}
    runs = observations.column("run").to_numpy()
    milliseconds = np.zeros((int(runs.max(initial=-1)) + 1, len(columns)))
    np.add.at(milliseconds, (runs, [columns[name] for name in names]), observations.column("milliseconds").to_numpy())
    modules = [name for name in columns if name]
    own_columns = [columns[name] for name in modules]
    return _ModuleTimes(
        modules, [class_names[name] for name in modules], milliseconds[:, own_columns], milliseconds.sum(axis=1)
    )


def _remark(slowest: Sequence[dict[str, Any]]) -> str:
    if not slowest:
        return "nothing that took time belongs to a module"
    first = slowest[0]
    return (
        f"`{first['module']}` ({first['class']}) is the slowest module, "
        f"with {first['ms']:.3g} ms a run, {first['share']:.0%} of the time"
    )
