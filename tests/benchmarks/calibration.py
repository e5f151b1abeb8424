"""How often the judge is wrong where it is hardest to be right: with the truth exactly on the bound.

    python -m tests.benchmarks.calibration [--checks 2000] [--rows 5000] [--only WORDS]

Simulates checks and has the judge's own estimates, claims and rule of decision decide them. On the bound, PASS and FAIL are both wrong,
and each may come up in at most 1 - confidence of the checks. Off the bound by 3.5 standard errors the verdict has to be
right in at least 80 % of them. `--rows` is the most rows for statistics, whose resamples take long; `--only` runs the
parts that have these words in their title, as `p95` or `edge of the scale`. The last part says from how many rows on a
model without a mistake, or without a change, passes a bound of a tenth.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.judging import Verdict
from mqa_registry.judging.measurements import MeasureOutput, estimate, estimate_drop
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.unpaired_differences import difference, ratio
from tests.benchmarks.statistics import (
    EDGES,
    KINDS,
    METRICS,
    QUANTILES,
    Kind,
    SimulatedRows,
    decide_claims,
    flip_predictions,
    measure_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from mqa_registry.stats.estimates import Estimate

    Ints: TypeAlias = npt.NDArray[np.int64]
    Draw: TypeAlias = Callable[[np.random.Generator], list[Claim]]

CONFIDENCE = 0.95
ROWS = (50, 200, 1000, 5000)
SHARES = (0.5, 0.9, 0.99, 0.999)
CHANGES = (
    (0.05, 0.04),
    (0.02, 0.01),
    (0.01, 0.0),
    (0.001, 0.0),
    (0.2, 0.15),
    (0.005, 0.005),
)  # shares of negative and positive flips
GROUPS = 8
OFF = 3.5  # standard errors
SLOW = 1000  # rows, beyond which metrics that need every row take long
TENTH = 0.1
GROWING = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 150, 200, 300, 400, 500, 1000, 2000)
RIGHT = 0.8
AT_TRUTH = """
A standard error is the larger of those at the truth and at the bound, and so counted the right verdict comes in more
than 90 % of the checks on a share wherever n(1 - p) is at least 10. They differ where answers are nearly always right.
Counted at the truth alone (`se at truth`) it comes in 73 to 82 %, up and down as rows are whole, where n(1 - p) is 10
to 22, and in more than 80 % from there on; Wilson's and Jeffreys' intervals do no better, for the same reason."""


@dataclass(frozen=True)
class Setting:
    """One kind of check on data of one kind: `draw` gives the claims of one simulated check."""

    title: str
    draw: Draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    for title, settings in _on_the_bound(options.rows):
        if options.only in title:
            print(f"\n{title}, truth on the bound: share of PASS, share of FAIL")
            for setting in settings:
                _report_level(setting.title, simulated(setting.draw, options.checks))
    for kind in (kind for kind in (*KINDS, *QUANTILES) if options.only in kind.title):
        _report_kind(kind, options.checks, options.rows)
    if options.only in "edge of the scale":
        _report_perfect()
    if not options.only:
        _report_power(options.checks)


def _on_the_bound(most: int) -> Iterator[tuple[str, Iterator[Setting]]]:
    yield "one proportion", proportions()
    yield "paired drop", drops()
    yield f"minimum over {GROUPS} groups", minima()
    yield f"gap over {GROUPS} groups", gaps()
    yield "edge of the scale", edges(most)
    yield "edge of the scale, paired drops", drops_of_metrics(most)
    yield "edge of the scale, two groups", groups_of_metrics(most)
    yield "edge of the scale, clusters of ten alike", clustered(most)


def _report_power(checks: int) -> None:
    """How often the verdict is right where the truth lies off the bound."""
    for title, chances in (("one proportion", proportions_off()), ("paired drop", drops_off())):
        print(f"\n{title}, truth {OFF} standard errors off the bound: share of right verdicts")
        for setting, right in chances:
            share = simulated(setting.draw, checks)[right] / checks
            print(f"  {setting.title:<56} {right:<5} {share:7.4f}{'' if share >= RIGHT else '   UNDER'}", flush=True)
    print(AT_TRUTH)


def simulated(draw: Draw, checks: int) -> Counter[Verdict]:
    """The verdicts of so many checks."""
    rng = np.random.default_rng(11)
    return Counter(decide_claims(draw(rng), CONFIDENCE) for _ in range(checks))


def proportions() -> Iterator[Setting]:
    for rows in ROWS:
        for share in SHARES:
            yield Setting(f"n = {rows:,}, p = {share}", _share(rows, share, share))


def drops() -> Iterator[Setting]:
    for rows in ROWS:
        for negative, positive in CHANGES:
            yield Setting(
                f"n = {rows:,}, flips -{negative} +{positive}",
                _drop(rows, negative, positive, negative - positive),
            )


def minima() -> Iterator[Setting]:
    """One group on the bound and the rest well above, or all on the bound."""
    for rows in ROWS:
        for share in SHARES:
            for others, words in (((1 + share) / 2, "one"), (share, "all")):
                chances = np.array([share] + [others] * (GROUPS - 1))
                yield Setting(
                    f"n = {rows:,} a group, p = {share}, {words} on the bound", _minimum(rows, chances, share)
                )


def gaps(gap: float = 0.05) -> Iterator[Setting]:
    """One group, or half of them, lower than the rest by just what is allowed; or all alike and nothing allowed."""
    for rows in ROWS:
        for share in SHARES:
            for low in (1, GROUPS // 2):
                chances = np.array([share - gap] * low + [share] * (GROUPS - low))
                yield Setting(f"n = {rows:,} a group, p = {share}, {low} lower by {gap}", _gap(rows, chances, gap))
            yield Setting(f"n = {rows:,} a group, p = {share}, all alike", _gap(rows, np.full(GROUPS, share), 0.0))


def edges(most: int) -> Iterator[Setting]:
    """Metrics of models that make no mistake, or few."""
    for kind in EDGES:
        for rows in ROWS:
            if rows <= most and (kind.quick or rows <= SLOW):
                yield Setting(f"{kind.title}, n = {rows:,}", _of_kind(kind, rows, least=kind.least))


def drops_of_metrics(most: int) -> Iterator[Setting]:
    """A model held against one that answers some rows otherwise, by their very predictions."""
    for name, (_, of, least) in METRICS.items():
        for share, changed in ((0.5, 0.0), (0.5, 0.001), (0.5, 0.01), (0.1, 0.01)):
            rows = SimulatedRows(share, 0.05)
            truth = (of(rows) - of(rows.changed(changed))) * (1 if least else -1)
            for count in (100, 1000):
                if count <= (most if least else min(most, SLOW)):
                    words = f"{name}, {share:.0%} positive, {changed:.1%} changed, n = {count:,}"
                    yield Setting(words, _drop_of_metric(name, rows, changed, count, truth))


def groups_of_metrics(most: int) -> Iterator[Setting]:
    """The difference and the ratio of a metric between a group without mistakes and one with few."""
    for name, (_, of, _) in METRICS.items():
        better, worse = SimulatedRows(0.5, 0.0), SimulatedRows(0.5, 0.01)
        high, low = sorted((of(better), of(worse)), reverse=True)
        for count in (100, 1000):
            if count <= min(most, SLOW):
                pair = (better, worse) if of(better) > of(worse) else (worse, better)
                yield Setting(f"gap of {name}, n = {count:,} a group", _gap_of_metric(name, pair, count, high - low))
                if low:
                    words = f"ratio of {name}, n = {count:,} a group"
                    yield Setting(words, _ratio_of_metric(name, pair, count, low / high))


def clustered(most: int) -> Iterator[Setting]:
    """Rows of which ten together are right or wrong alike."""
    for name, (_, of, least) in METRICS.items():
        for wrong in (0.0, 0.01):
            rows = SimulatedRows(0.5, wrong)
            for count in (500, 2000):
                if count <= min(most, 2 * SLOW):
                    words = f"{name}, {wrong:.0%} wrong, {count // 10} clusters"
                    yield Setting(words, _clustered(name, rows, count, of(rows), least=least))


def proportions_off() -> Iterator[tuple[Setting, Verdict]]:
    """Standard errors are the larger of two, at the truth and at the bound; with those at the truth alone beside it."""
    for rows in ROWS:
        for share in (0.5, 0.8, 0.9, 0.95, 0.99, 0.998):
            if round(rows * (1 - share), 6) < 10:
                continue
            step = OFF * np.sqrt(share * (1 - share) / rows)
            settings = [("", _below(rows, share), Verdict.PASS), ("", share + step, Verdict.FAIL)]
            settings.append((", se at truth", share - step, Verdict.PASS))
            for words, bound, right in settings:
                if 0 < bound < 1:
                    yield Setting(f"n = {rows:,}, p = {share}{words}", _share(rows, share, bound)), right


def drops_off() -> Iterator[tuple[Setting, Verdict]]:
    for rows in ROWS:
        for negative, positive in CHANGES:
            if rows * (negative + positive) < 10:
                continue
            step = OFF * np.sqrt((negative + positive - (negative - positive) ** 2) / rows)
            for bound, right in (
                (negative - positive + step, Verdict.PASS),
                (negative - positive - step, Verdict.FAIL),
            ):
                yield (
                    Setting(
                        f"n = {rows:,}, flips -{negative} +{positive}",
                        _drop(rows, negative, positive, bound),
                    ),
                    right,
                )


def _below(rows: int, share: float) -> float:
    """The bound that a share lies above by so many of the bound's own standard errors."""
    low, high = 0.0, share
    for _ in range(60):
        bound = (low + high) / 2
        near = share - bound < OFF * np.sqrt(max(bound * (1 - bound), share * (1 - share)) / rows)
        low, high = (low, bound) if near else (bound, high)
    return low


