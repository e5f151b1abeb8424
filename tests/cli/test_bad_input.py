"""Whatever is wrong gets one clear line, a hint and the right exit code, and never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "suites/models/reviews-minilm"
CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n'


def refused(project, *arguments: str) -> str:
    done = project.run(*arguments)
    assert (done.code, done.out) == (2, "")
    return done.err


@pytest.fixture
def sound(project):
    project.write(CHECK)
    return project


def test_a_missing_suite(project):
    assert "suite.toml" in refused(project)


def test_broken_toml_is_shown_where_it_breaks(project):
    project.write('[[check]\nmeasure = "metrics/accuracy"\n')
    said = refused(project)
    assert "suite.toml:14:" in said
    assert "^" in said


def test_every_problem_is_reported_at_once(project):
    project.write(
        '[[check]]\nmeasure = "metrics/acuracy"\nexpect = { min = 0.5 }\n'
        '[[check]]\nmeasure = "metrics/f1"\nexpect = { minimum = 0.5 }\ncritcal = true\n'
    )
    said = refused(project)
    assert "has no metric, comparison or probe `acuracy`" in said
    assert "`metrics/accuracy`" in said
    assert "`minimum`" in said
    assert "did you mean `critical`?" in said


def test_a_missing_data_file(sound):
    (sound.folder / "reviews.parquet").unlink()
    assert "reviews.parquet" in refused(sound)


def test_a_foreign_data_file(sound):
    (sound.folder / "reviews.parquet").write_bytes(b"not parquet at all")
    assert "reviews.parquet" in refused(sound)


def test_a_column_that_is_not_there(project):
    project.write(CHECK.replace("expect", 'by = { use = "fairness/column", column = "domian" }\nexpect'))
    said = refused(project)
    assert "`domian`" in said
    assert "did you mean `domain`?" in said


def test_an_empty_data_set(sound):
    sound.table("reviews", id=[], text=[], label=[])
    assert "has no rows" in refused(sound)


def test_ids_that_repeat(sound):
    sound.table("reviews", id=["a", "b", "a"], text=["x", "y", "z"], label=["negative"] * 3)
    assert "1 id more than once, `a`" in refused(sound)


def test_rows_without_a_prediction(sound):
    sound.table("old", id=["row-1"], label=["negative"])
    assert "has no prediction for 999 of 1,000 rows" in refused(sound)


def test_predictions_that_repeat_an_id(sound):
    sound.table("old", id=["row-1", "row-1"], label=["negative"] * 2)
    assert "`row-1`" in refused(sound)


def test_duplicated_rows_without_ids_are_told_apart(project):
    project.table("reviews", text=["same"] * 3, label=["negative"] * 3)
    project.write(CHECK)
    done = project.mqa("rows", "suite.toml", "--out", "rows")
    assert done.code == 0
    import pyarrow.parquet as pq

    ids = pq.read_table(project.folder / "rows" / "reviews.parquet").column("id").to_pylist()
    assert ids == [ids[0], f"{ids[0]}#2", f"{ids[0]}#3"]


def test_a_suite_without_checks_that_are_left(sound):
    assert "nothing" in refused(sound, "--only", "nothing")


def test_a_suite_that_would_hold_every_view_against_itself(project):
    project.write('[[check]]\nmeasure = "parity/agreement"\nexpect = { min = 0.5 }\n')
    assert "nothing to judge" in refused(project, "--backend", "old")


def test_a_device_that_does_not_exist(sound):
    assert "there is no device `tpu`" in refused(sound, "--device", "tpu")


def test_a_report_that_cannot_be_written_is_said_before_anything_is_predicted(sound):
    said = refused(sound, "--json", "no/such/folder/report.json")
    assert "no/such/folder" in said


def test_a_report_with_no_name_that_a_file_can_have_is_said_before_anything_is_predicted(sound):
    assert "name too long" in refused(sound, "--json", "x" * 300)


def test_a_store_that_cannot_be_written_ends_with_3(sound):
    (sound.folder / "file").write_text("")
    done = sound.run("--store", "file/store")
    assert done.code == 3
    assert "--store" in done.err


def test_the_verdict_is_shown_and_counts_though_the_disk_of_its_report_is_full(sound):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    done = sound.run("--json", "/dev/full")
    assert done.code == 0
    assert "\nPASS " in done.out
    assert "cannot write `/dev/full`: no space left on device\nhint:" in done.err


@pytest.mark.parametrize("flag", ["--limit=0", "--limit=x", "--nonsense"])
def test_flags_that_make_no_sense(sound, flag):
    assert sound.run(flag).code == 2


def test_a_reader_that_leaves_early_is_no_crash():
    command = f"{sys.executable} -m mqa_registry.cli schema | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


LEFT = """
import os, sys, typer
from rich.console import Console
from mqa_registry.cli.exit_codes import exit_on_error
reader, writer = os.pipe()
os.dup2(writer, 1)
os.close(reader)
try:
    with exit_on_error(debug=False):
        Console(file=sys.stdout).print("all is well")
