"""Predictions of every schema with their targets, right, wrong or in between: what measures are tried with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry.types import Predictions, encode_mask, encode_masks, get_schema
from mqa_registry.types.schemas.boxes import TARGET_BOX
from mqa_registry.types.schemas.relevances import RELEVANCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mqa_registry.types import Targets

Quality: TypeAlias = Literal["right", "wrong", "partial"]
Row: TypeAlias = "tuple[Mapping[str, Any], Any]"  # the columns of a prediction, and its target

ROWS = 24  # of a pair of predictions and targets
CLASSES = ("negative", "positive")
LABELS = ("one", "two", "three")
QUALITIES: tuple[Quality, ...] = ("right", "partial", "right", "wrong", "right")  # of rows, by turns
SIDE = 8  # pixels of an image with masks


@dataclass(frozen=True)
class SampleRows:
    """Rows of one schema: `make(number, quality)` gives the prediction and the target of one.

    A `right` prediction is as sure as can be, and so is a `wrong` one; a `partial` one is not sure, or right in part.
    """

    make: Callable[[int, Quality], Row]
    classes: tuple[str, ...] = ()
    target_type: pa.DataType | None = None


def has_rows(schema: str) -> bool:
    """Whether there are predictions of a schema."""
    return schema in MAKERS


def make_pair(
    schema: str, quality: Quality | None = None, *, rows: int = ROWS, shift: int = 0
) -> tuple[Predictions, Targets]:
    """Predictions with their targets, of one quality or, if left out, of all by turns.

    With another `shift`, the same rows have predictions of other qualities.
    """
    form, sample = get_schema(schema), MAKERS[schema]
    made = [sample.make(n, quality or QUALITIES[(n + shift) % len(QUALITIES)]) for n in range(rows)]
    ids = pa.array([f"row {n}" for n in range(rows)])
    names = [name for name in form.columns if name in made[0][0]]
    columns = {name: pa.array([prediction[name] for prediction, _ in made], form.columns[name]) for name in names}
    targets = pa.array([target for _, target in made], sample.target_type or form.type)
    return (
        Predictions(schema, pa.table({"id": ids, **columns}), sample.classes),
        Predictions(schema, pa.table({"id": ids, form.column: targets}), sample.classes),
    )


def _label(number: int, quality: Quality) -> Row:
    target = number // 2 % 2  # both classes are in each of two groups of rows by turns
    sure = {"right": 1.0, "wrong": 0.0, "partial": 0.55 + 0.01 * (number % 20)}[quality]
    probabilities = [sure, 1 - sure] if target == 0 else [1 - sure, sure]
    return {"label": CLASSES[int(np.argmax(probabilities))], "probability": probabilities}, CLASSES[target]


def _labels(number: int, quality: Quality) -> Row:
    has = np.array([number % 2 == 0, number % 3 == 0, number % 4 < 2])
    predicted = has.copy() if quality != "wrong" else ~has
    if quality == "partial":
        predicted[number % 3] ^= True
    spread = 0.3 + 0.01 * (number % 10) if quality == "partial" else 0.0
    probabilities = np.where(predicted, 1 - spread, spread)
    names = [name for name, there in zip(LABELS, predicted, strict=True) if there]
    target = [name for name, there in zip(LABELS, has, strict=True) if there]
    return {"labels": names, "probability": probabilities.tolist()}, target


def _value(number: int, quality: Quality) -> Row:
    target = 1.0 + number - ROWS / 2 + 0.25
    return {"value": {"right": target, "wrong": -target, "partial": target + 0.3 * (number % 5 - 2)}[quality]}, target


def _vector(number: int, quality: Quality) -> Row:
    target = np.array([np.cos(number), np.sin(number), 1 + number % 3])
    other = {"right": target, "wrong": -target, "partial": target + np.array([0.1, 0.05 * (number % 4), 0.0])}[quality]
    return {"vector": other.tolist()}, target.tolist()


def _text(number: int, quality: Quality) -> Row:
    words = ["one", "two", "three", f"word{number}"]
    predicted = {"right": words, "wrong": ["nothing", "like", "it"], "partial": words[:2]}[quality]
    return {"text": " ".join(predicted)}, " ".join(words)


def _spans(number: int, quality: Quality) -> Row:
    spans = [{"start": 0, "end": 3, "label": "one"}, {"start": 5, "end": 9 + number % 3, "label": "two"}]
    wrong = [{"start": 20, "end": 25, "label": "two"}]
    predicted = {"right": spans, "wrong": wrong, "partial": [spans[0], *wrong]}[quality]
    words = [*spans, *wrong]
    decisions = [{**word, "label": word["label"] if word in predicted else "O", "margin": 0.9} for word in words]
    return {"spans": [{**span, "score": 0.9} for span in predicted], "decisions": decisions}, spans


def _tokens(number: int, quality: Quality) -> Row:
    token = {
        "right": {"token": "one", "margin": 1.0, "loss": 0.0, "rank": 1},
        "wrong": {"token": "two", "margin": 1.0, "loss": 9.0, "rank": 1000},
        "partial": {"token": "two", "margin": 0.1, "loss": 1.0 + 0.1 * (number % 5), "rank": 2},
    }[quality]
    return {"tokens": [token]}, []


def _answer(number: int, quality: Quality) -> Row:
    is_answered = number % 4 != 0
    target = ["one two three", f"two three {number}"] if is_answered else []
    right = "one two three" if is_answered else ""
    text = {"right": right, "wrong": "" if is_answered else "seven", "partial": right and "one two"}[quality]
    sure = 0.6 if quality == "partial" else 1.0
    scores = (sure, 1 - sure) if text else (1 - sure, sure)
    return {
        "answer": text,
        "start": 0,
        "end": len(text),
        "score": scores[0],
        "no_answer_score": scores[1],
        "candidates": [{"answer": text or "one", "score": scores[0]}],
    }, target


def _boxes(number: int, quality: Quality) -> Row:
    sides, label = {"x0": 10.0, "y0": 10.0, "x1": 40.0 + number, "y1": 50.0}, LABELS[number % 2]
    shift = {"right": 0.0, "wrong": 60.0, "partial": 6.0}[quality]
    score = (0.6 if quality == "partial" else 1.0) - 0.001 * number  # no ties, which COCO breaks by the order
    box = {**{side: place + shift for side, place in sides.items()}, "label": label, "score": score}
    return {"boxes": [box], "width": 200, "height": 200}, [{**sides, "label": label}]


def _masks(number: int, quality: Quality) -> Row:
    codes = np.zeros((SIDE, SIDE), np.int64)
    codes[:, : 2 + number % 4] = 1
    predicted = {"right": codes, "wrong": 1 - codes, "partial": np.roll(codes, 1, axis=1)}[quality]
    names = LABELS[:2]
    return {"masks": encode_masks(predicted, names)}, encode_masks(codes, names)


def _instances(number: int, quality: Quality) -> Row:
    pixels, label = np.zeros((SIDE, SIDE), bool), LABELS[number % 2]
    pixels[2:6, 1 : 4 + number % 2] = True
    shift = {"right": 0, "wrong": 4, "partial": 1}[quality]
    score = (0.6 if quality == "partial" else 1.0) - 0.001 * number  # no ties, as of boxes
    instance = {"label": label, **encode_mask(np.roll(pixels, shift, axis=1)), "score": score}
    return {"instances": [instance]}, [{"label": label, **encode_mask(pixels)}]


def _ranking(number: int, quality: Quality) -> Row:
    relevant, others = [f"thing {number % 5}", f"thing {number % 5 + 1}"], ["other 1", "other 2", "other 3"]
    order = {"right": [*relevant, *others], "wrong": others, "partial": [others[0], *relevant]}[quality]
    scores = [1.0 - 0.1 * place for place in range(len(order))]
    return {"ranking": order, "scores": scores}, [{"id": name, "relevance": 1.0} for name in relevant]


def _waveform(number: int, quality: Quality) -> Row:
    samples = np.sin(np.arange(32) * (0.1 + 0.01 * number)).astype(np.float32)
    other = {"right": samples, "wrong": -samples, "partial": samples * np.float32(0.9)}[quality]
    return {"samples": other.tolist(), "rate": 16_000}, samples.tolist()


MAKERS: Mapping[str, SampleRows] = {
    "label": SampleRows(_label, CLASSES),
    "labels": SampleRows(_labels, LABELS),
    "value": SampleRows(_value),
    "vector": SampleRows(_vector),
    "text": SampleRows(_text),
    "spans": SampleRows(_spans, LABELS[:2]),
    "tokens": SampleRows(_tokens),
    "answer": SampleRows(_answer, target_type=pa.list_(pa.string())),
    "boxes": SampleRows(_boxes, LABELS[:2], pa.list_(TARGET_BOX)),
    "masks": SampleRows(_masks, LABELS[:2]),
    "instances": SampleRows(_instances, LABELS[:2]),
    "ranking": SampleRows(_ranking, target_type=RELEVANCES),
    "waveform": SampleRows(_waveform),
}
