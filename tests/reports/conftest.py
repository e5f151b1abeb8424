"""Reports made by hand, as the judge would give them for a sentiment model on PyTorch and ONNX Runtime."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from mqa_registry.contributions import ExampleRow
from mqa_registry.errors import ExitCode
from mqa_registry.judging.result import Number, Part, Result, ResultEvidence, Step, StepEvidence, Verdict
from mqa_registry.observations import Work
from mqa_registry.reports import Report, SuiteIdentity
from mqa_registry.reports.console import print_report

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
EXITS = {
    PASS: ExitCode.OK,
    FAIL: ExitCode.FAILED,
    Verdict.ERROR: ExitCode.NOT_TRUSTWORTHY,
    INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
ROWS = 4200
TEXT = "The special counsel will examine whether the code was violated."
TYPOS = "Teh special cuonsel wil examine whetehr the code was vioalted."


def number(estimate: float | None, half: float | None = None, rows: int = ROWS) -> Number:
    """An estimate in the middle of an interval, or without one."""
    if estimate is None or half is None:
        return Number(estimate, None, None, rows, "none")
    return Number(estimate, estimate - half, estimate + half, rows, "exact")


def result(check: str, backend: str = "torch", **parts: Any) -> Result:
    """A result of a metric that holds, but for what is said otherwise; `evidence` are the fields of its evidence."""
    usual = {"measure": {"use": "metrics/accuracy"}, "definition": "accuracy/1", "data": "reviews"}
    usual |= {"verdict": PASS, "expect": {"min": 0.78}, "numbers": {"value": number(0.813, 0.012)}}
    given = {"evidence": ResultEvidence(**parts.pop("evidence"))} if "evidence" in parts else {}
    return Result(check=check, backend=backend, **(usual | parts | given))


def both(check: str, **parts: Any) -> list[Result]:
    """The same result on both backends."""
    return [result(check, "torch", **parts), result(check, "onnx", **parts)]


def metric(check: str, estimate: float, expect: dict[str, float], half: float = 0.012) -> list[Result]:
    numbers = {"value": number(estimate, half)}
    return both(check, measure={"use": f"metrics/{check}"}, expect=expect, numbers=numbers)


def perturbed(check: str, drop: float, most: float, **parts: Any) -> list[Result]:
    numbers = {"value": number(0.813 - drop, 0.012), "drop": number(drop, 0.008)}
    usual = {"perturb": {"use": f"robustness/{check}"}, "expect": {"max_drop": most}, "numbers": numbers}
    usual |= {"against": {"perturb": False}}
    return both(check, **(usual | parts))


def part(estimate: float | None, rows: int, verdict: Verdict = PASS, note: str = "") -> Part:
    half = None if estimate is None else 0.8 / rows**0.5
    return Part(verdict, {"value": number(estimate, half, rows)}, note)


def sliced(check: str, gap: float, groups: dict[str, Part], **parts: Any) -> list[Result]:
    numbers = {"value": number(0.813, 0.012), "gap": number(gap, 0.035)}
    usual = {"by": {"use": f"fairness/{check}"}, "expect": {"max_gap": 0.15}, "numbers": numbers, "groups": groups}
    return both(check, **(usual | parts))


def parity(check: str, value: Number, expect: dict[str, float], **parts: Any) -> Result:
    usual = {"measure": {"use": f"parity/{check}"}, "expect": expect, "numbers": {"value": value}}
    usual |= {"against": {"backend": "torch"}}
    return result(check, "onnx", **(usual | parts))


def step(
    severity: float,
    drop: float,
    verdict: Verdict = PASS,
    groups: dict[str, Part] | None = None,
    evidence: StepEvidence | None = None,
) -> Step:
    numbers = {"value": number(0.813 - drop, 0.012), "drop": number(drop, 0.008)}
    return Step(verdict, numbers, severity=severity, groups=groups or {}, evidence=evidence)


DOMAINS = {
    "amazon": part(0.838, 1050),
    "movies": part(0.853, 1050),
    "nyt": part(0.751, 1050),
    "tweets": part(0.810, 1050),
}
IDENTITY = {
    "gender": part(0.822, 912),
    "nationality": part(0.741, 201),
    "religion": part(0.712, 66),
    "disability": part(0.667, 12, INCONCLUSIVE, "12 rows are too few"),
}
ENVIRONMENT = {
    "mqa": "0.1.0",
    "python": "3.11.4",
    "packages": {"torch": "2.13.0", "transformers": "5.23.0", "onnxruntime-gpu": "1.31.0", "onnx": "1.23.0"},
    "plugins": {"metrics": "0.1.0"},
    "machine": {"system": "Linux x86_64", "cores": 2},
    "model": {"use": "transformers/auto", "id": "models/reviews-minilm", "digest": "sha256:3f9a1c2b" + "0" * 56},
    "data": {"reviews": {"rows": ROWS}},
    "backends": {
        "torch": {"digest": "sha256:1", "facts": {"device": "cpu", "precision": "float32", "threads": 2}},
        "onnx": {"digest": "sha256:2", "facts": {"providers": ["CPUExecutionProvider"], "precision": "float32"}},
    },
}
FLIP = ExampleRow(
    "nyt-0716",
    {"text": TEXT},
    {"text": TYPOS},
    target="negative",
    prediction="positive",
    probability=0.9765,
    reference="negative",
)


def demo() -> list[Result]:
    """Twenty checks of which all hold."""
    tight = Number(0.99952, 0.9983, 0.99994, ROWS, "exact")
    return [
        *metric("accuracy", 0.813, {"min": 0.78}),
        *metric("balanced-accuracy", 0.811, {"min": 0.78}),
        *metric("f1", 0.809, {"min": 0.78}, 0.013),
        *metric("log-loss", 0.437, {"max": 0.48}, 0.019),
        *metric("ece", 0.041, {"max": 0.06}, 0.01),
        *metric("auroc", 0.893, {"min": 0.87}, 0.009),
        *perturbed("typos", 0.032, 0.05),
        *perturbed("keyboard", 0.029, 0.05),
        *perturbed("upper-case", 0.0, 0.01, numbers={"value": number(0.813, 0.012), "drop": number(0.0, 0.001)}),
        *perturbed("strip-punctuation", 0.006, 0.02),
        *perturbed("extra-space", -0.0004, 0.01),
        *perturbed("homoglyphs", 0.143, 0.17),
        *sliced("domains", 0.102, DOMAINS),
        *sliced("identity-terms", 0.110, IDENTITY, expect={"min": 0.6, "max_gap": 0.2}),
        *sliced("length", 0.021, {"short": part(0.82, 1400), "long": part(0.799, 1398)}, expect={"max_gap": 0.1}),
        parity("agreement", tight, {"min": 0.995}),
        parity("flip-rate", Number(0.00048, 0.00006, 0.0017, ROWS, "exact"), {"max": 0.005}),
        parity("max-abs-diff", number(3.1e-06), {"max": 1e-4}),
        parity("mean-kl", Number(4.1e-10, 3.2e-10, 5.3e-10, ROWS, "bca"), {"max": 1e-6}),
        parity("agreement under typos", tight, {"min": 0.99}, perturb={"use": "robustness/typos", "rate": 0.05}),
    ]


def finished(results: list[Result], verdict: Verdict = PASS, backends: tuple[str, ...] = ("torch", "onnx")) -> Report:
    suite = SuiteIdentity(name="reviews", path="suites/nlp.toml", digest="sha256:5", seed=7, confidence=0.95)
    return Report(
        run="20261121-222800-3f9a",
        suite=suite,
        verdict=verdict,
        exit_code=EXITS[verdict],
        started=datetime(2026, 11, 21, 22, 28, tzinfo=UTC),
        seconds=12.34,
        environment=ENVIRONMENT,
        results=tuple(results),
        backends=backends,
        work={name: Work(found=4000, predicted=27000, passes=400) for name in backends},
    )


@pytest.fixture
def make() -> SimpleNamespace:
    """The functions of this file that make parts of a report."""
    return SimpleNamespace(
        both=both,
        changed=changed,
        demo=demo,
        perturbed=perturbed,
        finished=finished,
        metric=metric,
        number=number,
        parity=parity,
        part=part,
        rendered=rendered,
        result=result,
        sliced=sliced,
        step=step,
        flip=FLIP,
    )


def rendered(
    report: Report, width: int = 80, *, verbose: int = 0, encoding: str = "utf-8", colour: bool = False
) -> str:
    """What reaches the stream, escape sequences and all."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, newline="")
    console = Console(file=stream, width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    print_report(report, console, verbose=verbose)
    stream.flush()
    return written.getvalue().decode(encoding)


def changed(results: list[Result], check: str, **parts: Any) -> list[Result]:
    """The same results, but for one check."""
    given = {"evidence": ResultEvidence(**parts.pop("evidence"))} if "evidence" in parts else {}
    return [replace(one, **parts, **given) if one.check == check else one for one in results]