except typer.Exit as end:
    sys.exit(end.exit_code)
"""


def test_a_reader_that_left_is_no_check_that_failed():
    done = subprocess.run([sys.executable, "-c", LEFT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet", "arrow"])
@pytest.mark.parametrize("which", ["data.reviews", "backends.old"])
def test_a_pipe_or_a_device_in_place_of_a_file(sound, suffix, which):
    os.mkfifo(sound.folder / f"pipe.{suffix}")
    (sound.folder / f"device.{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        assert "is a pipe or a device" in refused(sound, "--set", f"{which}.path={name}.{suffix}")


def test_a_pipe_inside_of_a_folder_of_predictions(sound):
    (sound.folder / "made").mkdir()
    os.mkfifo(sound.folder / "made" / "reviews.csv")
    assert "is a pipe or a device" in refused(sound, "--set", "backends.old.path=made")


def test_a_pipe_in_place_of_a_report(sound):
    os.mkfifo(sound.folder / "report.json")
    done = sound.mqa("judge", "report.json")
    assert (done.code, "is a pipe or a device" in done.err) == (2, True)


@pytest.mark.parametrize("flag", ["--plugin={}.py", "--set=data.reviews.path={}.csv", "--json={}"])
def test_a_name_too_long_for_a_file_system(sound, flag):
    said = refused(sound, flag.format("x" * 300))
    assert "report it" not in said


def test_a_limit_of_more_rows_than_a_machine_can_count(sound):
    done = sound.run("--limit", "9" * 20)
    assert done.code == 0


@pytest.mark.parametrize(("bound", "code"), [("min = 1e-200", 0), ("max = 1e-200", 1), ("min = 5e-324", 0)])
def test_bounds_as_small_as_numbers_go(project, bound, code):
    project.write(CHECK.replace("min = 0.5", bound))
    assert project.run().code == code


def test_a_confidence_of_1_less_one_rounding(sound):
    done = sound.run("--set", "confidence=0.9999999999999999")
    assert (done.code, "held" in done.out) == (0, True)


@pytest.mark.parametrize("name", ["store.json", "predictions.sqlite"])
def test_a_pipe_inside_of_the_store(sound, name):
    assert sound.run().code == 0
    mark = sound.folder / ".mqa" / name
    mark.unlink(missing_ok=True)
    os.mkfifo(mark)
    done = sound.run()
    assert done.code == 3
    assert f"`.mqa/{name}` is a pipe or a device, and a store has none\nhint: remove it" in done.err


@pytest.fixture
def no_more_than_permitted():
    """Words before a command by which not even root reads what its permissions do not let it."""
    if os.getuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("whoever runs the tests may read everything")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]


@pytest.mark.parametrize("name", ["reviews.parquet", "old.parquet", "model/model.safetensors", "model"])
def test_what_this_user_may_not_read_is_told_as_that(project, no_more_than_permitted, name):
    project.write(CHECK)
    shutil.copytree(DEMO, project.folder / "model")
    (project.folder / name).chmod(0)
    command = "export model --out out" if name.startswith("model") else "run suite.toml"
    done = subprocess.run(
        [*no_more_than_permitted, sys.executable, "-m", "mqa_registry.cli", *command.split()], cwd=project.folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (project.folder / name).chmod(0o700)
    assert done.returncode == 2
    assert f"{name}" in done.stderr
    assert "permission denied\nhint: is the path right, and may this user read it?" in done.stderr
