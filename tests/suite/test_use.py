"""What a contribution in a suite is known by."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from mqa_registry.contributions import Dataset
from mqa_registry.plugins import Plugin
from mqa_registry.suite import Use, identity
from tests.stand_ins import make_probe, make_source


def watch(context, *, lexicon: Path | None = None, weight: float = 0.5, mode: str = "all"):
    """Watch."""


def identify(name="own/watch", function=watch, version="1.0", **options):
    probe = make_probe("watch", function)
    plugin = Plugin("own", "mqa-own", version, (probe,))
    return identity(Use(name, probe, {}, options, plugin))


def test_an_option_left_out_is_its_default():
    assert identify(weight=0.5) == identify()
    assert identify(weight=0.25) != identify()


def test_another_default_is_another_identity():
    def watch(context, *, weight: float = 0.75):
        """Watch."""

    assert identify(function=watch)["options"] == {"weight": 0.75}


def test_a_default_that_json_does_not_have_is_identified_by_its_class():
    def watch(context, *, mode: object = threshold):
        """Watch."""

    assert identify(function=watch)["options"] == {"mode": "builtins.object"}


threshold = object()


def test_names_and_versions_make_different_identities():
    assert identify("one/watch") != identify("other/watch")
    assert identify(version="0.1.0") != identify(version="0.2.0")


def test_the_source_of_what_is_wrapped_counts():
    def rows(context):
        """Rows."""

    plain, wrapped = (Dataset("watch", one) for one in (rows, partial(rows, None)))
    sources = [identity(Use("own/watch", one))["source"] for one in (plain, wrapped)]
    assert sources[0] == sources[1] != []


def test_a_path_is_identified_by_its_content(tmp_path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("good")
    other.write_text("good")
    assert identify(lexicon=one) == identify(lexicon=other)
    other.write_text("bad")
    assert identify(lexicon=one) != identify(lexicon=other)
    (tmp_path / "folder").mkdir()
    before = identify(lexicon=tmp_path / "folder")
    (tmp_path / "folder" / "one").write_text("1")
    assert identify(lexicon=tmp_path / "folder") != before
    assert identify(lexicon=tmp_path / "gone") != identify(lexicon=tmp_path / "gone too")


@pytest.mark.parametrize("name", ["model.onnx", "notes.md"])
def test_a_folder_of_a_model_is_identified_by_the_digest_of_its_source(tmp_path, name):
    def source(task, context, *, id: Path):  # noqa: A002
        """A model."""

    use = Use("own/source", make_source(source), {}, {"id": tmp_path})
    before = identity(use)
    (tmp_path / name).write_text("not of the model")
    assert identity(use) == before


def test_one_name_of_two_files_is_two_uses(tmp_path):
    """As where a suite and the one it extends lie in two folders, and each means its own file."""
    probe = make_probe("watch", watch)
    given = {"lexicon": "words.txt"}
    one, other = (Use("own/watch", probe, given, {"lexicon": tmp_path / home / "words.txt"}) for home in ("a", "b"))
    assert one != other
    assert one == Use("own/watch", probe, given, {"lexicon": tmp_path / "a" / "words.txt"})