def _share(rows: int, share: float, bound: float) -> Draw:
    return lambda rng: [Claim("value", Proportion(int(rng.binomial(rows, share)), rows), low=bound)]


def _drop(rows: int, negative: float, positive: float, bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        counts = rng.multinomial(rows, [negative, positive, 1 - negative - positive])
        return [Claim("drop", PairedProportions(int(counts[0]), int(counts[1]), rows), high=bound)]

    return draw


def _minimum(rows: int, chances: np.ndarray[tuple[int], np.dtype[np.float64]], bound: float) -> Draw:
    return lambda rng: [
        Claim("value", Proportion(int(count), rows), low=bound) for count in rng.binomial(rows, chances)
    ]


def _gap(rows: int, chances: np.ndarray[tuple[int], np.dtype[np.float64]], bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        groups = [Proportion(int(count), rows) for count in rng.binomial(rows, chances)]
        return [Claim("gap", difference(one, two), -bound, bound) for one, two in combinations(groups, 2)]

    return draw


def _of_kind(kind: Kind, rows: int, *, least: bool) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        options = IntervalOptions(int(rng.integers(2**31)), "calibration")
        found = estimate(MeasureOutput.of(kind.draw(rng, rows), kind.span), rows, options)
        return [Claim("value", found, low=kind.truth) if least else Claim("value", found, high=kind.truth)]

    return draw


def _interval_options(rng: np.random.Generator, clusters: Ints | None = None) -> IntervalOptions:
    return IntervalOptions(int(rng.integers(2**31)), "calibration", clusters=clusters)


def _drop_of_metric(name: str, rows: SimulatedRows, changed: float, count: int, bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        predictions, targets = rows.draw(rng, count)
        pair = (
            measure_rows(name, predictions, targets),
            measure_rows(name, flip_predictions(rng, predictions, changed), targets),
        )
        before, after = pair if METRICS[name][2] else pair[::-1]
        return [Claim("drop", estimate_drop(before, after, count, _interval_options(rng)), high=bound)]

    return draw


def _estimate_pair(
    name: str, pair: tuple[SimulatedRows, SimulatedRows], count: int, rng: np.random.Generator
) -> list[Estimate]:
    return [estimate(measure_rows(name, *rows.draw(rng, count)), count, _interval_options(rng)) for rows in pair]


def _gap_of_metric(name: str, pair: tuple[SimulatedRows, SimulatedRows], count: int, bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        high, low = _estimate_pair(name, pair, count, rng)
        return [Claim("gap", difference(high, low), -bound, bound)]

    return draw


def _ratio_of_metric(name: str, pair: tuple[SimulatedRows, SimulatedRows], count: int, bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        high, low = _estimate_pair(name, pair, count, rng)
        return [Claim("ratio", ratio(low, high), bound, 1 / bound if bound else np.inf)]

    return draw


def _clustered(name: str, rows: SimulatedRows, count: int, bound: float, *, least: bool) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        found = estimate(
            measure_rows(name, *rows.draw(rng, count, together=10)),
            count,
            _interval_options(rng, np.arange(count) // 10),
        )
        return [Claim("value", found, low=bound) if least else Claim("value", found, high=bound)]

    return draw


def _report_perfect() -> None:
    """From how many rows on a model without a mistake or a change is within a tenth of the best, for each bound."""
    print(f"\nwithout a mistake or a change, half of the rows positive: rows from which a bound of {TENTH} holds")
    for name in METRICS:
        least = {
            quantity: next((n for n in GROWING if _passes(name, quantity, n)), None)
            for quantity in ("value", "drop", "gap")
        }
        print(
            f"  {name:<52} "
            + ", ".join(f"{quantity} {rows or '> ' + str(GROWING[-1])}" for quantity, rows in least.items())
        )


def _passes(name: str, quantity: str, count: int) -> bool:
    codes = np.arange(count) % 2
    measured, options = (
        measure_rows(name, *SimulatedRows(0.5, 0.0).of(codes == 1, codes == 1)),
        IntervalOptions(7, "calibration"),
    )
    value = estimate(measured, count, options)
    if quantity == "value":
        low, high = (1 - TENTH, np.inf) if METRICS[name][2] else (-np.inf, TENTH)
        return Claim("", value, low, high).holds(CONFIDENCE)
    found = estimate_drop(measured, measured, count, options) if quantity == "drop" else difference(value, value)
    return Claim("", found, -TENTH, TENTH).holds(CONFIDENCE)


def _report_level(words: str, verdicts: Counter[Verdict]) -> bool:
    total = verdicts.total()
    shares = [verdicts[verdict] / total for verdict in (Verdict.PASS, Verdict.FAIL)]
    held = max(shares) <= 1 - CONFIDENCE + 1e-9
    print(f"  {words:<56} {shares[0]:7.4f} {shares[1]:7.4f}{'' if held else '   OVER'}", flush=True)
    return held


def _report_kind(kind: Kind, checks: int, most: int) -> None:
    """Level by level of rows, for the bound that the statistic has in practice, and from where on it holds."""
    print(f"\n{kind.title}, truth {kind.truth:.4f} on the bound: share of PASS, share of FAIL")
    sizes = [rows for rows in (50, 100, 200, 500, 1000, 2000, 5000) if rows <= most or kind.quick]
    held = [_report_level(f"n = {rows:,}", simulated(_of_kind(kind, rows, least=kind.least), checks)) for rows in sizes]
    over = [position for position, good in enumerate(held) if not good]
    start = over[-1] + 1 if over else 0
    print(f"  holds from n = {sizes[start]:,} on" if start < len(sizes) else f"  does not hold up to n = {sizes[-1]:,}")


if __name__ == "__main__":
    main()
