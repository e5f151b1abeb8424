"""The kit's own examples are what they say: files that others read, predictions that are right and wrong."""

from __future__ import annotations

import io

import numpy as np
import pytest

from mqa_registry.boundary import Contributor, check_predictions
from mqa_registry.testing import make_inputs, make_pair
from mqa_registry.testing.examples import make_photo, make_sound
from mqa_registry.testing.predictions import MAKERS
from mqa_registry.types import SCHEMAS

KINDS = ("", "empty", "foreign", "huge")


def values(modality):
    inputs = make_inputs(modality)
    return [example["x"] for kind in KINDS for example in inputs.examples("x", kind)]


def test_every_image_is_one_that_pillow_reads_without_loss():
    image = pytest.importorskip("PIL.Image")
    modes = [image.open(io.BytesIO(blob.read())).mode for blob in values("image")]
    assert modes == ["RGB", "RGB", "RGB", "L", "RGBA", "RGB", "RGB"]
    first = image.open(io.BytesIO(values("image")[0].read()))
    np.testing.assert_array_equal(np.asarray(first), make_photo())


def test_every_sound_is_one_that_libsndfile_reads_without_loss():
    soundfile = pytest.importorskip("soundfile")
    read = [soundfile.read(io.BytesIO(blob.read()), always_2d=True) for blob in values("audio")]
    assert {rate for _, rate in read} == {16_000}
    assert [samples.shape[1] for samples, _ in read] == [1, 1, 1, 1, 2, 1]
    np.testing.assert_array_equal(read[0][0].astype(np.float32), make_sound().samples)


def test_a_modality_that_the_kit_does_not_know_has_no_values():
    assert make_inputs("smell") is None


def test_there_are_predictions_of_every_schema():
    assert MAKERS.keys() == SCHEMAS.keys()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_predictions_are_valid_and_as_right_as_they_say(schema):
    agree = SCHEMAS[schema].agree
    shares = {}
    for quality in ("right", "wrong", None):
        predictions, targets = make_pair(schema, quality)
        check_predictions(Contributor("kit", "kit"), predictions, schema)
        pairs = zip(predictions.to_pylist(), targets.to_pylist(), strict=True)
        shares[quality] = np.mean([agree(*pair) for pair in pairs])
    assert shares["right"] == 1
    assert shares["wrong"] == 0
    assert 0 < shares[None] < 1


@pytest.mark.parametrize("schema", SCHEMAS)
def test_with_another_shift_other_rows_are_wrong(schema):
    one, other = make_pair(schema)[0], make_pair(schema, shift=1)[0]
    assert one.ids.equals(other.ids)
    assert one.to_pylist() != other.to_pylist()
