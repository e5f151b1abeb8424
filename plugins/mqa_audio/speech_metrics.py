"""Metrics of where speech was found: time that is right, time that is wrong, and where speech begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Gt

from mqa_audio.voice_activity import SPEECH
from mqa_registry import DataError, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Spans: TypeAlias = Sequence[dict[str, Any]]

DECISIONS = "decisions"  # the column of what was decided of each chunk
BLOCK_ROWS = 1 << 12  # compared at a time
OVERLAP, PREDICTED, ACTUAL = range(3)  # columns of counts


def speech_f1(predictions: Predictions, targets: Targets) -> Statistic:
    """The F1 of frames of a millisecond: 2 · time of speech that is found / (time that is predicted + time of the targets).

    From 0 to 1. The times of all rows are added up.
    """
    return _over_rows(
        _measure_times(predictions, targets),
        lambda sums: _divide(2 * sums[..., OVERLAP], sums[..., PREDICTED] + sums[..., ACTUAL]),
    )


def detection_error(predictions: Predictions, targets: Targets) -> Statistic:
    """The detection error rate: time of speech that is missed, and time that is taken for it, by the time of speech.

    From 0 up; 1 where nothing is found. The times of all rows are added up.
    """
    return _over_rows(
        _measure_times(predictions, targets),
        lambda sums: _divide(sums[..., PREDICTED] + sums[..., ACTUAL] - 2 * sums[..., OVERLAP], sums[..., ACTUAL]),
    )


def onset_f1(predictions: Predictions, targets: Targets, *, tolerance_ms: Annotated[float, Gt(0)] = 100.0) -> Statistic:
    """The F1 of where segments begin.

    From 0 to 1. A predicted onset is right that is within `tolerance_ms` of one of the targets; each is held against one.
    """
    _check_within_sounds(predictions, targets)
    counts = [
        (_match(one, other, tolerance_ms), len(one), len(other))
        for one, other in zip(_onsets(predictions.to_pylist()), _onsets(targets.to_pylist()), strict=True)
    ]
    return _over_rows(
        np.array(counts, np.float64).reshape(-1, 3),
        lambda sums: _divide(2 * sums[..., OVERLAP], sums[..., PREDICTED] + sums[..., ACTUAL]),
    )


def chunk_difference(reference: Predictions, candidate: Predictions) -> float:
    """The largest difference of the probability of speech in any chunk, as two models or files have it at one threshold.

    From 0 to 1. Rows that one side has no prediction for are left out.
    """
    columns = [_find_decisions(side) for side in (reference, candidate)]
    starts = range(0, len(reference), BLOCK_ROWS)
    blocks = ([column.slice(start, BLOCK_ROWS) for column in columns] for start in starts)
    return max((_largest_difference(*block) for block in blocks), default=0.0)


def _find_decisions(predictions: Predictions) -> pa.ChunkedArray:
    if DECISIONS not in predictions.table.column_names:
        raise DataError("the predictions are spans alone, without what was decided of each chunk")
    return predictions.table.column(DECISIONS)


def _largest_difference(one: pa.ChunkedArray, other: pa.ChunkedArray) -> float:
    """That of some rows; a DataError where chunks are others."""
    is_known = pc.and_(one.is_valid(), other.is_valid())
    sides = [side.filter(is_known) for side in (one, other)]
    lengths = [pc.list_value_length(side) for side in sides]
    if not lengths[0].equals(lengths[1]):
        raise DataError("the reference and the candidate decided on other chunks of a row")
    margins = [_signed_margins(pc.list_flatten(side)) for side in sides]
    return float(np.abs(margins[0] - margins[1]).max(initial=0.0)) / 2


def _signed_margins(decisions: pa.ChunkedArray) -> Floats:
    """How far each chunk is from the threshold, twice, negative below it."""
    margins = np.asarray(pc.struct_field(decisions, "margin").to_numpy(), np.float64)
    is_speech = np.asarray(pc.equal(pc.struct_field(decisions, "label"), SPEECH).to_numpy(), bool)
    return np.where(is_speech, margins, -margins)


def _over_rows(counts: Floats, score: Callable[[Floats], Floats]) -> Statistic:
    """A number of sums over rows; every row is a bin, for resampling keeps its times together."""
    return Statistic(lambda times: score(times @ counts))


def _measure_times(predictions: Predictions, targets: Targets) -> Floats:
    """By row the milliseconds that are in both, predicted, and in the targets, shape (rows, 3)."""
    _check_within_sounds(predictions, targets)
    pairs = zip(_merged(predictions.to_pylist()), _merged(targets.to_pylist()), strict=True)
    rows = [
        (
            sum(max(0, min(end, stop) - max(start, first)) for start, end in one for first, stop in other),
            sum(end - start for start, end in one),
            sum(end - start for start, end in other),
        )
        for one, other in pairs
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def _check_within_sounds(predictions: Predictions, targets: Targets) -> None:
    """Raise a DataError where a target ends after the last chunk of its sound; predictions without chunks say no length."""
    if DECISIONS not in predictions.table.column_names:
        return
    ids, chunks = predictions.ids, _find_decisions(predictions)
    for row, spans in enumerate(targets.to_pylist()):
        decisions = chunks[row].values
        if not spans or not decisions:
            continue
        last, end = decisions[-1].as_py(), max(span["end"] for span in spans)
        if end > last["end"] + (
            last["end"] - last["start"]
        ):  # a chunk more: ends are rounded where a sound is made longer
            raise DataError(
                f"row `{ids[row]}` has a target that ends at {end:,} ms, and its sound is {last['end']:,} ms long",
                hint="targets are in milliseconds from the start of the sound",
            )


def _merged(rows: Sequence[Spans | None]) -> list[list[tuple[int, int]]]:
    """The segments of each row in their order, those that overlap or touch as one."""
    merged = []
    for spans in rows:
        segments: list[tuple[int, int]] = []
        for start, end in sorted((span["start"], span["end"]) for span in spans or ()):
            if segments and start <= segments[-1][1]:
                segments[-1] = (segments[-1][0], max(end, segments[-1][1]))
            else:
                segments.append((start, end))
        merged.append(segments)
    return merged


def _onsets(rows: Sequence[Spans | None]) -> list[list[int]]:
    return [[start for start, _ in segments] for segments in _merged(rows)]


def _match(predicted: Sequence[int], actual: Sequence[int], tolerance: float) -> int:
    """How many of both are pairs within a tolerance, each in one pair at most; both are in order."""
    pairs = first = second = 0
    while first < len(predicted) and second < len(actual):
        if abs(predicted[first] - actual[second]) <= tolerance:
            pairs, first, second = pairs + 1, first + 1, second + 1
        elif predicted[first] < actual[second]:
            first += 1
        else:
            second += 1
    return pairs


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where there is no time."""
    undefined = np.full(np.shape(denominator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))
