from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry.errors import StoreError
from mqa_registry.store import SqliteStore, join_keys, split_keys

BACKEND = b"backend-12345678"


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def table(numbers):
    return pa.table({"value": pa.array([float(number) for number in numbers])})


def filled(folder, *batches):
    store = SqliteStore(folder)
    for numbers in batches:
        store.put(BACKEND, [key(number) for number in numbers], table(numbers))
    return store


def got(store, numbers, backend=BACKEND):
    positions, found = store.get(backend, join_keys([key(number) for number in numbers]))
    values = found.column("value").to_pylist() if found else []
    return [None if position < 0 else values[position] for position in positions]


def test_what_was_put_is_got_in_any_order(tmp_path):
    store = filled(tmp_path, [1, 2, 3], [4, 5])
    assert got(store, [5, 1, 9, 3]) == [5.0, 1.0, None, 3.0]


def test_it_is_there_after_closing(tmp_path):
    filled(tmp_path, [1, 2]).close()
    assert got(SqliteStore(tmp_path), [1, 2]) == [1.0, 2.0]


def test_one_backends_predictions_are_not_anothers(tmp_path):
    assert got(filled(tmp_path, [1]), [1], backend=b"another-12345678") == [None]


def test_deleting_one_backend_leaves_the_others(tmp_path):
    store = filled(tmp_path, [1])
    store.put(b"another-12345678", [key(2)], table([2]))
    store.delete(BACKEND)
    assert got(store, [1]) == [None]
    assert got(store, [2], backend=b"another-12345678") == [2.0]


def test_facts_are_kept_and_damaged_ones_are_not_believed(tmp_path):
    store = filled(tmp_path)
    store.put_facts(BACKEND, {"device": "cpu"})
    assert store.get_facts(BACKEND) == {"device": "cpu"}
    store.close()
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        connection.execute("UPDATE facts SET payload = replace(payload, 'cpu', 'gpu')")
    assert SqliteStore(tmp_path).get_facts(BACKEND) == {}


def test_the_folder_is_ignored_by_git(tmp_path):
    filled(tmp_path / "store")
    assert (tmp_path / "store" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / "store" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_keys_survive_being_joined_whatever_their_bytes(keys):
    assert split_keys(join_keys(keys)) == keys


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, unique=True), max_size=5), st.lists(st.integers(0, 60)))
@settings(deadline=None, max_examples=30)
def test_every_key_is_found_once_it_is_put_and_no_other(tmp_path_factory, batches, requested):
    store = filled(tmp_path_factory.mktemp("store"), *batches)
    stored = {number for batch in batches for number in batch}
    assert got(store, requested) == [float(number) if number in stored else None for number in requested]
    assert list(store.contains(BACKEND, join_keys([key(number) for number in requested]))) == [
        number in stored for number in requested
    ]
    store.close()


def test_a_repair_builds_the_index_again_from_the_batches(tmp_path):
    store = filled(tmp_path, [1, 2, 3], [4, 5])
    store.close()
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        connection.execute("DELETE FROM rows")
    store = SqliteStore(tmp_path)
    assert got(store, [1, 4]) == [None, None]
    store.repair(BACKEND)
    assert got(store, [1, 4]) == [1.0, 4.0]


def test_a_damaged_batch_is_dropped_whole(tmp_path):
    store = filled(tmp_path, [1, 2, 3], [4, 5])
    store.close()
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        (payload,) = connection.execute("SELECT payload FROM batches WHERE id = 1").fetchone()
        damaged = payload[:200] + bytes([payload[200] ^ 1]) + payload[201:]
        connection.execute("UPDATE batches SET payload = ? WHERE id = 1", (damaged,))
    store = SqliteStore(tmp_path)
    assert got(store, [1, 2, 3, 4, 5]) == [None, None, None, 4.0, 5.0]
    store.repair(BACKEND)
    assert not store.contains(BACKEND, join_keys([key(1)])).any()


def test_any_flipped_byte_is_repaired_or_refused_and_never_believed(tmp_path):
    batches = [range(start, start + 20) for start in range(0, 160, 20)]
    filled(tmp_path / "whole", *batches).close()
    whole = (tmp_path / "whole" / "predictions.sqlite").read_bytes()
    rng = np.random.default_rng(11)
    outcomes = []
    for position in rng.integers(len(whole), size=200):
        folder = tmp_path / f"flipped-{position}"
        folder.mkdir()
        flipped = bytearray(whole)
        flipped[position] ^= int(rng.integers(1, 256))
        (folder / "predictions.sqlite").write_bytes(flipped)
        try:
            store = SqliteStore(folder)
            store.get(BACKEND, join_keys([key(number) for number in range(160)]))
            store.repair(BACKEND)
            values = got(store, range(160))
        except StoreError:
            outcomes.append("refused")
            continue
        # A batch is there whole, or not at all: it would be predicted again as it was.
        assert all(value in (None, float(number)) for number, value in enumerate(values))
        for batch in batches:
            assert len({values[number] is None for number in batch}) == 1
        outcomes.append("lost" if None in values else "same")
    assert set(outcomes) >= {"same", "lost"}


