"""Claims: the numbers that the `model-index` of a model card gives for a model, each as a metric of this plugin takes it."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from mqa_metrics.model_cards.metric_types import AVERAGES, find_card_metric, list_words
from mqa_registry import DataError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from huggingface_hub import EvalResult

    from mqa_metrics.model_cards.metric_types import CardMetric
    from mqa_registry import Metric

MODEL_INDEX = "model-index"
INTERVAL = "interval"  # the key under `args` of a metric where mqa itself puts the interval of the number
MAX_BYTES = 16 << 20  # of a card, which is text for people
MAX_NUMBERS = 1000  # that are read of a card; in YAML, a few lines can stand for any number of entries
MAX_COUNT = 100_000  # of bins, or of classes
MAX_TEXT = 60  # characters of a value that a message has room for
MAX_LISTED = 5  # numbers of a card in one message
NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\d.,])")
TASKS = {"sentiment-analysis": "text-classification", "ner": "token-classification"}  # other names of a kind of task


@dataclass(frozen=True)
class CardDataset:
    """The rows that a number of a card is about: those of a data set, in a configuration and a split of it.

    `type` is the hub's id of the data set, and `name` the one for people.
    """

    type: str = ""
    name: str = ""
    config: str = ""
    split: str = ""

    def __str__(self) -> str:
        parts = {"config": self.config, "split": self.split}
        name = f" ({self.name})" if self.name not in ("", self.type) else ""
        return f"`{self.type}`{name}" + "".join(f", {key} `{value}`" for key, value in parts.items() if value)

    def fits(self, dataset: str | None, config: str | None, split: str | None) -> bool:
        """Whether it is the data set of this type or name, with this configuration and split; None stands for any."""
        is_named = dataset is None or dataset.casefold() in (self.type.casefold(), self.name.casefold())
        return is_named and config in (None, self.config) and split in (None, self.split)


@dataclass(frozen=True)
class Claim:
    """A number of a card that a metric of this plugin can be held to.

    `metric` is its name there and `value` the claimed one, a share where the card says it in per cent. `options` are the
    metric's.
    """

    metric: str
    value: float
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The claim in a few words, as `f1 macro 0.711`."""
        options = (str(value) for value in self.options.values())
        return " ".join([self.metric, *options, f"{self.value:g}"])


@dataclass(frozen=True)
class CardNumber:
    """A number of a card, of a data set and a kind of task; `text` names it as the card does.

    `claim` is what a metric can be held to; without one, `problem` says why there is none.
    """

    text: str
    dataset: CardDataset
    task: str = ""
    claim: Claim | None = None
    problem: str = ""


def read_card(card: Path) -> list[CardNumber]:
    """The numbers of a model card; a DataError where it has none, or cannot be read."""
    metadata = _read_front_matter(card)
    index = metadata.get(MODEL_INDEX)
    if index is None:
        raise DataError(
            f"the model card `{card}` has no `{MODEL_INDEX}`, and so claims no number",
            hint="`mqa report RUN --model-card FILE` writes one of what was measured",
        )
    numbers = list(islice(_iter_numbers(index), MAX_NUMBERS))
    if not numbers:
        raise DataError(f"the `{MODEL_INDEX}` of the model card `{card}` has no number")
    return numbers


