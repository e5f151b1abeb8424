"""A store at a URL: shards that several writers add, each whole or not at all, and damage that counts as missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry.errors import StoreError, StoreUnavailableError, UsageError
from mqa_registry.store import object_files, open_store, shared
from mqa_registry.store.object_files import ObjectFiles, redact_url
from mqa_registry.store.shared import SharedStore
from tests.store.numbers import BACKEND, OTHER, contained, got, put


def files(folder, suffix):
    return sorted(folder.rglob(f"*{suffix}"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shared"


@pytest.fixture
def url(folder):
    return folder.as_uri()


def clear_memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def memory():
    """A URL in this process's memory, which is as an object store: it has no folders."""
    yield "memory://bucket/store"
    clear_memory()


def test_what_one_process_puts_another_gets(url):
    one = SharedStore(url)
    put(one, [1, 2, 3])
    put(one, [4])
    one.put_facts(BACKEND, {"device": "cpu"})
    one.close()
    two = SharedStore(url)
    assert got(two, [4, 9, 1]) == [4.0, None, 1.0]
    assert contained(two, [4, 9, 1]) == [True, False, True]
    assert got(two, [1], OTHER) == [None]
    assert (two.get_facts(BACKEND), two.get_facts(OTHER)) == ({"device": "cpu"}, {})
    two.close()


def test_small_batches_are_written_as_one_shard_and_read_before(url, folder):
    store = SharedStore(url)
    for number in range(100):
        put(store, [number])
    assert files(folder, ".arrow") == []
    assert got(store, [7, 99]) == [7.0, 99.0]
    assert len(files(folder, ".arrow")) == len(files(folder, ".keys")) == 1
    put(store, range(1_000, 1_000 + shared.SHARD_ROWS))
    assert len(files(folder, ".keys")) == 2
    store.close()


def test_deleting_one_backend_leaves_the_others(memory):
    store = SharedStore(memory)
    put(store, [1])
    put(store, [2], OTHER)
    assert got(store, [1]) == [1.0]
    store.delete(BACKEND)
    assert (got(store, [1]), got(store, [2], OTHER)) == ([None], [2.0])
    put(store, [1])
    assert got(store, [1]) == [1.0]
    store.close()


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, unique=True), max_size=5), st.lists(st.integers(0, 60)))
@settings(deadline=None, max_examples=20)
def test_every_key_is_found_once_it_is_put_and_no_other(batches, requested):
    clear_memory()
    writers = [SharedStore("memory://bucket/store") for _ in range(2)]
    for number, batch in enumerate(batches):
        put(writers[number % 2], batch)
    for writer in writers:
        writer.close()
    stored = {number for batch in batches for number in batch}
    reader = SharedStore("memory://bucket/store")
    assert got(reader, requested) == [float(number) if number in stored else None for number in requested]
    assert contained(reader, requested) == [number in stored for number in requested]
    reader.close()
    clear_memory()


def test_equal_shards_of_two_writers_are_one_file(url, folder):
    for _ in range(2):
        store = SharedStore(url)
        put(store, [1, 2])
        store.close()
    assert len(files(folder, ".arrow")) == 1
    assert files(folder, ".tmp") == []


def test_a_shard_without_its_manifest_does_not_exist(url, folder):
    store = SharedStore(url)
    put(store, [1])
    store.close()
    files(folder, ".keys")[0].unlink()
    store = SharedStore(url)
    assert contained(store, [1]) == [False]
    put(store, [1])
    assert got(store, [1]) == [1.0]
    store.close()


