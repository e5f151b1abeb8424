"""Series: every number of a report under a name that is the same in every run, so that a tracker can compare runs.

A name is `CHECK/BACKEND/NUMBER`, of a group `CHECK/BACKEND/groups/GROUP/NUMBER`; the ends of its interval have `.low` and
`.high` after it. The steps of a series are the severities of a sweep, counted from 0.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Report

# What every store of MLflow takes as a name, on every system: Windows lets no file have a colon.
_ILLEGAL = re.compile(r"[^\w.\- /]")
_NO_SEGMENT = re.compile(r"(?<![^/])\.{0,2}(?![^/])")  # of a path: none, this folder, or the one above it
_MAX_CHECK, _MAX_PART, _MAX_DIGEST = 90, 45, 8  # characters; MLflow's names have at most 250
_ENDS = {"estimate": "", "low": ".low", "high": ".high"}


class Point(NamedTuple):
    """One value of a series."""

    name: str
    value: float
    step: int


def list_points(report: Report) -> Iterator[Point]:
    """The points of every number that a report has, with those of its interval."""
    steps: dict[tuple[str, str | None], dict[float, int]] = {}
    for row in report.to_table().to_pylist():
        if row["number"] is None:
            continue
        step = 0
        if row["severity"] is not None:
            severities = steps.setdefault((row["check"], row["backend"]), {})
            step = severities.setdefault(row["severity"], len(severities))
        group = [] if row["group"] is None else ["groups", make_name(row["group"])]
        name = "/".join([name_check(row["check"], row["backend"]), *group, make_name(row["number"])])
        for end, suffix in _ENDS.items():
            if row[end] is not None:
                yield Point(name + suffix, row[end], step)


def name_check(check: str, backend: str | None) -> str:
    """The name of a check on a backend, or of one that reads rows alone."""
    return "/".join([make_name(check, _MAX_CHECK), *([make_name(backend)] if backend else [])])


def make_name(text: str, most: int = _MAX_PART) -> str:
    """A text as a name of at most so many characters, which trackers and file systems take.

    One that has to be changed for that ends in a digest of the text, so that no two texts have the same name.
    """
    legal = _NO_SEGMENT.sub("_", _ILLEGAL.sub("_", text))
    if legal == text and len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MAX_DIGEST]
    return f"{legal[: most - _MAX_DIGEST - 1]}-{digest}"


def name_run(report: Report) -> str:
    """What people call the run: its tag, else its id."""
    return report.tags[0] if report.tags else report.run
