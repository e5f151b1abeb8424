"""Labels: which class of the model each label of a data set means, where it can mean one alone."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import UsageError
from mqa_registry.naming import close_names, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

DEFAULT_NAME = re.compile(r"label_(\d+)", re.IGNORECASE)  # how transformers names a class that nobody named
WHOLE_NUMBER = re.compile(r"[-+]?\d+(\.0*)?")
NUMBER = re.compile(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?")
SEPARATORS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
MISSING_WORDS = frozenset(
    {"nan", "none", "null", "na", "n/a", "<na>", "nat"}
)  # what programs write for no value, casefolded
BOOLEANS = {"false": 0, "true": 1}
LISTED_CLASSES = 20  # classes that a hint lists
LISTED_POSITIVE_CLASSES = 10  # and where it is about which of them is positive
MAPPED_CLASSES = 6  # classes of which a hint writes the whole map


@dataclass(frozen=True)
class UnreadableLabel:
    """A label that is no class, or could be several: `reason` ends a sentence about it."""

    label: Any
    reason: str
    hint: str


def read_labels(
    labels: Sequence[Any], classes: Sequence[str], *, positions: bool = True
) -> list[str] | UnreadableLabel:
    """The class that each of these distinct labels means, in their order; the first that is unreadable instead.

    A label is the name of a class, letter by letter, else in another case, with other spaces or separators. Else all of
    them are positions among the classes, as whole numbers or as transformers names classes without names (`LABEL_1`);
    else the two booleans of a model with two classes. Without `positions` it has to be a name.
    """
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(_normalized(name), []).append(name)
    exact = frozenset(classes)
    named = [_find_class(label, exact, alike) for label in labels]
    if all(name is not None for name in named):
        return [name for name in named if name is not None]
    unknown = next(label for label, name in zip(labels, named, strict=True) if name is None)
    if any(name is not None for name in named):
        return UnreadableLabel(unknown, *_explain_unknown(unknown, labels, classes))
    numbers = [_parse_position(label) for label in labels] if positions else [None]
    if all(number is not None for number in numbers):
        return _classes_at(labels, [number for number in numbers if number is not None], classes)
    switches = [BOOLEANS.get(_stripped(label).casefold()) for label in labels] if positions else [None]
    if all(switch is not None for switch in switches):
        if len(classes) == len(BOOLEANS):
            by_switch = sorted(classes) if set(classes) == {"0", "1"} else classes  # `true` is the class `1`
            return [by_switch[switch] for switch in switches if switch is not None]
        reason = f"which is one of two, and the model has {counted(len(classes), 'class', 'classes')}"
        return UnreadableLabel(labels[0], reason, _suggest_mapping(labels, classes))
    unknown = next((label for label in labels if _parse_position(label) is None), labels[0])
    return UnreadableLabel(unknown, *_explain_unknown(unknown, labels, classes))


def match_labels(labels: Sequence[Any], classes: Sequence[str]) -> dict[str, str]:
    """The class that each label plainly means: the only one whose name begins with it, or that has its number.

    Of the labels, as text, those are left out that mean none or several, or a class that another label means, too.
    """
    found = {plain_label(label): _classes_like(label, classes) for label in labels}
    alone = {label: names[0] for label, names in found.items() if len(names) == 1}
    meanings = list(alone.values())
    return {label: name for label, name in alone.items() if meanings.count(name) == 1}


def _classes_like(label: Any, classes: Sequence[str]) -> list[str]:
    """The classes of this name; else those whose name begins with the label, or has its number as the only one."""
    text = _normalized(plain_label(label))
    if named := [name for name in classes if _normalized(name) == text]:
        return named
    if text.isdecimal():
        return [name for name in classes if re.findall(r"\d+", name) == [text] and not DEFAULT_NAME.fullmatch(name)]
    return [name for name in classes if text and _normalized(name).startswith(text)]


def positive_class(classes: Sequence[str], positive: str | None) -> int:
    """The position of the positive class: the one that is named, else the second of two; a UsageError without it."""
    if positive is None and len(classes) == 2:
        return 1
    listed = ", ".join(f"`{name}`" for name in classes[:LISTED_POSITIVE_CLASSES]) + (
        ", ..." if len(classes) > LISTED_POSITIVE_CLASSES else ""
    )
    if positive is None:
        raise UsageError(
            f"with {counted(len(classes), 'class', 'classes')} a rate needs to know which one is positive",
            hint=f"say `positive`, one of {listed}; or give an average over classes, where the metric has one",
        )
    if positive not in classes:
        raise UsageError(f"there is no class `{positive}` to be positive", hint=f"the classes are {listed}")
    return list(classes).index(positive)


def plain_label(label: Any) -> str:
    """A label as text, the same for what files write in several ways: `1` of 1, 1.0 and `1.0`, `true` of a boolean."""
    text = _stripped(label)
    number = _parse_position(label)
    if number is not None and not DEFAULT_NAME.fullmatch(text):
        return str(number)
    return text.casefold() if text.casefold() in BOOLEANS else text


def is_missing(label: Any) -> bool:
    """Whether there is no label: null, NaN, or a text of nothing but spaces."""
    return label is None or (isinstance(label, float) and math.isnan(label)) or not _stripped(label)


def _stripped(label: Any) -> str:
    return str(label).strip()


def _find_class(label: Any, exact: AbstractSet[str], alike: Mapping[str, Sequence[str]]) -> str | None:
    """The class of this name; None where there is none, or several that differ in case alone."""
    for text in (str(label), plain_label(label)):
        if text in exact:
            return text
    found = alike.get(_normalized(_stripped(label)), ())
    return found[0] if len(found) == 1 else None


def _normalized(text: str) -> str:
    """A name without what people write differently: case, width, and what stands between words."""
    return SEPARATORS.sub(" ", unicodedata.normalize("NFKC", text).strip().casefold())


def _parse_position(label: Any) -> int | None:
    """The whole number that a label is, or has in its default name."""
    if isinstance(label, bool):
        return None
    text = _stripped(label)
    if match := DEFAULT_NAME.fullmatch(text):
        return int(match[1])
    return int(text.partition(".")[0]) if WHOLE_NUMBER.fullmatch(text) else None


def _classes_at(labels: Sequence[Any], numbers: Sequence[int], classes: Sequence[str]) -> list[str] | UnreadableLabel:
    for label, number in zip(labels, numbers, strict=True):
        if not 0 <= number < len(classes):
            reason = f"and the model has {counted(len(classes), 'class', 'classes')}, numbered 0 to {len(classes) - 1}"
            return UnreadableLabel(label, reason, _suggest_mapping(labels, classes))
    return [classes[number] for number in numbers]


def _explain_unknown(label: Any, labels: Sequence[Any], classes: Sequence[str]) -> tuple[str, str]:
    """Why a label is no class, and what to do about it."""
    text = _stripped(label)
    if text.casefold() in MISSING_WORDS:
        hint = (
            f'where it means that there is no label, leave it empty, or write `labels = {{ {_toml_key(label)} = "" }}`'
        )
        return f"which is no class of the model; it knows {_list_classes(classes)}", hint
    if NUMBER.fullmatch(text) and not WHOLE_NUMBER.fullmatch(text):
        return "which is a measure and no class", "is the target of this model a number? then it is no classifier's"
    if len([name for name in classes if _normalized(name) == _normalized(text)]) > 1:
        return f"which could be several classes of the model; it knows {_list_classes(classes)}", _suggest_mapping(
            labels, classes
        )
    if all(DEFAULT_NAME.fullmatch(name) for name in classes):
        names = ", ".join(f'{name} = "..."' for name in classes[:MAPPED_CLASSES])
        reason = f"and the model's classes have no names, but {_list_classes(classes)}"
        return reason, f"name them in `[model]`: `labels = {{ {names} }}`"
    return f"which the model does not know; it knows {_list_classes(classes)}", _suggest_meaning(text, labels, classes)


def _suggest_meaning(text: str, labels: Sequence[Any], classes: Sequence[str]) -> str:
    """The class that a person may have meant; else the map of labels, each the beginning of one class."""
    folded = {name.casefold(): name for name in classes}
    if near := close_names(text.casefold(), folded, limit=1):
        return f"did you mean `{folded[near[0]]}`?"
    begun = {
        label: [name for name in classes if _normalized(name).startswith(_normalized(_stripped(label)))]
        for label in labels
    }
    if all(len(names) == 1 for names in begun.values()) and len(begun) <= MAPPED_CLASSES:
        return _mapping_hint({label: names[0] for label, names in begun.items()})
    return _suggest_mapping(labels, classes)


def _suggest_mapping(labels: Sequence[Any], classes: Sequence[str]) -> str:
    """The map that would say what every label means, for a person to fill in."""
    if len(labels) > MAPPED_CLASSES:
        return 'say which class each is, in the data set\'s table: `labels = { 1 = "...", 2 = "..." }`'
    by_value = sorted(labels, key=lambda label: (isinstance(label, str), label if not isinstance(label, str) else 0))
    return _mapping_hint(dict.fromkeys(by_value, "..."), f", each one of {_list_classes(classes)}")


def _mapping_hint(meanings: Mapping[Any, str], rest: str = "") -> str:
    pairs = ", ".join(f'{_toml_key(label)} = "{name}"' for label, name in meanings.items())
    return f"say which class each is, in the data set's table: `labels = {{ {pairs} }}`{rest}"


def _toml_key(label: Any) -> str:
    """A label as a key of TOML."""
    text = plain_label(label)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list_classes(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - LISTED_CLASSES} more" if len(classes) > LISTED_CLASSES else ""
    return (", ".join(f"`{name}`" for name in classes[:LISTED_CLASSES]) or "none") + more