@pytest.mark.parametrize("suffix", [".arrow", ".keys"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_a_damaged_shard_counts_as_missing_and_is_removed_by_a_repair(url, folder, suffix, damage):
    store = SharedStore(url)
    for numbers in ([1, 2], [3, 4]):
        put(store, numbers)
        store._write_pending()
    store.close()
    for file in files(folder, suffix):
        content = file.read_bytes()
        flipped = content[:40] + bytes([content[40] ^ 1]) + content[41:]
        if damage == "remove":
            file.unlink()
        else:
            file.write_bytes({"flip": flipped, "cut": content[:-1], "empty": b""}[damage])
        break
    store = SharedStore(url)
    values = got(store, [1, 2, 3, 4])
    assert sorted(map(str, values)) in (["1.0", "2.0", "None", "None"], ["3.0", "4.0", "None", "None"])
    assert contained(store, [1, 2, 3, 4]) == [value is not None for value in values]
    store.repair(BACKEND)
    missing = [number for number, value in enumerate(values, 1) if value is None]
    put(store, missing)
    assert got(store, [1, 2, 3, 4]) == [1.0, 2.0, 3.0, 4.0]
    store.close()
    again = SharedStore(url)
    assert got(again, [1, 2, 3, 4]) == [1.0, 2.0, 3.0, 4.0]
    again.close()


def test_files_of_others_between_the_shards_are_left_alone(url, folder):
    store = SharedStore(url)
    put(store, [1])
    store.close()
    notes = files(folder, ".keys")[0].parent / "notes.keys"
    notes.write_text("mine")
    store = SharedStore(url)
    assert got(store, [1]) == [1.0]
    store.repair(BACKEND)
    store.close()
    assert notes.read_text() == "mine"


def test_a_shard_is_read_only_where_its_keys_are_asked_for(url, monkeypatch):
    store = SharedStore(url)
    for numbers in ([1, 2], [3, 4]):
        put(store, numbers)
        store._write_pending()
    reads = []
    read = ObjectFiles.read
    monkeypatch.setattr(ObjectFiles, "read", lambda files, path: (reads.append(path), read(files, path))[1])
    assert contained(store, [1, 3]) == [True, True]
    assert reads == []
    assert got(store, [3, 9]) == [3.0, None]
    assert len(reads) == 1
    store.close()


def test_what_others_write_meanwhile_is_seen_after_a_time(url, monkeypatch):
    one, two = SharedStore(url), SharedStore(url)
    assert got(one, [1]) == [None]
    put(two, [1])
    two.close()
    assert got(one, [1]) == [None]
    monkeypatch.setattr(shared.time, "monotonic", lambda: 1e9)
    assert got(one, [1]) == [1.0]
    one.close()


def test_a_writer_that_is_killed_loses_its_last_shard_at_most(url):
    code = textwrap.dedent("""
        import sys
        import pyarrow as pa
        from mqa_registry.store.shared import SharedStore
        store = SharedStore(sys.argv[1])
        for start in range(0, 10_000_000, 2048):
            keys = [number.to_bytes(16, "little") for number in range(start, start + 2048)]
            store.put(b"backend-12345678", keys, pa.table({"value": [float(n) for n in range(start, start + 2048)]}))
            print(start, flush=True)
    """)
    with subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    store = SharedStore(url)
    written = range(int(lines[-1]) + 2048)
    assert got(store, written) == [float(number) for number in written]
    after = got(store, range(len(written), len(written) + 2048))
    assert len({value is None for value in after}) == 1
    store.close()


def test_a_place_with_other_files_is_refused_and_left_as_it_was(url, folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="is no store of mqa, and holds other files"):
        open_store(url)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["predictions", "facts"])
def test_a_place_on_a_disk_with_a_link_is_refused(url, folder, tmp_path, name):
    SharedStore(url).close()
    (tmp_path / "outside").mkdir()
    (folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError, match="is a link"):
        open_store(url)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://bucket/store", "`nosuch://bucket/store` cannot be a store: Protocol not known: nosuch"),
        ("memory://", "`memory://` names no folder"),
    ],
)
def test_a_url_that_can_be_no_store_is_a_wrong_command(url, message):
    with pytest.raises(UsageError, match=message) as caught:
        open_store(url)
    assert "--store s3://BUCKET/FOLDER" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/x", "s3://bucket/x"),
        ("sftp://me:hunter2@host/x", "sftp://host/x"),
        ("https://token@host/x?sig=hunter2", "https://host/x"),
        ("file:///a/b@c", "file:///a/b@c"),
    ],
)
def test_no_credentials_of_a_url_are_shown(url, shown):
    assert redact_url(url) == shown


def test_no_error_shows_credentials(monkeypatch):
    def fail(path, **options):
        raise RuntimeError("user me with password hunter2 may not read")

    files = ObjectFiles("memory://me:hunter2@bucket/store")
    monkeypatch.setattr(files._system, "cat", fail)
    with pytest.raises(StoreUnavailableError) as caught:
        files.read("store.json")
    assert "hunter2" not in f"{caught.value.message}{caught.value.__cause__}"
    assert "memory://bucket/store" in caught.value.message


def test_a_place_that_can_no_longer_be_written_costs_no_prediction(url, folder, monkeypatch):
    store = open_store(url)
    put(store, [1])
    assert got(store, [1]) == [1.0]

    def fail(files, path, content):
        raise StoreUnavailableError("the store cannot be used: quota exceeded", hint="ask for more")

    monkeypatch.setattr(ObjectFiles, "write", fail)
    put(store, [2])  # pending, and lost with the store without another place for it
    assert got(store, [1, 2, 3]) == [1.0, 2.0, None]
    assert contained(store, [1, 2, 3]) == [True, True, False]
    store.put_facts(BACKEND, {"device": "cpu"})
    assert store.get_facts(BACKEND) == {"device": "cpu"}
    store.close()
    assert "quota exceeded" in store.findings[0].message
    assert len(files(folder, ".keys")) == 1


def test_two_writers_may_mark_a_place_at_once(url, monkeypatch):
    write = ObjectFiles.write

    def write_after_another(files, path, content):
        monkeypatch.setattr(ObjectFiles, "write", write)
        other = SharedStore(url)
        put(other, [1])
        other.close()
        write(files, path, content)

    monkeypatch.setattr(ObjectFiles, "write", write_after_another)
    store = SharedStore(url)
    assert got(store, [1]) == [1.0]
    store.close()


def test_a_place_that_cannot_be_reached_is_no_reason_to_stop(monkeypatch):
    def fail(files, paths):
        raise StoreUnavailableError("the store cannot be used: no route to host")

    monkeypatch.setattr(object_files.ObjectFiles, "read_all", fail)
    store = open_store("memory://bucket/store")
    put(store, [1])
    assert got(store, [1]) == [1.0]
    store.close()
    assert store.findings[0].message == (
        "no prediction of this run is stored: the store cannot be used: no route to host"
    )
