"""Measured results: the metrics of a report as the results that model cards have, in the hub's own class for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_metrics.model_cards.claims import INTERVAL
from mqa_metrics.model_cards.metric_types import CARD_METRICS_BY_NAME
from mqa_registry import UsageError, list_backends

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

    from mqa_metrics.model_cards.metric_types import CardMetric
    from mqa_registry import Number, Report, Result

PLUGIN = "metrics/"  # before the name of a metric
DIGITS = 6  # significant ones of a number in a card


def list_measured(report: Report) -> list[EvalResult]:
    """Every metric of unperturbed rows, each once, as the first backend has it; a UsageError where there is none."""
    if not (report.environment.get("model") or {}).get("task"):
        raise UsageError(
            "the report does not say which model with which task was measured, and a model card does",
            hint="run a suite that has a `[model]`, or run it again if the report is of an earlier version",
        )
    backend = list_backends(report)[0]
    measured = {}
    for result in report.results:
        metric = _find_metric(result)
        number = result.numbers.get("value")
        if metric is None or number is None or number.estimate is None:
            continue
        if result.backend == backend and not result.perturb:
            key = (result.data, *(f"{name} {option}" for name, option in sorted(result.measure.items())))
            measured[key] = _make_result(report, result, metric, number)
    if not measured:
        raise UsageError(
            f"the report has no metric of unperturbed rows on `{backend}` that a model card has",
            hint='a suite measures one by a check, as in `measure = "metrics/accuracy"`',
        )
    return list(measured.values())


def name_model(report: Report) -> str:
    """The name of the model: the last part of its folder or of its id."""
    return str(report.environment["model"].get("id", "")).rstrip("/").rpartition("/")[2] or report.suite.name


def _find_metric(result: Result) -> CardMetric | None:
    use = str(result.measure.get("use", ""))
    return CARD_METRICS_BY_NAME.get(use.removeprefix(PLUGIN)) if use.startswith(PLUGIN) else None


def _make_result(report: Report, result: Result, metric: CardMetric, number: Number) -> EvalResult:
    from huggingface_hub import EvalResult

    options = {name: value for name, value in result.measure.items() if name != "use"}
    words = [str(options[name]) for name in ("average", "positive") if name in options]
    args = {"pos_label" if name == "positive" else name: value for name, value in options.items()}
    # Where the data are from the hub, as that has them; else by their name in the suite and their digest.
    facts = (report.environment.get("data") or {}).get(result.data) or {}
    source = facts.get("source") or {}
    assert number.estimate is not None
    return EvalResult(
        task_type=str(report.environment["model"]["task"]),
        dataset_type=str(source.get("id", result.data)),
        dataset_name=result.data,
        dataset_config=source.get("config_name"),
        dataset_split=source.get("split"),
        dataset_revision=source.get("revision") or facts.get("digest"),
        metric_type=metric.type,
        metric_name=f"{metric.title} ({', '.join(words)})" if words else metric.title,
        metric_value=_shorten(number.estimate),
        metric_args=args | {INTERVAL: _describe_interval(report, number)},
    )


def _describe_interval(report: Report, number: Number) -> dict[str, Any]:
    """The interval of a number, with the level it has and what it is made of; an end that is open is left out."""
    ends = {name: _shorten(end) for name, end in (("low", number.low), ("high", number.high)) if end is not None}
    level = {"confidence": report.suite.confidence} if ends else {}
    return {**ends, **level, "method": number.method, "rows": number.rows}


def _shorten(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
