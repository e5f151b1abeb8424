"""How often the judge is wrong where it is hardest to be right: with the truth exactly on the bound.

    python -m tests.benchmarks.calibration [--checks 2000] [--rows 5000] [--only WORDS]

Simulates checks and has the judge's own claims and estimates decide them. On the bound, PASS and FAIL are both wrong,
and each may come up in at most 1 - confidence of the checks. Off the bound by 3.5 standard errors the verdict has to be
right in at least 80 % of them. `--rows` is the most rows for statistics, whose resamples take long; `--only` runs the
parts that have these words in their title, as `p95`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.judging import Verdict
from mqa_registry.judging.claims import Claim, verdict_of
from mqa_registry.judging.measured import Measured, difference, estimate
from mqa_registry.judging.resampling import Resampling
from mqa_registry.judging.shares import PairedProportions, Proportion
from tests.benchmarks.statistics import KINDS, QUANTILES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Draw: TypeAlias = Callable[[np.random.Generator], list[Claim]]

CONFIDENCE = 0.95
ROWS = (50, 200, 1000, 5000)
SHARES = (0.5, 0.9, 0.99, 0.999)
CHANGES = ((0.05, 0.04), (0.02, 0.01), (0.01, 0.0), (0.001, 0.0), (0.2, 0.15), (0.005, 0.005))  # lost, won
GROUPS = 8
OFF = 3.5  # standard errors
RIGHT = 0.8
AT_TRUTH = """
A standard error is the larger of those at the truth and at the bound, and so counted the right verdict comes in more
than 90 % of the checks on a share wherever n(1 - p) is at least 10. They differ where answers are nearly always right.
Counted at the truth alone (`se at truth`) it comes in 73 to 82 %, up and down as rows are whole, where n(1 - p) is 10
to 22, and in more than 80 % from there on; Wilson's and Jeffreys' intervals do no better, for the same reason."""


@dataclass(frozen=True)
class Setting:
    """One kind of check on data of one kind: `draw` gives the claims of one simulated check."""

    words: str
    draw: Draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    for title, settings in (
        ("one proportion", proportions()),
        ("paired drop", drops()),
        (f"minimum over {GROUPS} groups", minima()),
        (f"gap over {GROUPS} groups", gaps()),
    ):
        if given.only not in title:
            continue
        print(f"\n{title}, truth on the bound: share of PASS, share of FAIL")
        for setting in settings:
            _report_level(setting.words, simulated(setting.draw, given.checks))
    for kind in (*KINDS, *QUANTILES):
        if given.only in kind.words:
            _report_kind(kind, given.checks, given.rows)
    if given.only:
        return
    for title, chances in (("one proportion", proportions_off()), ("paired drop", drops_off())):
        print(f"\n{title}, truth {OFF} standard errors off the bound: share of right verdicts")
        for setting, right in chances:
            share = simulated(setting.draw, given.checks)[right] / given.checks
            print(f"  {setting.words:<52} {right:<5} {share:7.4f}{'' if share >= RIGHT else '   UNDER'}", flush=True)
    print(AT_TRUTH)


def simulated(draw: Draw, checks: int) -> Counter[Verdict]:
    """The verdicts of so many checks."""
    rng = np.random.default_rng(11)
    return Counter(verdict_of(draw(rng), CONFIDENCE) for _ in range(checks))


def proportions() -> Iterator[Setting]:
    for rows in ROWS:
        for share in SHARES:
            yield Setting(f"n = {rows:,}, p = {share}", _share(rows, share, share))


def drops() -> Iterator[Setting]:
    for rows in ROWS:
        for lost, won in CHANGES:
            yield Setting(f"n = {rows:,}, lost {lost}, won {won}", _drop(rows, lost, won, lost - won))


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
        for lost, won in CHANGES:
            if rows * (lost + won) < 10:
                continue
            step = OFF * np.sqrt((lost + won - (lost - won) ** 2) / rows)
            for bound, right in ((lost - won + step, Verdict.PASS), (lost - won - step, Verdict.FAIL)):
                yield Setting(f"n = {rows:,}, lost {lost}, won {won}", _drop(rows, lost, won, bound)), right


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


def _drop(rows: int, lost: float, won: float, bound: float) -> Draw:
    def draw(rng: np.random.Generator) -> list[Claim]:
        counts = rng.multinomial(rows, [lost, won, 1 - lost - won])
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
        how = Resampling(int(rng.integers(2**31)), "calibration")
        found = estimate(Measured.of(kind.draw(rng, rows)), rows, how)
        return [Claim("value", found, low=kind.truth) if least else Claim("value", found, high=kind.truth)]

    return draw


def _report_level(words: str, verdicts: Counter[Verdict]) -> bool:
    total = verdicts.total()
    shares = [verdicts[verdict] / total for verdict in (Verdict.PASS, Verdict.FAIL)]
    held = max(shares) <= 1 - CONFIDENCE + 1e-9
    print(f"  {words:<52} {shares[0]:7.4f} {shares[1]:7.4f}{'' if held else '   OVER'}", flush=True)
    return held


def _report_kind(kind: Kind, checks: int, most: int) -> None:
    """Level by level of rows, for the bound that the statistic has in practice, and from where on it holds."""
    print(f"\n{kind.words}, truth {kind.truth:.4f} on the bound: share of PASS, share of FAIL")
    sizes = [rows for rows in (50, 100, 200, 500, 1000, 2000, 5000) if rows <= most or kind.quick]
    held = [_report_level(f"n = {rows:,}", simulated(_of_kind(kind, rows, least=kind.least), checks)) for rows in sizes]
    over = [place for place, good in enumerate(held) if not good]
    start = over[-1] + 1 if over else 0
    print(f"  holds from n = {sizes[start]:,} on" if start < len(sizes) else f"  does not hold up to n = {sizes[-1]:,}")


if __name__ == "__main__":
    main()
