"""A run goes on where its store cannot be written: what is put stays readable, and a warning says what is not stored."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mqa_registry.contributions import RunContext
from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.store import FallbackStore, SqliteStore, TemporaryStore, open_store
from mqa_registry.store.scratch import open_scratch
from tests.store.numbers import BACKEND, OTHER, contained, got, put


def fill_up(store):
    """Let the database of a store grow no more, as on a full disk."""
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def full(tmp_path):
    """A store with rows 1 and 2 whose disk becomes full."""
    store = SqliteStore(tmp_path / "store")
    put(store, [1, 2])
    fill_up(store)
    fallback = FallbackStore(store)
    yield fallback
    fallback.close()


def test_what_no_longer_fits_is_read_from_a_temporary_store(full):
    many = range(100, 20_100)
    put(full, many)
    assert got(full, [2, 100, 20_099, 3, 1]) == [2.0, 100.0, 20_099.0, None, 1.0]
    assert contained(full, [2, 100, 3]) == [True, True, False]
    put(full, [3])
    assert got(full, [3, 1]) == [3.0, 1.0]


def test_a_store_that_fills_up_keeps_what_it_has(full, tmp_path):
    put(full, range(100, 20_100))
    full.close()
    again = SqliteStore(tmp_path / "store")
    assert got(again, [1, 2, 100]) == [1.0, 2.0, None]
    again.close()


def test_a_warning_says_what_is_not_stored_and_why(full):
    assert full.findings == ()
    put(full, range(100, 20_100))
    (finding,) = full.findings
    assert (finding.level, finding.topic) == ("warning", "store")
    assert finding.message.startswith("not every prediction of this run is stored: ")
    assert "full" in finding.message
    assert "--store" in finding.fix


def test_facts_that_no_longer_fit_are_read_from_the_temporary_store(full):
    full.put_facts(BACKEND, {"device": "cpu", "note": "x" * 100_000})
    assert full.get_facts(BACKEND)["device"] == "cpu"
    assert full.get_facts(OTHER) == {}


def test_predictions_that_cannot_be_deleted_are_not_read_again(full):
    put(full, range(100, 20_100))
    full.delete(BACKEND)
    assert got(full, [1, 100]) == [None, None]
    assert contained(full, [1, 100]) == [False, False]
    put(full, [1])
    assert got(full, [1, 2]) == [1.0, None]


def test_a_store_that_cannot_be_opened_is_replaced_for_the_run():
    store = FallbackStore(None, StoreUnavailableError("the store `x` cannot be used: no space left", hint="free some"))
    put(store, [1])
    store.repair(BACKEND)
    assert got(store, [1, 2]) == [1.0, None]
    store.close()
    assert [one.message for one in store.findings] == [
        "no prediction of this run is stored: the store `x` cannot be used: no space left"
    ]


def test_a_store_that_can_be_written_says_nothing(tmp_path):
    store = open_store(tmp_path / "store")
    put(store, [1])
    store.close()
    assert store.findings == ()


def test_two_stores_for_one_run_have_nothing_in_common():
    one, two = TemporaryStore(), TemporaryStore()
    put(one, [1])
    assert got(two, [1]) == [None]
    one.close()
    two.close()


@pytest.fixture
def read_only(tmp_path, mount):
    """A folder with a store of rows 1 and 2, on a file system that cannot be written any more."""
    mount(tmp_path, "size=2m")
    store = SqliteStore(tmp_path / "store")
    put(store, [1, 2])
    store.put_facts(BACKEND, {"device": "cpu"})
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
    return tmp_path / "store"


def test_what_a_read_only_store_has_is_not_predicted_again(read_only):
    store = open_store(read_only)
    put(store, [3])
    store.repair(BACKEND)
    assert got(store, [1, 3, 4]) == [1.0, 3.0, None]
    assert contained(store, [1, 3, 4]) == [True, True, False]
    assert store.get_facts(BACKEND) == {"device": "cpu"}
    store.close()
    (finding,) = store.findings
    assert finding.message.startswith("no prediction of this run is stored: ")


def test_exports_of_a_run_over_a_read_only_store_go_with_the_run(read_only):
    context = RunContext(exports=read_only / "exports")
    with open_scratch(context, read_only) as changed:
        assert not changed.exports.is_relative_to(read_only)
        changed.exports.mkdir()
    assert not changed.exports.exists()


def test_exports_of_a_store_that_can_be_written_or_made_stay_there(tmp_path):
    for store in (tmp_path, tmp_path / "new" / "below"):
        with open_scratch(RunContext(exports=store / "exports"), store) as changed:
            assert changed.exports == store / "exports"


def test_damage_in_a_read_only_store_counts_as_missing(tmp_path, mount):
    mount(tmp_path, "size=4m")
    store = SqliteStore(tmp_path / "store")
    put(store, range(50))
    put(store, range(50, 100))
    (payload,) = store._connection.execute("SELECT payload FROM batches WHERE id = 1").fetchone()
    with store._connection as connection:
        connection.execute("UPDATE batches SET payload = ? WHERE id = 1", (payload[:-9] + b"123456789",))
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
    store = open_store(tmp_path / "store")
    assert got(store, [1, 60]) == [None, 60.0]
    assert contained(store, [1, 60]) == [False, True]
    store.close()


def test_a_store_on_a_full_disk_is_opened_all_the_same(tmp_path, mount):
    mount(tmp_path, "size=256k")
    filled = SqliteStore(tmp_path / "store")
    put(filled, [1])
    filled.close()
    with pytest.raises(OSError, match="No space left"):
        (tmp_path / "ballast").write_bytes(bytes(1_000_000))
    for folder in ("store", "new"):
        store = open_store(tmp_path / folder)
        put(store, range(2, 5_000))
        assert got(store, [1, 2]) == [1.0 if folder == "store" else None, 2.0]
        store.close()
        assert store.findings
    (tmp_path / "ballast").unlink()
    store = open_store(tmp_path / "new")  # nothing that is left of the first attempt is in its way
    put(store, [7])
    store.close()
    assert store.findings == ()


@pytest.mark.parametrize("name", ["file", "file/store"])
def test_a_name_that_can_be_no_store_is_refused_all_the_same(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        open_store(tmp_path / name)
    assert not isinstance(caught.value, StoreUnavailableError)


def test_a_locked_store_is_no_reason_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr("mqa_registry.store.database.TIMEOUT", 0.1)
    store = open_store(tmp_path / "store")
    code = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "store" / "predictions.sqlite")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "locked\n"
        put(store, [1])
        process.communicate("\n")
    assert got(store, [1]) == [1.0]
    assert "locked" in store.findings[0].message
    store.close()