def test_a_process_killed_while_writing_leaves_whole_batches(tmp_path):
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        import pyarrow as pa
        from mqa_registry.store import SqliteStore
        store = SqliteStore(Path(sys.argv[1]))
        first = int(sys.argv[2])
        for start in range(first, first + 1_000_000, 50):
            keys = [number.to_bytes(16, "little") for number in range(start, start + 50)]
            store.put(b"backend-12345678", keys, pa.table({"value": [float(n) for n in range(start, start + 50)]}))
            print(start, flush=True)
    """)
    rng = np.random.default_rng(5)
    for first in (0, 10_000_000, 20_000_000):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(first)], stdout=subprocess.PIPE, text=True
        )
        lines = [process.stdout.readline() for _ in range(int(rng.integers(5, 60)))]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        store = SqliteStore(tmp_path)
        last = int(lines[-1])
        written = range(first, last + 50)
        assert got(store, written) == [float(number) for number in written]
        after = got(store, range(last + 50, last + 150))
        assert after[50:] == [None] * 50
        assert len({value is None for value in after[:50]}) == 1
        store.close()


def test_two_processes_may_write_at_once(tmp_path):
    one, two = filled(tmp_path, [1, 2]), filled(tmp_path, [2, 3])
    assert got(one, [1, 2, 3]) == got(two, [1, 2, 3]) == [1.0, 2.0, 3.0]


def database(folder):
    return folder / "predictions.sqlite"


def test_a_file_that_is_no_database_is_set_aside(tmp_path):
    filled(tmp_path, [1, 2]).close()
    garbage = b"this is not a database at all" * 100
    database(tmp_path).write_bytes(garbage)
    store = SqliteStore(tmp_path)
    assert got(store, [1, 2]) == [None, None]
    assert store.set_aside is not None
    assert store.set_aside.read_bytes() == garbage
    store.put(BACKEND, [key(1)], table([1]))
    store.close()
    assert got(SqliteStore(tmp_path), [1]) == [1.0]


@pytest.mark.parametrize("statement", ["DROP TABLE rows", "ALTER TABLE rows RENAME COLUMN batch TO gone"])
def test_a_store_with_other_tables_keeps_its_whole_batches(tmp_path, statement):
    filled(tmp_path, [1, 2], [3]).close()
    with sqlite3.connect(database(tmp_path)) as connection:
        connection.execute(statement)
    store = SqliteStore(tmp_path)
    store.repair(BACKEND)
    assert got(store, [1, 2, 3]) == [1.0, 2.0, 3.0]


def test_damage_in_the_middle_costs_no_batch_at_either_end(tmp_path):
    filled(tmp_path, *([number] for number in range(200))).close()
    whole = bytearray(database(tmp_path).read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 4096] = bytes(4096)
    database(tmp_path).write_bytes(whole)
    store = SqliteStore(tmp_path)
    store.repair(BACKEND)
    found = got(store, list(range(200)))
    assert store.set_aside is not None
    assert found[0] == 0.0
    assert found[-1] == 199.0
    assert sum(value is not None for value in found) > 100
    assert all(value in (None, float(number)) for number, value in enumerate(found))


def test_a_file_that_another_process_set_aside_already_is_not_set_aside_again(tmp_path):
    one, two = filled(tmp_path, [1]), filled(tmp_path)
    one.recover()
    two.recover()
    assert one.set_aside is not None
    assert two.set_aside is None
    assert got(two, [1]) == got(one, [1]) == [1.0]


def test_a_store_of_another_format_is_refused(tmp_path):
    filled(tmp_path).close()
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="has format 99"):
        SqliteStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        SqliteStore(tmp_path / "file" / "store")
    assert "--store" in caught.value.hint


def test_a_full_disk_keeps_what_was_predicted(tmp_path):
    store = filled(tmp_path, [1, 2])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = range(100, 50_000)
    with pytest.raises(StoreError, match="full") as caught:
        store.put(BACKEND, [key(number) for number in many], table(many))
    assert "predictions stay cached" in caught.value.hint
    assert got(store, [1, 2]) == [1.0, 2.0]


def test_a_name_in_the_file_that_is_no_text_any_more_is_damage_like_any_other(tmp_path):
    filled(tmp_path, [1, 2, 3]).close()
    database = tmp_path / "predictions.sqlite"
    content = database.read_bytes()
    position = content.rindex(b"sqlite_autoindex_facts_1") + 15
    database.write_bytes(content[:position] + b"\x91" + content[position + 1 :])
    store = SqliteStore(tmp_path)
    assert set(got(store, [1, 2, 3])) <= {1.0, 2.0, 3.0, None}
    store.close()
