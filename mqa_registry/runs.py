"""A run: the straight way from a suite file to a report."""

from __future__ import annotations

import os
import platform
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import plan as plans
from mqa_registry import plugins
from mqa_registry.contributions import Conditions
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.judge import Verdict, judge
from mqa_registry.predict import Silence, predict, prepare
from mqa_registry.report import Report
from mqa_registry.store import Store
from mqa_registry.suite import Overrides, check, plugin_names, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judge import Result
    from mqa_registry.plan import Plan
    from mqa_registry.plugins import Catalog
    from mqa_registry.predict import Observations, Progress
    from mqa_registry.suite import Suite

STORE = ".mqa"  # the store's folder, beside the suite
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "numpy",
    "pyarrow",
    "scipy",
)


@dataclass(frozen=True)
class Asked:
    """What a command asks for beyond the suite file: the same for every command that reads a suite.

    `plugin_files` are Python files to load as plugins; the flags from `device` on are those of `Conditions`.
    """

    overrides: Overrides = field(default_factory=Overrides)
    plugin_files: tuple[Path, ...] = ()
    store: Path | None = None
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False

    def store_of(self, suite: Suite) -> Path:
        return self.store or suite.path.parent / STORE

    def conditions(self, suite: Suite) -> Conditions:
        return Conditions(
            exports=self.store_of(suite) / "exports",
            device=self.device,
            offline=self.offline,
            allow_code=self.allow_code,
            allow_pickle=self.allow_pickle,
            trust_remote_code=self.trust_remote_code,
        )


def planned(path: str | Path, asked: Asked) -> Plan:
    """The plan of a suite file, with every problem of the file reported at once."""
    return _planned(path, asked)[0]


def _planned(path: str | Path, asked: Asked) -> tuple[Plan, Catalog]:
    raw = read(path, asked.overrides)
    catalog = plugins.load(plugin_names(raw), files=asked.plugin_files)
    plan = plans.make(check(raw, catalog))
    if not plan.cases:
        raise UsageError(
            "there is nothing to judge: every check that is left would hold a view against itself",
            hint="a comparison needs a second backend, or `against`",
        )
    return plan, catalog


def run(
    path: str | Path, asked: Asked | None = None, *, fresh: bool = False, progress: Progress | None = None
) -> Report:
    """Run a suite file: plan it, predict what it needs, judge every check. Raises MqaError where nothing can be judged.

    `fresh` predicts anew what the store has. Without `asked`, everything is as the file says.
    """
    asked, watching = asked or Asked(), progress or Silence()
    started, clock = datetime.now(UTC), time.perf_counter()
    plan, catalog = _planned(path, asked)
    conditions = asked.conditions(plan.suite)
    prepared = prepare(plan, conditions, watching)
    store = Store(asked.store_of(plan.suite))
    try:
        observations = predict(plan, prepared, conditions, store, watching, fresh=fresh)
    finally:
        store.close()
    watching.stage("judging")
    results = judge(plan, observations)
    code = exit_code(results)
    return Report(
        run=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        suite=_described(plan.suite),
        verdict=_verdict(code),
        exit_code=code,
        started=started,
        seconds=round(time.perf_counter() - clock, 3),
        environment=_environment(catalog, observations, conditions),
        results=results,
        backends=tuple(plan.suite.backends),
        work={name: vars(work) for name, work in observations.work.items()},
    )


def exit_code(results: Sequence[Result]) -> ExitCode:
    """What the critical results add up to; something that could not be judged outweighs a failure."""
    verdicts = {result.verdict for result in results if result.critical}
    if verdicts & {Verdict.ERROR, Verdict.NOT_RUN}:
        return ExitCode.NOT_TRUSTWORTHY
    if Verdict.FAIL in verdicts:
        return ExitCode.FAILED
    return ExitCode.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else ExitCode.OK


def _verdict(code: ExitCode) -> Verdict:
    return {
        ExitCode.OK: Verdict.PASS,
        ExitCode.FAILED: Verdict.FAIL,
        ExitCode.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    }.get(code, Verdict.ERROR)


def _described(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "path": str(suite.path),
        "digest": suite.digest,
        "seed": suite.seed,
        "confidence": suite.confidence,
    }


def _environment(catalog: Catalog, observations: Observations, conditions: Conditions) -> dict[str, Any]:
    """All it takes to repeat the run."""
    loosened = {name: True for name in ("allow_code", "allow_pickle", "trust_remote_code") if getattr(conditions, name)}
    return {
        "mqa": version("mqa-registry"),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _installed(name))},
        "plugins": {name: plugin.origin for name, plugin in catalog.plugins.items()},
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()},
        "model": dict(observations.model) | loosened,
        "backends": {name: _backend(facts) for name, facts in observations.facts.items()},
    }


def _backend(facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in facts.items() if key not in {"identity", "digest"}}
    return {"digest": facts.get("digest", ""), "providers": facts.get("providers", []), "facts": shown}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
