"""What a module's behaviour depends on, and the content of a path, as digests that are the same wherever they lie."""

from __future__ import annotations

import importlib
import os
import sys

import pytest

from mqa_registry import DataError, content_digest, source_digest, source_files

FILES = {
    "tool.py": 'import json\nimport numpy\nfrom pathlib import Path\nWORDS = Path(__file__).with_name("words.txt")\n'
    "def decode():\n    from aside import (\n        near,  # only when it is called\n    )\n    return near\n",
    "aside.py": "import far as away\nnear = 1\n",
    "far.py": "from mqa_registry import hookimpl\n",
    "unused.py": "",
    "words.txt": "good bad",
    "other.txt": "",
    "pack/__init__.py": "",
    "pack/inner/__init__.py": "from . import cousin\n",
    "pack/inner/cousin.py": "def lazily():\n    import aside\n",
    "pack/words.toml": "",
    "pack/.hidden/notes.txt": "",
    "pack/__pycache__/old.pyc": "",
}


def laid(folder, **changed):
    for name, text in (FILES | changed).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def load(monkeypatch):
    """Import a module from a folder, anew."""
    before = set(sys.modules)

    def forget():
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in {"tool", "aside", "far", "pack"}:
                del sys.modules[name]

    def module(folder, name):
        forget()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            return importlib.import_module(name)

    yield module
    forget()


def test_the_source_digest_of_a_file_covers_its_imports_and_neighbours(tmp_path, load):
    assert set(source_files(load(laid(tmp_path), "tool"))) == {"tool.py", "aside.py", "far.py", "words.txt"}


def test_a_package_is_all_that_is_in_its_folder_and_what_that_imports(tmp_path, load):
    own = {"pack/__init__.py", "pack/inner/__init__.py", "pack/inner/cousin.py", "pack/words.toml"}
    assert set(source_files(load(laid(tmp_path), "pack.inner"))) == own | {"aside.py", "far.py"}


def test_an_installed_module_is_itself_alone(tmp_path, load):
    folder = laid(tmp_path / "site-packages")
    assert set(source_files(load(folder, "tool"))) == {"tool.py", "words.txt"}


def test_the_digest_does_not_depend_on_where_it_lies(tmp_path, load):
    one, other = (source_digest(load(laid(tmp_path / name), "tool")) for name in ("one", "other"))
    assert one == other


@pytest.mark.parametrize("name", ["tool.py", "aside.py", "far.py", "words.txt"])
def test_the_digest_changes_with_every_file(tmp_path, load, name):
    before = source_digest(load(laid(tmp_path / "before"), "tool"))
    assert source_digest(load(laid(tmp_path / "after", **{name: f"{FILES[name]}\n# changed"}), "tool")) != before


def test_what_is_not_used_does_not_change_it(tmp_path, load):
    before = source_digest(load(laid(tmp_path / "before"), "tool"))
    changed = {"unused.py": "1", "other.txt": "1", "pack/__init__.py": "1"}
    assert source_digest(load(laid(tmp_path / "after", **changed), "tool")) == before


def test_a_module_without_a_file_has_no_source():
    assert source_files(sys) == {}


def test_content_is_that_of_the_file(tmp_path):
    (tmp_path / "one").write_text("same")
    (tmp_path / "other").write_text("same")
    assert content_digest(tmp_path / "one") == content_digest(tmp_path / "other")
    os.utime(tmp_path / "one", (1, 1))
    before = content_digest(tmp_path / "one")
    (tmp_path / "one").write_text("soon")
    assert content_digest(tmp_path / "one") != before


def test_content_of_a_folder_is_that_of_its_files_by_name(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "words").write_text("same")
    before = content_digest(tmp_path / "other")
    assert content_digest(tmp_path / "one") == before
    (tmp_path / "one" / "deep" / "words").rename(tmp_path / "one" / "words")
    assert content_digest(tmp_path / "one") != before


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere` cannot be read"):
        content_digest(tmp_path / "nowhere")
