"""The `datasets` library for real, on folders and on a cache laid by hand; no test reaches for the hub."""

from __future__ import annotations

import shutil
from pathlib import Path

import datasets
import huggingface_hub
import pyarrow as pa
import pytest
from pyarrow import parquet

from mqa_datasets.hub import rows_on_hub
from mqa_registry import DataError, NotRunError, RunContext, UsageError
from tests.stand_ins import read_all

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and a hub that must not be asked."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "cache"


@pytest.fixture
def offline(tmp_path):
    return RunContext(exports=tmp_path, offline=True)


@pytest.fixture
def folder(tmp_path):
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["negative", "positive"]),
            "tags": datasets.List(datasets.ClassLabel(names=["O", "PER"])),
        }
    )
    rows = {"text": ["bad", "good", "huh"], "label": [0, 1, None], "tags": [[0, 1], [], None]}
    path = tmp_path / "reviews"
    path.mkdir()
    for split in ("train", "test"):
        datasets.Dataset.from_dict(rows, features).to_parquet(path / f"{split}.parquet")
    return path


@pytest.fixture
def cached(cache, folder, offline):
    """The folder's rows, cached as those of `acme/reviews` at one commit."""
    rows_on_hub(offline, id=folder, split="train")
    (made,) = (path for path in (cache / "reviews").glob("*/0.0.0/*") if path.is_dir())
    target = cache / "acme___reviews" / "default" / "0.0.0" / COMMIT
    shutil.copytree(made, target)
    return target


def test_a_folder_is_read_with_its_class_labels_by_name(offline, folder):
    table = read_all(rows_on_hub(offline, id=folder, split="test"))
    assert table.to_pydict() == {
        "text": ["bad", "good", "huh"],
        "label": ["negative", "positive", None],
        "tags": [["O", "PER"], [], None],
    }


@pytest.mark.parametrize(
    ("split", "texts"), [("test", ["bad", "good"]), ("test[1:]", ["good"]), ("test[:50%]", ["bad"])]
)
@pytest.mark.parametrize("several", [False, True])
def test_a_folder_that_the_library_saved_is_read_with_its_class_labels_by_name(
    offline, tmp_path, split, texts, several
):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["negative", "positive"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["bad", "good"], "label": [0, 1]}, features)
    saved = datasets.DatasetDict({"train": rows.select([0]), "test": rows}) if several else rows
    saved.save_to_disk(tmp_path / "saved")
    table = read_all(rows_on_hub(offline, id=tmp_path / "saved", split=split))
    named = {"bad": "negative", "good": "positive"}
    assert table.to_pydict() == {"text": texts, "label": [named[text] for text in texts]}


def test_a_split_that_a_saved_folder_lacks_is_refused(offline, tmp_path):
    rows = datasets.Dataset.from_dict({"text": ["bad"]})
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match="cannot be loaded"):
        rows_on_hub(offline, id=tmp_path / "saved", split="test")


def test_a_split_may_be_sliced(offline, folder):
    assert read_all(rows_on_hub(offline, id=folder, split="train[1:2]"))["text"].to_pylist() == ["good"]


def test_a_cached_data_set_is_loaded_offline(offline, cached):
    assert rows_on_hub(offline, id="acme/reviews", split="train").num_rows == 3
    assert rows_on_hub(offline, id="acme/reviews", split="train", revision=COMMIT).num_rows == 3


@pytest.mark.parametrize("revision", ["f" * 40, "v1.0", "main"])
def test_a_cached_data_set_of_another_revision_is_not_used(offline, cached, revision):
    with pytest.raises(NotRunError, match=f"cached at revision `{COMMIT}`, and `{revision}` is asked for") as raised:
        rows_on_hub(offline, id="acme/reviews", split="train", revision=revision)
    assert "run once without `--offline`" in raised.value.hint
    assert ("must be the whole commit" in raised.value.hint) == (len(revision) < 40)


def test_a_data_set_that_is_not_cached_is_refused_offline_without_waiting(offline):
    with pytest.raises(NotRunError, match="`acme/none` is not in the cache, and the run is offline") as raised:
        rows_on_hub(offline, id="acme/none", split="train")
    assert "`datasets/file`" in raised.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "trian"}, r'Unknown split "trian"'),
        ({"split": "train["}, "Unrecognized instruction format"),
        ({"split": "train", "config_name": "french"}, "BuilderConfig 'french' not found"),
    ],
)
def test_an_unknown_split_or_configuration_is_refused(offline, folder, options, message):
    with pytest.raises(DataError, match=message) as raised:
        rows_on_hub(offline, id=folder, **options)
    assert str(folder) in raised.value.message


def test_a_missing_or_empty_folder_is_refused(offline, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        rows_on_hub(offline, id=tmp_path / "empty", split="train")
    with pytest.raises(DataError, match="there is no data set"):
        rows_on_hub(offline, id=tmp_path / "nowhere", split="train")


def test_a_broken_file_is_refused(offline, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="cannot be loaded"):
        rows_on_hub(offline, id=tmp_path / "broken", split="train")


def test_code_in_a_data_set_is_never_run(offline, folder):
    (folder / "reviews.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(DataError, match="scripts are no longer supported"):
        rows_on_hub(offline, id=folder, split="train")


def test_a_folder_has_no_revisions(offline, folder):
    with pytest.raises(UsageError, match="a folder has no revisions"):
        rows_on_hub(offline, id=folder, split="train", revision=COMMIT)


def test_a_packaged_file_format_is_not_a_data_set(offline):
    with pytest.raises(DataError, match="`csv` is a file format"):
        rows_on_hub(offline, id="csv", split="train")


def test_nothing_is_printed_and_the_settings_of_libraries_are_restored(offline, folder, capfd):
    before = (datasets.config.HF_HUB_OFFLINE, datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity())
    rows_on_hub(offline, id=folder, split="train")
    with pytest.raises(NotRunError):
        rows_on_hub(offline, id="acme/none", split="train")
    after = (datasets.config.HF_HUB_OFFLINE, datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity())
    assert after == before
    assert capfd.readouterr() == ("", "")


def test_the_offline_setting_is_restored_after_loading(tmp_path, monkeypatch):
    requests = []
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)  # whatever the environment of the tests says
    monkeypatch.setattr(
        datasets, "load_dataset_builder", lambda *_, **__: requests.append(datasets.config.HF_HUB_OFFLINE)
    )
    for offline in (True, False):
        with pytest.raises(DataError):
            rows_on_hub(RunContext(exports=Path(tmp_path), offline=offline), id="acme/none", split="train")
    assert requests == [True, False]


def test_columns_without_class_labels_are_unchanged(offline, tmp_path):
    table = pa.table({"text": ["a"], "stars": [5], "scores": [[0.5]]})
    (tmp_path / "plain").mkdir()
    parquet.write_table(table, tmp_path / "plain" / "train.parquet")
    assert read_all(rows_on_hub(offline, id=tmp_path / "plain", split="train")).to_pydict() == table.to_pydict()