def _read_front_matter(card: Path) -> Mapping[str, Any]:
    from huggingface_hub import metadata_load

    try:
        is_too_large = card.stat().st_size > MAX_BYTES
        metadata = None if is_too_large else metadata_load(card)
    except OSError as error:
        raise DataError(f"the model card `{card}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    except Exception as error:  # of YAML, of the encoding, of the hub's own form: they have no common root
        raise DataError(
            f"the front matter of the model card `{card}` cannot be read: {summarize_error(error)}",
            hint="it is YAML between two lines `---` at the top of the file",
        ) from error
    if is_too_large:
        raise DataError(f"the model card `{card}` is larger than {MAX_BYTES >> 20} MiB, and is not read")
    return metadata or {}


def _iter_numbers(index: object) -> Iterator[CardNumber]:
    """The numbers of a `model-index`; an entry that is not as the hub has it costs no other."""
    for model in _list_tables(index):
        for result in _list_tables(model.get("results")):
            for metric in _list_tables(result.get("metrics")):
                yield read_number(result, metric)


def _list_tables(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def read_number(result: Mapping[str, Any], metric: Mapping[str, Any]) -> CardNumber:
    """One metric of a result of a `model-index`."""
    from huggingface_hub.repocard_data import model_index_to_eval_results

    try:
        one_metric = [{"name": "", "results": [{**result, "metrics": [metric]}]}]
        _, (read,) = model_index_to_eval_results(one_metric)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        lacking = f"it lacks {error}" if isinstance(error, KeyError) else "it is not as the hub has it"
        return CardNumber(_to_text(metric.get("type")) or "a number", CardDataset(), problem=lacking)
    parts = (read.dataset_type, read.dataset_name, read.dataset_config, read.dataset_split)
    dataset = CardDataset(*map(_to_text, parts))
    text = f"{_to_text(read.metric_type)} {_to_text(read.metric_value)}".strip() or "a number"
    task = _to_text(read.task_type)
    try:
        return CardNumber(text, dataset, task, _read_claim(read))
    except _NoClaim as reason:
        return CardNumber(text, dataset, task, problem=str(reason))


def _to_text(value: object) -> str:
    """A plain value as a short text, and nothing of any other: in YAML, a few lines can stand for a list without end."""
    if value is None or not isinstance(value, str | int | float):
        return ""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."


class _NoClaim(Exception):  # noqa: N818  # no error: what is said here stands in the report
    """Why no metric can be held to a number of a card."""


def _read_claim(read: EvalResult) -> Claim:
    metric, average = find_card_metric(_to_text(read.metric_type))
    if metric is None:
        raise _NoClaim("mqa has no such metric")
    return Claim(
        metric.metric.name, _read_value(read.metric_value, metric.metric), _read_options(read, metric, average)
    )


def _read_value(value: object, metric: Metric) -> float:
    """The claimed value. One of a metric that goes up to 1 is in per cent where it is beyond 1, or says so."""
    has_sign = isinstance(value, str) and "%" in value
    if isinstance(value, str):
        match = NUMBER.match(value)
        value = float(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _NoClaim("its value is no number")
    value = float(value) if abs(value) <= sys.float_info.max else math.inf  # an integer may be larger
    if not math.isfinite(value):
        raise _NoClaim("its value is no number")
    low, high = metric.range
    share = value / 100 if high == 1 and (has_sign or not low <= value <= high) else value
    if not low <= share <= high:
        raise _NoClaim(f"{value:g} is no value of `metrics/{metric.name}`")
    return share


def _read_options(read: EvalResult, metric: CardMetric, average: str) -> dict[str, Any]:
    """The options of the metric that a card states: under `args`, as `config`, or in the metric's type or name."""
    stated = read.metric_args if isinstance(read.metric_args, dict) else {}
    options: dict[str, Any] = {
        "positive" if name == "pos_label" else _to_text(name): value
        for name, value in stated.items()
        if name != INTERVAL and value is not None
    }
    if unknown := sorted(options.keys() - set(metric.options)):
        raise _NoClaim(f"`metrics/{metric.metric.name}` has no `{unknown[0]}`")
    if "average" in metric.options and not options.keys() & {"average", "positive"}:
        words = (_to_text(read.metric_config).lower(), average, *list_words(_to_text(read.metric_name)))
        options |= [("average", word) for word in words if word in AVERAGES][:1]
    for name, value in options.items():
        if not _is_option(name, value):
            raise _NoClaim(f"`{_to_text(value)}` is no `{name}`")
    return options


def _is_option(name: str, value: object) -> bool:
    """Whether a value is one that the option of a metric can have."""
    if name == "average":
        return value in AVERAGES
    if isinstance(value, int) and not isinstance(value, bool):
        return (name == "n_bins") <= value <= MAX_COUNT
    return name == "positive" and isinstance(value, str)


def select_claims(
    numbers: Sequence[CardNumber], *, dataset: str | None, config: str | None, split: str | None, task: str
) -> tuple[list[Claim], list[str]]:
    """The claims on one set of rows, and what else the card says, each with the reason why no metric is held to it.

    `task` is the kind of the model, empty where it is unknown. A DataError where the card claims nothing of such rows, or
    does not tell of which of several.
    """
    selected: dict[CardDataset, dict[str, Claim]] = {}
    others = []
    for number in numbers:
        if number.claim is None:
            others.append(f"{number.text}: {number.problem}")
        elif not number.dataset.fits(dataset, config, split):
            others.append(f"{number.text}: it is of {number.dataset}")
        elif task and TASKS.get(number.task, number.task) != task:
            others.append(f"{number.text}: it is of the task `{number.task}`")
        else:
            selected.setdefault(number.dataset, {})[number.claim.title] = number.claim
    if len(selected) == 1:
        return list(next(iter(selected.values())).values()), others
    if selected:
        raise DataError(
            f"the model card claims numbers of {'; '.join(map(str, selected))}",
            hint="say which of them the rows are, by the options `dataset`, `config` and `split`",
        )
    asked = {"dataset": dataset, "config": config, "split": split}
    named = ", ".join(f"{key} `{value}`" for key, value in asked.items() if value)
    raise DataError(
        f"the model card claims no number of {named or 'these rows'} that mqa can measure",
        hint=f"it has {'; '.join(others[:MAX_LISTED])}{'; ...' if len(others) > MAX_LISTED else ''}",
    )
