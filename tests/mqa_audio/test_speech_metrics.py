"""Metrics of where speech was found, on segments whose numbers are computed by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_audio.speech_metrics import chunk_difference, detection_error, onset_f1, speech_f1
from mqa_registry import DataError, as_predictions


class Targets:
    """The targets of some rows."""

    def __init__(self, rows):
        self._rows = rows

    def to_pylist(self):
        return self._rows


def spans(*segments):
    return [{"start": start, "end": end, "label": "speech", "score": None} for start, end in segments]


def predicted(*rows, **columns):
    ids = [str(number) for number in range(len(rows))]
    return as_predictions(pa.table({"id": ids, "spans": pa.array(list(rows)), **columns}), schema="spans")


def value(statistic, n_rows):
    return float(statistic.compute(np.ones(n_rows)))


ROWS = (spans((0, 1000)), spans((500, 1500), (1600, 2000)))
TARGETS = Targets([spans((200, 1200)), spans((600, 2000))])


def test_time_that_is_found_wrong_and_missed_adds_up_over_rows():
    """In both 800 + 1,300 ms; predicted 1,000 + 1,400; in the targets 1,000 + 1,400."""
    assert value(speech_f1(predicted(*ROWS), TARGETS), 2) == pytest.approx(2 * 2100 / 4800)
    assert value(detection_error(predicted(*ROWS), TARGETS), 2) == pytest.approx(600 / 2400)


def test_nothing_found_is_an_error_of_one_and_no_speech_at_all_is_undefined():
    nothing = predicted(spans((0, 1)), [])
    assert value(detection_error(predicted(spans((0, 1000)), []), Targets([spans((0, 1000)), spans((0, 500))])), 2) == (
        pytest.approx(500 / 1500)
    )
    assert np.isnan(value(detection_error(nothing, Targets([[], []])), 2))
    assert value(speech_f1(nothing, Targets([[], spans((0, 9))])), 2) == 0


def test_a_row_that_is_counted_twice_counts_its_times_twice():
    statistic = speech_f1(predicted(*ROWS), TARGETS)
    assert float(statistic.compute(np.array([2.0, 0.0]))) == pytest.approx(0.8)


@pytest.mark.parametrize(("tolerance", "right"), [(50, 0), (100, 1), (200, 2), (1000, 2)])
def test_an_onset_is_right_within_the_tolerance_and_matched_once(tolerance, right):
    """Predicted 0; 500 and 1,600. In the targets 200; 600."""
    assert value(onset_f1(predicted(*ROWS), TARGETS, tolerance_ms=tolerance), 2) == pytest.approx(2 * right / 5)


def decided(*margins):
    return [
        {"start": 32 * number, "end": 32 * number + 32, "label": "speech" if margin > 0 else "O", "margin": abs(margin)}
        for number, margin in enumerate(margins)
    ]


def test_the_difference_of_chunks_is_that_of_their_probabilities():
    one = predicted(spans((0, 64)), decisions=pa.array([decided(0.8, -0.2)]))
    other = predicted(spans((0, 64)), decisions=pa.array([decided(0.8, 0.1)]))
    assert chunk_difference(one, other) == pytest.approx(0.15)  # from a probability of 0.4 to one of 0.55
    with pytest.raises(DataError, match="without what was decided"):
        chunk_difference(one, predicted(spans((0, 64))))


@pytest.mark.parametrize("measure", [speech_f1, detection_error, onset_f1])
def test_a_target_behind_the_end_of_its_sound_is_refused_with_its_row(measure):
    """A sound of two chunks, 64 ms; one chunk more is allowed, for targets that moved with a sound are rounded."""
    one = predicted(spans((0, 64)), spans((0, 64)), decisions=pa.array([decided(0.8, -0.2)] * 2))
    measure(one, Targets([spans((0, 96)), None]))
    with pytest.raises(DataError, match=r"row `1` has a target that ends at 97 ms, and its sound is 64 ms long"):
        measure(one, Targets([spans((0, 64)), spans((0, 20), (30, 97))]))


def test_predictions_without_chunks_say_nothing_of_the_length_of_a_sound():
    assert value(speech_f1(predicted(spans((0, 100))), Targets([spans((0, 300))])), 1) == pytest.approx(0.5)
