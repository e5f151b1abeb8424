"""A finished run, as every reporter sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mqa_registry.errors import ExitCode
    from mqa_registry.findings import Finding
    from mqa_registry.judging import Result, Verdict


@dataclass(frozen=True)
class Report:
    """A finished run.

    `suite` has name, path, digest, seed and confidence; `environment` all it takes to repeat the run; `backends` are the
    names in the suite's order. `work` counts rows predicted, rows found in the store and forward passes, per backend.
    `note` says what befell the run as a whole, where its verdict is not what the results add up to, and `hint` what to
    do about it; `findings` what there is to say beside the results, such as of the files that were judged.
    """

    run: str
    suite: Mapping[str, Any]
    verdict: Verdict
    exit_code: ExitCode
    started: datetime
    seconds: float
    environment: Mapping[str, Any]
    results: tuple[Result, ...]
    backends: tuple[str, ...] = ()
    work: Mapping[str, Mapping[str, int]] | None = None
    note: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()
