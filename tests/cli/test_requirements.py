"""What is installed is what mqa and its plugins ask for, and what those ask for in turn."""

from __future__ import annotations

import pytest

from mqa_registry.doctor import find_unmet_requirements


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay distributions of metadata alone onto the path."""

    def add(name, version="1.0", *, requires=()):
        info = tmp_path / name / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]))
        monkeypatch.syspath_prepend(str(tmp_path / name))

    return add


def told(name="host"):
    return [(each.level, each.topic, each.message, each.fix) for each in find_unmet_requirements([name])]


def test_where_all_is_as_asked_for_there_is_nothing_to_say(install):
    install("host", requires=["zz-lib>=1", "zz-local==2.13"])
    install("zz-lib", "1.5", requires=["host"])
    install("zz-local", "2.13.0+cpu")
    assert told() == []


def test_a_version_outside_of_what_is_asked_for_is_a_problem(install):
    install("host", requires=["zz-lib>=2,<3"])
    install("zz-lib", "1.5")
    message = "is 1.5, and host requires `zz-lib<3,>=2`"
    assert told() == [("problem", "zz-lib", message, 'pip install "zz-lib<3,>=2"')]


def test_what_is_not_installed_is_a_problem(install):
    install("host", requires=["zz-lib"])
    assert told() == [("problem", "zz-lib", "is not installed, and host requires `zz-lib`", 'pip install "zz-lib"')]


def test_what_others_ask_for_in_turn_is_a_note(install):
    install("host", requires=["zz-lib"])
    install("zz-lib", requires=["zz-deep>=2"])
    install("zz-deep", "1.0")
    assert told() == [("note", "zz-deep", "is 1.0, and zz-lib requires `zz-deep>=2`", 'pip install "zz-deep>=2"')]


def test_extras_count_where_they_are_asked_for(install):
    install("host", requires=["zz-lib[fast]", "zz-never; extra == 'test'"])
    install("zz-lib", requires=["zz-fast; extra == 'fast'", "zz-slow; extra == 'slow'"])
    assert [topic for _, topic, *_ in told()] == ["zz-fast"]


def test_requirements_of_other_machines_do_not_count(install):
    install("host", requires=["zz-lib; sys_platform == 'amiga'", "zz-old; python_version < '3'"])
    assert told() == []


def test_metadata_that_nobody_can_read_harms_nothing(install):
    install("host", requires=["!!!", "zz-odd", "zz-lib"])
    install("zz-odd", "not-a-version")
    assert [topic for _, topic, *_ in told()] == ["zz-lib"]


def test_a_version_that_is_none_is_not_what_was_asked_for(install):
    install("host", requires=["zz-odd>=1"])
    install("zz-odd", "not-a-version")
    assert told()[0][2] == "is not-a-version, and host requires `zz-odd>=1`"


def test_mqa_gets_what_it_asks_for_here():
    assert [each for each in find_unmet_requirements(["mqa-registry"]) if each.level == "problem"] == []
