"""Which class of the model each label of the data means, where they have other names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.types.labels import UnreadableLabel, match_labels, plain_label, read_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class LabelMapping:
    """What the labels of the data mean: `meanings` as `labels` of a data set has them, empty where they are read as they are.

    `doubt` says what a person should look at. Labels that mean nothing at all are not `readable`.
    """

    meanings: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""
    readable: bool = True


def map_labels(labels: Sequence[Any], classes: Sequence[str]) -> LabelMapping:
    """The class of each of these distinct labels, which are in order."""
    if not isinstance(read_labels(labels, classes), UnreadableLabel):
        return LabelMapping()
    names = list(dict.fromkeys(map(plain_label, labels)))
    matched = match_labels(labels, classes)
    rest = [name for name in names if name not in matched]
    if matched and not rest:
        return LabelMapping(matched)
    free = [name for name in classes if name not in matched.values()]
    if len(rest) == len(free):
        guessed = dict(zip(rest, free, strict=True))
        return LabelMapping({name: matched.get(name) or guessed[name] for name in names}, _doubt_order(guessed))
    if matched:
        return LabelMapping({name: matched.get(name, "") for name in names}, f"{_quote(rest)} taken for no label")
    return LabelMapping(
        doubt=f"the labels {_quote(names)} are none of the model's classes {_quote(classes)}", readable=False
    )


def _doubt_order(guessed: Mapping[str, str]) -> str:
    return f"{_quote(guessed)} taken for {_quote(guessed.values())} by their order"


def _quote(names: Any) -> str:
    shown = list(names)
    return ", ".join(f"`{name}`" for name in shown[:6]) + (", ..." if len(shown) > 6 else "")
