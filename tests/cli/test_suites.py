"""Suites that plugins give: listed, run and extended by their names, in the version that is asked for."""

from __future__ import annotations

import pytest

from tests.cli.conftest import HEAD, make_project

MODULE = """
from pathlib import Path
from mqa_registry import SuiteFile, hookimpl

@hookimpl
def mqa_suites():
    yield SuiteFile("release", Path(__file__).parent / {path!r})
"""
SUITE = """# Does a new version of a classifier keep what the old one can?
#
# Both are predictions in files.
format = 1
seed = 7
[data.rows]
use = "datasets/file"
[backends.old]
use = "replay/file"
[backends.new]
use = "replay/file"
[[check]]
name = "agreement"
measure = "parity/agreement"
expect = {{ min = 0.9 }}
{more}
"""
PREDICTIONS = ("--set", "backends.old.path=old.parquet", "--set", "backends.new.path=new.parquet")
DATA = ("--data", "reviews.parquet")


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def install(project):
    """Lay a distribution out that has a package with one suite."""

    def lay_out(more="", *, distribution="mqa-acme", name="acme", version="1.2", path="suites/release.toml"):
        module = distribution.replace("-", "_")
        package, info = project.site / module, project.site / f"{module}-{version}.dist-info"
        (package / "suites").mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text(MODULE.format(path=path))
        (package / "suites" / "release.toml").write_text(SUITE.format(more=more))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[mqa]\n{name} = {module}\n")
        return package / "suites"

    return lay_out


def test_a_suite_of_a_plugin_is_run_by_its_name_on_what_the_command_line_names(project, install):
    install()
    done = project.mqa("run", "acme/release", *DATA, *PREDICTIONS, "--json", "report.json", "--tag", "first")
    assert done.code == 0, done.err
    report = project.mqa("report", "first", "--json", "-").json
    assert (report["suite"]["path"], report["suite"]["name"]) == ("acme/release", "release")
    assert report["environment"]["plugins"]["acme"] == "mqa-acme 1.2"
    assert [result["check"] for result in report["results"]] == ["agreement"]
    assert report["results"][0]["location"]["file"] == "acme/release"
    assert "--data reviews.parquet" in " ".join(report["options"])


def test_its_runs_are_kept_in_the_current_folder_and_judged_again(project, install, tmp_path):
    package = install()
    assert project.mqa("run", "acme/release", *DATA, *PREDICTIONS).code == 0
    assert (tmp_path / ".mqa" / "runs").is_dir()
    assert not (package / ".mqa").exists()
    assert project.mqa("judge", "last").code == 0
    assert "held against" in project.mqa("run", "acme/release", *DATA, *PREDICTIONS, "--against", "last").out


def test_a_suite_extends_it_and_adds_to_it(project, install):
    install()
    head = HEAD.replace("format = 1", 'format = 1\nextends = "acme/release@1.*"').replace(
        "[data.reviews]", "[data.rows]"
    )
    project.write('[[check]]\nname = "agreement"\nexpect = { min = 0.99 }\n', head)
    done = project.run("--json", "-")
    assert [result["expect"] for result in done.json["results"]] == [{"min": 0.99}]
    assert done.json["environment"]["plugins"]["acme"] == "mqa-acme 1.2"


def test_set_changes_a_bound(project, install):
    install()
    done = project.mqa("run", "acme/release", *DATA, *PREDICTIONS, "--set", "check.agreement.expect.min=1.0")
    assert done.code == 1


def test_what_it_is_to_run_on_has_to_be_named(project, install):
    install()
    done = project.mqa("run", "acme/release", *PREDICTIONS)
    assert done.code == 2
    assert "the suite names no rows to test it on" in done.err
    assert "hint: name the rows with `--data`: a file, or a folder of files" in done.err


def test_a_model_has_to_be_named(project, install):
    install('[model]\nuse = "transformers/auto"\ntask = "text-classification"\n')
    done = project.mqa("validate", "acme/release", *DATA, *PREDICTIONS)
    assert done.code == 2
    assert "acme/release:16:2: the suite names no model" in done.err
    assert "hint: name the model with `--model`" in done.err


def test_a_column_that_the_data_lack_is_mapped_on_the_command_line(project, install):
    install('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n')
    project.table("untitled", id=project.columns["id"], kind=project.columns["label"])
    arguments = ("run", "acme/release", "--data", "untitled.parquet", *PREDICTIONS)
    done = project.mqa(*arguments)
    assert done.code == 2
    assert "map a column with `--set data.rows.columns.target=COLUMN`" in done.err
    assert project.mqa(*arguments, "--set", "data.rows.columns.target=kind").code == 0


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("acme/releese", "plugin `acme` has no suite `releese`", "did you mean `acme/release`?"),
        ("amce/release", "there is no file `amce/release`, and no plugin `amce` is installed", "did you mean `acme`?"),
        ("metrics/f1", "`metrics/f1` is a metric, and here stands a suite", "a metric stands in `measure`"),
        ("acme/release@2", "`acme/release@2` asks for version 2, and mqa-acme 1.2 is installed",
         '`pip install "mqa-acme==2"`, or leave the version out'),
        ("acme/release@new", "`acme/release@new` pins no version: `new`", "write one after the `@`, as in `@1.2`, or `@1.*`"),
    ],
)  # fmt: skip
def test_a_name_that_means_no_suite_is_told(project, install, name, message, hint):
    install()
    done = project.mqa("run", name, *DATA)
    assert done.code == 2
    assert done.err.splitlines()[0].endswith(message)
    assert f"hint: {hint}" in done.err


