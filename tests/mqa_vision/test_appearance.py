"""Numbers of what images look like, and slices by them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mqa_registry import Blob, BlobMeasures, DataError, UsageError
from mqa_vision import appearance, appearance_slices
from mqa_vision.appearance import Appearance, measure_appearance

CHESSBOARD = np.indices((4, 6)).sum(axis=0).astype(np.uint8) % 2 * 200


def blob(pixels, name="cat.png"):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Blob(name, file.getvalue())


def grey(value):
    return {"image": np.full((8, 8), value, np.uint8)}


def test_the_numbers_of_a_chessboard():
    seen = Appearance.of(CHESSBOARD)
    assert (seen.brightness, seen.contrast) == (pytest.approx(100 / 255), pytest.approx(100 / 255))
    assert (seen.size, seen.aspect_ratio) == (4, 1.5)
    assert seen.sharpness == pytest.approx(800**2)  # each value of the Laplacian is -800 or 800


def test_brightness_is_that_of_the_luma():
    assert Appearance.of(np.full((2, 2, 3), (255, 0, 0), np.uint8)).brightness == pytest.approx(0.299)
    assert Appearance.of(np.full((2, 2, 4), (255, 255, 255, 0), np.uint8)).brightness == 1  # opacity does not count


def test_the_embedding_has_the_luma_of_parts_and_the_shares_of_colours():
    halves = np.zeros((20, 40, 3), np.uint8)
    halves[:, 20:] = (255, 0, 0)
    seen = Appearance.of(halves).embedding
    assert seen[:64].reshape(8, 8)[:, :4] == pytest.approx(0)
    assert seen[:64].reshape(8, 8)[:, 4:] == pytest.approx(0.299)
    assert np.flatnonzero(seen[64:]).tolist() == [0, 18]  # black, and of red the third level
    assert seen[64:].max() == pytest.approx(0.5**0.5)
    assert Appearance.of(halves).colourfulness == 0.5
    assert Appearance.of(CHESSBOARD).colourfulness == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 2, 1), (9, 5, 3), (64, 7, 4)])
def test_images_of_every_form_have_embeddings_of_one_length(shape):
    pixels = np.full(shape, 200, np.uint8)
    assert Appearance.of(pixels).embedding == pytest.approx(Appearance.of(np.full((8, 8), 200, np.uint8)).embedding)


def test_images_that_look_alike_are_in_one_cluster_that_says_what_they_look_like():
    red, stripes = np.full((8, 8, 3), (200, 10, 10), np.uint8), np.indices((8, 8))[1].astype(np.uint8) % 2 * 255
    examples = [
        grey(10),
        {"image": red},
        grey(12),
        {"image": stripes},
        {"image": Blob("broken.png", b"no image")},
        grey(11),
    ]
    groups = appearance_slices.clusters(examples, n_clusters=3)
    assert groups[4] is None
    assert {groups[row] for row in (0, 2, 5)} == {groups[0]}
    assert groups[0].startswith("cluster 1 of 3: ")
    assert "dark" in groups[0]
    assert "colourful" in groups[1]
    assert "high contrast" in groups[3]


def test_an_image_is_decoded_once_for_all_slices(monkeypatch):
    decoded = []
    monkeypatch.setattr(appearance, "read_pixels", lambda value: decoded.append(value) or CHESSBOARD)
    looks = BlobMeasures(measure_appearance)
    for _ in range(2):
        assert len(list(looks.of_all([blob(CHESSBOARD), blob(CHESSBOARD, "copy.png"), blob(CHESSBOARD.T)]))) == 3
    assert len(decoded) <= 3  # two threads may meet at equal images


def test_ranges_have_their_lower_edge():
    examples = [grey(value) for value in (0, 51, 102, 255)]
    assert appearance_slices.brightness(examples, edges=[0.2, 0.4]) == [
        "brightness under 0.2", "brightness 0.2 to 0.4", "brightness 0.4 and over", "brightness 0.4 and over",
    ]  # fmt: skip


def test_parts_are_equally_large_where_images_differ():
    groups = appearance_slices.brightness([grey(value) for value in range(0, 240, 30)], n_bins=2)
    assert groups == ["brightness 1/2 (0 to 0.3529)"] * 4 + ["brightness 2/2 (0.4706 to 0.8235)"] * 4
    assert set(appearance_slices.aspect_ratio([grey(1)] * 3)) == {"aspect ratio 1/4 (1 to 1)"}


def test_an_image_that_cannot_be_read_is_in_no_group():
    examples = [grey(9), {"image": Blob("broken.png", b"no image")}, grey(200)]
    assert appearance_slices.size(examples, edges=[10]) == ["size under 10", None, "size under 10"]
    assert appearance_slices.contrast([examples[1]]) == [None]


@pytest.mark.parametrize("edges", [[], [0.5, 0.5], [0.7, 0.3]])
def test_edges_have_to_rise(edges):
    with pytest.raises(UsageError, match="must rise"):
        appearance_slices.sharpness([grey(1)], edges=edges)


def test_edges_and_bins_exclude_each_other_and_the_field_has_to_be_there():
    with pytest.raises(UsageError, match="both say"):
        appearance_slices.size([grey(1)], edges=[3], n_bins=3)
    with pytest.raises(DataError, match="no field `photo`"):
        appearance_slices.size([grey(1)], column="photo")
