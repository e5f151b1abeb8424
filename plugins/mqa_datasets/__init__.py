"""Data sets: files, folders of files, arrays, tables in memory, sample sentences, and those of the Hugging Face hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_datasets.files import is_archive_name, is_table_name, rows_in_file, rows_of_arrays
from mqa_datasets.folder import is_folder_name, rows_in_folder
from mqa_datasets.hub import rows_on_hub
from mqa_datasets.memory import rows_in_memory, rows_of_object
from mqa_datasets.sentences import sample_sentences
from mqa_registry import Dataset, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_datasets() -> Iterable[Dataset]:
    yield Dataset("file", rows_in_file, recognizes=is_table_name)
    yield Dataset("arrays", rows_of_arrays, recognizes=is_archive_name)
    yield Dataset("folder", rows_in_folder, recognizes=is_folder_name)
    yield Dataset("memory", rows_in_memory, from_object=rows_of_object)
    yield Dataset("sentences", sample_sentences, is_sample=True)
    yield Dataset("hub", rows_on_hub, requires=("datasets",))
