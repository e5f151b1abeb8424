"""Blobs in the engine: what perturbations may give of them, how they are cut into shards, and files of any kind."""

from __future__ import annotations

import pickle
import wave

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.contributions import Perturbation
from mqa_registry.execution.rows.perturbation import perturb_part
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.execution.rows.shards import SHARD_BYTES, ShardPart, cut
from mqa_registry.store import split_keys
from mqa_registry.suite import Use
from mqa_registry.types import Rows, fingerprint
from mqa_registry.types.blobs import Blob, BlobFolder
from tests.stand_ins import make_task

TASK = make_task(None, "listen", fields={"sound": "audio", "text": "text"})


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("a", "b", "c")):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(np.full(100, number, np.int16).tobytes())
    return tmp_path


@pytest.fixture
def rows(folder):
    table = pa.table({"id": ["1", "2", "3"], "sound": ["a.wav", "b.wav", "c.wav"], "text": ["x", "y", "z"]})
    return Rows(table, ("sound", "text"), blobs=("sound",), folder=BlobFolder(folder))


def part(rows, *functions, modality="audio"):
    uses = [Use(f"sounds/{one.__name__}", Perturbation(one.__name__, one, modality=modality)) for one in functions]
    return perturb_part(rows, uses, TASK, 7)


def frames(sound):
    with sound.open() as file, wave.open(file) as content:
        return np.frombuffer(content.readframes(content.getnframes()), np.int16)


def louder(example, rng):
    sound = example["sound"]
    return {"sound": (frames(sound) if isinstance(sound, Blob) else sound) + np.int16(5)}


def shout(example, rng):
    return {"text": example["text"].upper()}


def test_a_perturbation_may_give_an_array_which_the_next_one_gets(rows):
    made = part(rows, louder, louder)
    assert [example["sound"][0] for example in made.rows.examples()] == [10, 11, 12]
    assert made.rows.table["sound"].to_pylist() == ["a.wav", "b.wav", "c.wav"]
    assert made.changed == 3


def test_bytes_that_a_perturbation_gives_go_by_the_name_of_the_file(rows):
    def cut_short(example, rng):
        return {"sound": example["sound"].read()[:50]}

    sounds = [example["sound"] for example in part(rows, cut_short).rows.examples()]
    assert [(sound.name, sound.size) for sound in sounds] == [("a.wav", 50), ("b.wav", 50), ("c.wav", 50)]


def test_a_perturbation_of_text_leaves_files_as_they_are(rows):
    made = part(rows, shout, modality="text")
    assert [example["sound"].read() for example in made.rows.examples()] == [
        example["sound"].read() for example in rows.examples()
    ]
    assert (made.changed, made.edits) == (3, 3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "gave `sound` the value a `str`"),
        (None, "gave `sound` the value a `NoneType`"),
        (bytearray(b"x"), "gave `sound` the value a `bytearray`"),
        (np.array([None]), "gave `sound` the value an array of object"),
        ([1, 2], "gave `sound` the value a `list`"),
    ],
)
def test_what_is_neither_bytes_nor_an_array_is_refused(rows, value, message):
    def give(example, rng):
        return {"sound": value}

    made = part(rows, give)
    assert made.lost.count == 3
    assert message in made.lost.named[0].reason


def test_a_sound_that_cannot_be_read_costs_its_row_alone(rows, folder):
    (folder / "b.wav").write_bytes(b"")
    (folder / "c.wav").unlink()
    made = part(rows, louder)
    assert [row.id for row in made.lost.named] == ["2", "3"]
    assert "`c.wav` is missing" in made.lost.named[1].reason
    assert made.rows.ids.to_pylist() == ["1"]


def test_perturbed_rows_keep_no_values_of_files(rows):
    use = Use("sounds/louder", Perturbation("louder", louder, modality="audio"))
    made = apply_perturbations(rows, [use], TASK, 7).rows
    assert made.has_dropped_blobs
    assert made.table["sound"].to_pylist() == ["a.wav", "b.wav", "c.wav"]
    assert made.take([0]).has_dropped_blobs


def test_a_part_of_a_shard_reads_the_files_of_its_fingerprints_or_none(rows, folder):
    made = ShardPart.of(rows)
    assert split_keys(made.fingerprints) == [fingerprint(example) for example in rows.examples()]
    (folder / "a.wav").write_bytes(b"other")
    (example, *_) = pickle.loads(pickle.dumps(made.rows)).examples()
    with pytest.raises(Exception, match=r"`a\.wav` has changed"):
        example["sound"].read()


def test_rows_whose_files_cannot_be_read_are_known_by_no_fingerprint_that_was_there_before(rows, folder):
    (folder / "a.wav").unlink()
    (folder / "b.wav").unlink()
    keys = {*split_keys(ShardPart.of(rows).fingerprints), *split_keys(ShardPart.of(rows).fingerprints)}
    assert len(keys) == 5


@given(st.lists(st.integers(0, SHARD_BYTES // 2), min_size=1, max_size=12), st.integers(1, 5))
def test_shards_are_cut_by_the_sizes_of_files_and_of_what_is_decoded_of_them_to_perturb_it(sizes, copies):
    class Measured(Rows):
        def file_bytes(self):
            return np.array(sizes[-len(self) :], dtype=np.int64)

    table = pa.table({"id": [str(n) for n in range(len(sizes))], "sound": ["a.wav"] * len(sizes)})
    shards = cut("sounds", Measured(table, ("sound",), blobs=("sound",)), copies)
    assert [shard.start for shard in shards] == [0, *(shard.stop for shard in shards[:-1])]
    for shard in shards:
        total = (1 + 8 * (copies - 1)) * sum(sizes[shard.start : shard.stop])
        assert total <= SHARD_BYTES or shard.stop - shard.start == 1


def test_the_bytes_of_a_row_are_those_of_its_files(rows, folder):
    sizes = [(folder / name).stat().st_size for name in ("a.wav", "b.wav", "c.wav")]
    assert rows.file_bytes().tolist() == sizes
    (folder / "b.wav").unlink()
    assert rows.file_bytes().tolist() == [sizes[0], 0, sizes[2]]
