"""What a command may write over: its own earlier output, and nothing that anybody else made or that it reads."""

from __future__ import annotations

import json

import pytest

CHECK = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.80 }
"""


@pytest.fixture
def contents(project):
    """Every file of the project but those of the store."""

    def found():
        files = [path for path in project.folder.rglob("*") if path.is_file() and ".mqa" not in path.parts]
        return {str(path.relative_to(project.folder)): path.read_bytes() for path in files}

    return found


def test_a_report_replaces_an_earlier_one(project):
    project.write(CHECK)
    for _ in range(2):
        assert project.run("--json", "report.json").code == 0
    assert json.loads((project.folder / "report.json").read_text())["verdict"] == "PASS"


@pytest.mark.parametrize("name", ["suite.toml", "reviews.parquet", "old.parquet", "notes.json", "table.json"])
def test_a_file_that_mqa_did_not_write_is_replaced_by_no_report(project, contents, name):
    project.write(CHECK)
    (project.folder / "notes.json").write_text('{"format": 1, "results": [], "notes": "mine"}')
    (project.folder / "table.json").write_text("[[1, 2], [3, 4]]")
    before = contents()
    done = project.run("--json", name)
    assert done.code == 2
    assert f"`{name}` is there already, and mqa did not write it" in done.err
    assert "--force" in done.err
    assert contents() == before


def test_force_replaces_a_file_that_is_no_input(project):
    project.write(CHECK)
    (project.folder / "notes.json").write_text("{}")
    assert project.run("--json", "notes.json", "--force").code == 0
    assert json.loads((project.folder / "notes.json").read_text())["verdict"] == "PASS"


@pytest.mark.parametrize(
    "name", ["suite.toml", "base.toml", "reviews.parquet", "old.parquet", "link.json", "./old.parquet"]
)
def test_no_input_is_replaced_whatever_is_forced(project, contents, name):
    project.write('extends = "base.toml"\n' + CHECK, head="")
    base = project.folder / "base.toml"
    base.write_text(
        'format = 1\nname = "base"\n[data.reviews]\nuse = "datasets/file"\npath = "reviews.parquet"\n'
        '[backends.old]\nuse = "replay/file"\npath = "old.parquet"\n'
    )
    (project.folder / "link.json").symlink_to("old.parquet")
    before = contents()
    done = project.run("--json", name, "--force")
    assert done.code == 2
    assert "is an input of this run" in done.err
    assert contents() == before


def test_an_input_that_the_command_line_names_is_none_of_its_outputs(project, contents):
    project.write(CHECK)
    before = contents()
    done = project.run("--json", "new.parquet", "--set", "backends.old.path=new.parquet", "--force")
    assert done.code == 2
    assert contents() == before


def test_an_earlier_report_does_not_stand_for_a_run_that_came_to_none(project):
    project.write(CHECK)
    assert project.run("--json", "report.json").code == 0
    project.write(CHECK.replace("accuracy", "acuracy"))
    assert project.run("--json", "report.json").code == 2
    assert not (project.folder / "report.json").exists()


@pytest.mark.parametrize("name", ["report.json", "report"])
def test_the_report_that_a_run_is_judged_by_is_not_replaced(project, contents, name):
    project.write(CHECK)
    assert project.run("--json", name).code == 0
    before = contents()
    done = project.mqa("judge", name, "--json", name, "--force")
    assert done.code == 2
    assert contents() == before


def test_a_report_is_whole_though_its_reader_left(project):
    import os
    import subprocess
    import sys

    project.write(CHECK)
    command = f"{sys.executable} -m mqa_registry.cli run suite.toml --json report.json | head -c 1 > /dev/null"
    subprocess.run(["bash", "-c", command], cwd=project.folder, env=os.environ, check=True, timeout=120)
    assert json.loads((project.folder / "report.json").read_text())["verdict"] == "PASS"


def test_rows_are_written_to_no_folder_with_other_files(project, contents):
    project.write(CHECK)
    before = contents()
    done = project.mqa("rows", "suite.toml", "--out", ".")
    assert done.code == 2
    assert "holds files that `mqa rows` did not write" in done.err
    assert contents() == before


def test_rows_are_written_again_to_a_folder_that_mqa_made(project):
    project.write(CHECK)
    (project.folder / "empty").mkdir()
    for folder in ("empty", "new/below", "empty"):
        assert project.mqa("rows", "suite.toml", "--out", folder).code == 0
        assert (project.folder / folder / "reviews.parquet").is_file()


def test_a_folder_that_is_no_store_is_not_taken_for_one(project, contents):
    project.write(CHECK)
    for number in range(30):
        run = project.folder / "runs" / f"exp{number:02}"
        run.mkdir(parents=True)
        (run / "weights.bin").write_bytes(b"w")
    (project.folder / ".gitignore").write_text("build/\n")
    before = contents()
    done = project.run("--store", ".")
    assert done.code == 3
    assert "is no store of mqa" in done.err
    assert contents() == before
