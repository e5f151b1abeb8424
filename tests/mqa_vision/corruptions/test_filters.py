"""Filters of corruptions give what scipy gives, where it has them, in less time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mqa_vision.corruptions.filters import blur_along_line, blur_disk, zoom_into_middle


def draw(shape):
    return np.random.default_rng(7).random(shape)


@settings(max_examples=25)
@given(height=st.integers(2, 40), width=st.integers(2, 40), factor=st.floats(1, 4.5))
@example(height=2, width=30, factor=1.2)
def test_the_middle_is_enlarged_by_linear_interpolation(height, width, factor):
    image = draw((height, width))
    crop = [math.ceil(side / factor) for side in (height, width)]
    top, left = ((side - part) // 2 for side, part in zip((height, width), crop, strict=True))
    middle = image[top : top + crop[0], left : left + crop[1]]
    expected = ndimage.zoom(middle, factor, order=1, mode="nearest")[:height, :width]
    made = zoom_into_middle(image, factor)
    assert made.shape == expected.shape
    assert made == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("radius", "edge"), [(3, 0.1), (10, 0.5)])
def test_the_blur_of_a_lens_is_a_correlation_with_a_disk(radius, edge):
    image = draw((30, 25, 3))
    impulse = np.zeros((51, 51))
    impulse[25, 25] = 1
    disk = blur_disk(impulse, radius, edge)
    inside = np.hypot(*np.indices((51, 51)) - 25) <= radius - 3
    assert np.ptp(disk[inside]) < 1e-3 * disk.max()
    expected = ndimage.correlate(image[:, :, 1], disk[10:41, 10:41], mode="mirror")
    assert blur_disk(image, radius, edge)[:, :, 1] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25)
@given(angle=st.floats(-180, 180), radius=st.integers(1, 12))
def test_a_motion_is_a_correlation_with_a_line(angle, radius):
    image = draw((33, 35))
    impulse = np.zeros((81, 81))
    impulse[40, 40] = 1
    line = blur_along_line(impulse, radius, 3.0, angle)
    assert line.sum() == pytest.approx(1)
    assert np.count_nonzero(line) <= 2 * radius + 1
    expected = ndimage.convolve(image, line[40 - 25 : 40 + 26, 40 - 25 : 40 + 26], mode="nearest")
    assert blur_along_line(image, radius, 3.0, angle) == pytest.approx(expected, abs=1e-9)
