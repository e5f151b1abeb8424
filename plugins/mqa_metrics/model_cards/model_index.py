"""The `model-index` in the front matter of a model card: measured results take the place of those that they measure again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mqa_metrics.model_cards.claims import MODEL_INDEX, read_number
from mqa_metrics.model_cards.measured import list_measured, name_model
from mqa_registry import UsageError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import TypeGuard

    from mqa_registry import Report

BYTE_ORDER_MARK = "\ufeff"
KEY = re.compile(rf"""(['"]?){MODEL_INDEX}\1[ \t]*:(?=\s|$)""")
NEXT_KEY = re.compile(r"[^\s#-]")  # the items of a list may stand as far to the left as its key


def amend_card(report: Report, card: str) -> str:
    """The text of a model card with the results of a report in its `model-index`.

    All else that the card has stays as it is, to the letter: other keys, other results, the text. A UsageError where its
    front matter, or the `model-index` in it, is not as the hub has it.
    """
    from huggingface_hub.repocard import REGEX_YAML_BLOCK
    from huggingface_hub.repocard_data import eval_results_to_model_index

    ours = eval_results_to_model_index(name_model(report), list_measured(report))
    mark, text = (BYTE_ORDER_MARK, card[1:]) if card.startswith(BYTE_ORDER_MARK) else ("", card)
    block = REGEX_YAML_BLOCK.match(text)
    if block is None:
        return f"{mark}---\n{_to_yaml(ours)}---\n{text}"
    metadata = _read_metadata(text)
    index = _merge(metadata.get(MODEL_INDEX), ours)
    front = _replace_key(block[2], _to_yaml(index, "\r\n" if block[1].endswith("\r\n") else "\n"))
    amended = f"{text[: block.start(2)]}{front}{text[block.end(2) :]}"
    if not _has_metadata(amended, metadata | {MODEL_INDEX: index}):
        raise UsageError(
            f"the front matter of the model card cannot be amended: its `{MODEL_INDEX}` is not written line by line",
            hint="write the card to another file, and copy from there",
        )
    return mark + amended


def _read_metadata(text: str) -> dict[str, Any]:
    from huggingface_hub import RepoCard

    try:
        return dict(vars(RepoCard(text).data))
    except Exception as error:  # of YAML, of the hub's own form: they have no common root
        raise UsageError(
            f"the front matter of the model card cannot be read: {summarize_error(error)}",
            hint="it is YAML between two lines `---` at the top of the file",
        ) from error


def _has_metadata(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return _read_metadata(text) == expected
    except UsageError:
        return False


def _to_yaml(index: Sequence[Mapping[str, Any]], line_break: str = "\n") -> str:
    from huggingface_hub import CardData

    metadata: dict[str, Any] = {MODEL_INDEX: index}
    return CardData(**metadata).to_yaml(line_break=line_break) + line_break


def _replace_key(front: str, index: str) -> str:
    """The lines of a front matter with another `model-index`, at the end where it has none."""
    lines = front.splitlines(keepends=True)
    start = next((row for row, line in enumerate(lines) if KEY.match(line)), len(lines))
    end = next((row for row, line in enumerate(lines) if row > start and NEXT_KEY.match(line)), len(lines))
    while end > start + 1 and lines[end - 1].lstrip().startswith(("#", "\n", "\r")):  # of the next key
        end -= 1
    before, after = "".join(lines[:start]), "".join(lines[end:])
    line_break = "\r\n" if index.endswith("\r\n") else "\n"
    separator = "" if not before or before.endswith(("\r", "\n")) else line_break
    return f"{before}{separator}{index}{after}" if after else f"{before}{separator}{index}".removesuffix(line_break)


def _merge(present: object, ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A `model-index` without the metrics that ours measures again, and with ours; what others have verified stays."""
    if present is None:
        return ours
    if not _is_index(present):
        raise UsageError(
            f"the `{MODEL_INDEX}` of the model card is no list of models with their `results`, as the hub has it",
            hint="mend it, or take it out",
        )
    measured = {_identify(result, metric) for result in ours[0]["results"] for metric in result["metrics"]}
    kept = [{**model, "results": _without(model["results"], measured)} for model in present]
    return [{**kept[0], "results": [*kept[0]["results"], *ours[0]["results"]]}, *kept[1:]]


def _is_index(present: object) -> TypeGuard[list[dict[str, Any]]]:
    """Whether it is a list of models that have lists of results."""
    return (
        isinstance(present, list)
        and bool(present)
        and all(isinstance(model, dict) and isinstance(model.get("results"), list) for model in present)
    )


def _without(results: Sequence[Any], measured: AbstractSet[Hashable]) -> list[Any]:
    """The results without these metrics; one that has no other is left out, and one that is malformed stays."""
    kept = []
    for result in results:
        metrics = result.get("metrics") if isinstance(result, dict) else None
        if not isinstance(metrics, list):
            kept.append(result)
            continue
        others = [
            metric
            for metric in metrics
            if not isinstance(metric, dict) or metric.get("verified") or _identify(result, metric) not in measured
        ]
        if len(others) == len(metrics):
            kept.append(result)
        elif others:
            kept.append({**result, "metrics": others})
    return kept


def _identify(result: Mapping[str, Any], metric: Mapping[str, Any]) -> Hashable:
    """What a metric of a result is about, equal where it is measured again; of other rows of the same data set, too."""
    number = read_number(result, metric)
    if number.claim is None:
        return None
    dataset, claim = number.dataset, number.claim
    options = tuple(sorted((name, str(value)) for name, value in claim.options.items()))
    return number.task, dataset.type.casefold(), dataset.config, dataset.split, claim.metric, options
