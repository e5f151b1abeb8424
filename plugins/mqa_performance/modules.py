"""Modules: which parts of the model the time goes into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.drawing import batches, encoded
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_performance.drawing import Timed
    from mqa_registry import Scene, Timeable

    Floats = npt.NDArray[np.float64]

SHOWN = 10  # of the slowest modules
SEEN = pa.schema(
    [("run", pa.int64()), ("module", pa.string()), ("class", pa.string()), ("milliseconds", pa.float64())],
)


def modules(
    scene: Scene,
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
    runner = scene.view.runner
    if not (hasattr(runner, "timed") and hasattr(runner, "class_of")):
        raise NotRunError(f"backend `{scene.view.backend}` does not say how long a module takes")
    drawn = batches(scene, encoded(scene, rows), batch)
    told = list(_told(cast("Timeable", runner), drawn, warmup, repetitions))
    if not told:
        raise NotRunError(f"backend `{scene.view.backend}` took the time of no module")
    return pa.Table.from_pylist(told, schema=SEEN)


def numbers(observations: pa.Table) -> dict[str, Floats]:
    """Of each run, the share of its time that has a module, that of the slowest, and its milliseconds."""
    spent = _spent(observations)
    return {
        "covered": spent.shares.sum(axis=1),
        "largest": spent.shares[:, spent.slowest[:1]].sum(axis=1),
        "total_ms": spent.total,
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """The slowest modules, with the median of their milliseconds and the mean of their shares of a run's time."""
    spent = _spent(observations)
    slowest = [
        {
            "module": spent.names[place],
            "class": spent.classes[place],
            "ms": round(float(spent.medians[place]), 4),
            "share": round(float(spent.shares[:, place].mean()), 4),
        }
        for place in spent.slowest[:SHOWN]
    ]
    return {"modules": slowest, "remarks": [_remark(slowest)]}


@dataclass(frozen=True)
class _Spent:
    """Milliseconds of modules and their shares, runs by modules; the total is that of a run, with what has no module.

    `slowest` are the modules' places by their median, so that a few runs with a hiccup make no module slow.
    """

    names: Sequence[str]
    classes: Sequence[str]
    taken: Floats
    total: Floats

    @cached_property
    def shares(self) -> Floats:
        total = self.total[:, None]
        shares: Floats = np.divide(self.taken, total, out=np.full(self.taken.shape, np.nan), where=total > 0)
        return shares

    @cached_property
    def medians(self) -> Floats:
        medians: Floats = np.median(self.taken, axis=0)
        return medians

    @cached_property
    def slowest(self) -> npt.NDArray[np.intp]:
        return np.argsort(-self.medians, kind="stable")


def _told(runner: Timeable, drawn: Sequence[Timed], warmup: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """A module that one batch passes and another does not takes no time in the other's runs."""
    for place, one in enumerate(drawn):
        for name, seconds in runner.timed(one.arrays, warmup + repetitions).items():
            known = {"module": name, "class": runner.class_of(name) if name else ""}
            runs = zip(range(-warmup, repetitions), seconds, strict=True)
            for run, took in runs:
                if run >= 0:
                    yield {"run": place * repetitions + run, **known, "milliseconds": 1000 * took}


def _spent(observations: pa.Table) -> _Spent:
    names, classes = (observations.column(name).to_pylist() for name in ("module", "class"))
    known = dict(zip(names, classes, strict=True))
    places = {name: place for place, name in enumerate(known)}
    runs = observations.column("run").to_numpy()
    taken = np.zeros((int(runs.max(initial=-1)) + 1, len(known)))
    np.add.at(taken, (runs, [places[name] for name in names]), observations.column("milliseconds").to_numpy())
    own = [name for name in known if name]
    return _Spent(own, [known[name] for name in own], taken[:, [places[name] for name in own]], taken.sum(axis=1))


def _remark(slowest: Sequence[dict[str, Any]]) -> str:
    if not slowest:
        return "nothing that took time belongs to a module"
    first = slowest[0]
    return (
        f"`{first['module']}` ({first['class']}) is the slowest module, "
        f"with {first['ms']:.3g} ms a run, {first['share']:.0%} of the time"
    )