def test_the_version_may_be_pinned(project, install):
    install()
    for pin in ("1.2", "1.2.0", "1.*"):
        assert project.mqa("validate", f"acme/release@{pin}", *DATA, *PREDICTIONS).code == 0


def test_two_distributions_with_one_name_are_told(project, install):
    install()
    install(distribution="mqa-other", name="acme")
    done = project.mqa("run", "acme/release", *DATA)
    assert done.code == 2
    assert "2 distributions give a plugin of this name: mqa-acme 1.2 and mqa-other 1.2" in done.err
    assert "hint: uninstall all but one" in done.err


def test_a_file_of_that_name_is_that_file(project, install, tmp_path):
    install()
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "release").write_text("format = 2\n")
    assert "acme/release:1:10: this mqa reads suites of format 1" in project.mqa("validate", "acme/release").err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[data.secret]\nuse = "datasets/file"\npath = "../../../secret.csv"\n', "`../../../secret.csv` leads out of"),
        ('[data.secret]\nuse = "datasets/file"\npath = "/etc/passwd"\n', "`/etc/passwd` leads out of"),
    ],
)
def test_it_reads_nothing_outside_of_its_folder(project, install, tmp_path, more, message):
    install(more)
    (tmp_path / "secret.csv").write_text("id,text,label\n")
    done = project.mqa("validate", "acme/release", *DATA, *PREDICTIONS)
    assert done.code == 2
    assert message in done.err
    assert "and a plugin's suite names what is in its own folder alone" in done.err


def test_it_extends_nothing_outside_of_its_folder(project, install, tmp_path):
    folder = install()
    text = (folder / "release.toml").read_text().replace("format = 1", 'format = 1\nextends = "../../../base.toml"')
    (folder / "release.toml").write_text(text)
    (tmp_path / "base.toml").write_text("format = 1\n")
    assert "`../../../base.toml` leads out of" in project.mqa(
        "validate", "acme/release", *DATA, *PREDICTIONS
    ).err.replace(str(folder) + "/", "")


def test_a_confined_suite_may_extend_it_and_its_files_are_its_own(project, install, tmp_path):
    package = install('[data.more]\nuse = "datasets/file"\npath = "more.csv"\n')
    (package / "more.csv").write_text("id,text,label\n1,a,positive\n")
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("reviews", "old", "new"):
        (tmp_path / f"{name}.parquet").rename(folder / f"{name}.parquet")
    suite = HEAD.replace("format = 1", 'format = 1\nextends = "acme/release"').replace("[data.reviews]", "[data.rows]")
    (folder / "suite.toml").write_text(suite)
    done = project.mqa("validate", "own/suite.toml", "--confined")
    assert done.code == 0, done.err
    (folder / "suite.toml").write_text(suite.replace("reviews.parquet", "/etc/passwd"))
    done = project.mqa("validate", "own/suite.toml", "--confined")
    assert "`/etc/passwd` leads out of" in done.err
    assert "`--confined` keeps the suite to it" in done.err


def test_it_names_code_that_runs_where_the_user_allows_it(project, install):
    model = 'use = "torch/factory"\nid = "antigravity:fly"\ntask = "transformers/forward"'
    agreement = 'on = ["new"]\nagainst = { backend = "old" }\n'
    check = '[[check]]\nmeasure = "parity/invariance"\non = ["torch"]\nexpect = { max = 9 }\n'
    install(f'{agreement}{check}[model]\n{model}\n[backends.torch]\nuse = "transformers/torch"\n')
    done = project.mqa("run", "acme/release", *DATA, *PREDICTIONS, "--only", "invariance")
    assert done.code == 2
    assert "`--allow-code`" in done.err


@pytest.mark.parametrize(("path", "reason"), [
    ("../../../../secret.toml", "is outside of the plugin's folder"), ("none.toml", "cannot be read: No such file"),
])  # fmt: skip
def test_a_suite_whose_file_is_not_in_its_package_breaks_its_plugin(project, install, tmp_path, path, reason):
    install(path=path)
    (tmp_path.parent / "secret.toml").write_text("# No.\n")
    done = project.mqa("plugins", "acme")
    assert (done.code, reason in done.out) == (3, True)


def test_suites_are_listed_and_shown(project, install, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    install()
    line = next(line for line in project.mqa("suites").out.splitlines() if line.startswith("acme/release"))
    assert line.split()[:3] == ["acme/release", "mqa-acme", "1.2"]
    assert line.endswith("  Does a new version of a classifier keep what the old one can?")
    shown = project.mqa("suites", "acme/release").out
    assert shown == f"# acme/release, of mqa-acme 1.2\n{SUITE.format(more='').rstrip()}\n"
    assert project.mqa("suites", "acme/release", "--json", "-").json["suites"][0]["version"] == "1.2"
    assert project.mqa("suites", "acme/relaese").code == 2


def test_a_suite_is_among_what_its_plugin_gives(project, install):
    install()
    page = project.mqa("plugins", "acme/release").out
    assert page.startswith("acme/release  (suite, named in the command line, or `extends`)\n")
    assert "Both are predictions in files." in page


def test_suites_that_extend_each_other_in_a_circle_are_told(project, install):
    folder = install()
    text = (folder / "release.toml").read_text().replace("format = 1", 'format = 1\nextends = "acme/release"')
    (folder / "release.toml").write_text(text)
    assert "suites extend each other in a circle" in project.mqa("validate", "acme/release", *DATA).err
