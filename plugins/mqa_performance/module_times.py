"""Module times: which modules of the model a run spends its time in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.benchmark import MAX_BATCH_SIZE, BenchmarkOptions, make_batches, sample_rows
from mqa_registry import Evidence, NotRunError, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_performance.benchmark import Batch
    from mqa_registry import ProbeContext, Timeable

    Floats = npt.NDArray[np.float64]

MAX_LISTED_MODULES = 10  # in the evidence, the slowest
SCHEMA = pa.schema(
    [("run", pa.int64()), ("module", pa.string()), ("class", pa.string()), ("milliseconds", pa.float64())],
)


@dataclass(frozen=True, kw_only=True)
class ModuleTimesOptions(BenchmarkOptions):
    """How many runs of each batch are timed.

    Each batch has a warm-up and repetitions, so the number of runs is that of batches times repetitions.
    """

    batch_size: Annotated[int, Ge(1), Le(MAX_BATCH_SIZE)] = 8
    warmup: Annotated[int, Ge(0)] = 3
    rows: Annotated[int, Ge(1)] = 8


class ModuleTimes(Probe[ModuleTimesOptions]):
    """Milliseconds that each PyTorch module takes itself: `coverage` is the share of the time that has a module.

    What the modules inside of it take is not a module's own. `slowest_share` is the share of the slowest module,
    `total_ms` the time of a whole run, which the clocks make longer: `performance/latency` measures it without them.
    """

    name = "module-times"
    inputs = "runner"
    outputs = ("coverage", "slowest_share", "total_ms")
    ranges: Mapping[str, tuple[float, float]] = {
        "coverage": (0.0, 1.0),
        "slowest_share": (0.0, 1.0),
        "total_ms": (0.0, math.inf),
    }
    cacheable = False

    def columns(self, options: ModuleTimesOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: ModuleTimesOptions) -> pa.Table:
        """A table of SCHEMA, a row for each module and run; a NotRunError where the backend has no such times."""
        runner = context.view.runner
        if not (hasattr(runner, "time_modules") and hasattr(runner, "class_name")):
            raise NotRunError(f"backend `{context.view.backend}` cannot time its modules")
        batches = make_batches(context, sample_rows(context, options.rows), options.batch_size)
        times = list(_iter_times(cast("Timeable", runner), batches, options))
        if not times:
            raise NotRunError(f"backend `{context.view.backend}` timed no module")
        return pa.Table.from_pylist(times, schema=SCHEMA)

    def numbers(self, table: pa.Table) -> dict[str, Floats]:
        """Of each run, the share of its time that has a module, that of the slowest, and its milliseconds."""
        times = _pivot(table)
        return {
            "coverage": times.shares.sum(axis=1),
            "slowest_share": times.shares[:, times.slowest_first[:1]].sum(axis=1),
            "total_ms": times.total,
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """The slowest modules, with the median of their milliseconds and the mean of their shares of a run's time."""
        times = _pivot(table)
        slowest = [
            {
                "module": times.names[column],
                "class": times.classes[column],
                "self_ms": round(float(times.medians[column]), 4),
                "share": round(float(times.shares[:, column].mean()), 4),
            }
            for column in times.slowest_first[:MAX_LISTED_MODULES]
        ]
        return Evidence(remarks=[_remark_on(slowest)], details={"modules": slowest})


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


def _iter_times(runner: Timeable, batches: Sequence[Batch], options: ModuleTimesOptions) -> Iterator[dict[str, Any]]:
    """One row for each module and run; a module that one batch passes and another does not has none in the other's runs."""
    for number, batch in enumerate(batches):
        for name, seconds in runner.time_modules(batch.arrays, options.warmup + options.repetitions).items():
            class_name = runner.class_name(name) if name else ""
            for run, taken in zip(range(options.repetitions), seconds[options.warmup :], strict=True):
                values = {"run": number * options.repetitions + run, "milliseconds": 1000 * taken}
                yield {"module": name, "class": class_name} | values


def _pivot(table: pa.Table) -> _ModuleTimes:
    names, classes = (table.column(name).to_pylist() for name in ("module", "class"))
    class_names = dict(zip(names, classes, strict=True))
    columns = {name: column for column, name in enumerate(class_names)}
    runs = table.column("run").to_numpy()
    milliseconds = np.zeros((int(runs.max(initial=-1)) + 1, len(columns)))
    np.add.at(milliseconds, (runs, [columns[name] for name in names]), table.column("milliseconds").to_numpy())
    modules = [name for name in columns if name]
    own_columns = [columns[name] for name in modules]
    return _ModuleTimes(
        modules, [class_names[name] for name in modules], milliseconds[:, own_columns], milliseconds.sum(axis=1)
    )


def _remark_on(slowest: Sequence[dict[str, Any]]) -> str:
    if not slowest:
        return "no time was spent in a module"
    first = slowest[0]
    return (
        f"`{first['module']}` ({first['class']}) is the slowest module, "
        f"with {first['self_ms']:.3g} ms a run, {first['share']:.0%} of the time"
    )
