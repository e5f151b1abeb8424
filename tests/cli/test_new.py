"""`mqa new`: the project of a plugin for each kind, which works as it is written; names that no plugin can have."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
import zipfile

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

import mqa_registry
from mqa_registry.cli.project import KINDS
from mqa_registry.cli.project.files import TEMPLATES
from mqa_registry.contributions import HOOKS_VERSION
from mqa_registry.testing import list_cases
from tests.cli.conftest import Project, installed

FOLDER, MODULE = "mqa-two-smileys", "mqa_two_smileys"
NAME = "two-smileys"
COMMAND = re.compile(r"^\$ mqa (.+)$", re.MULTILINE)
OF_A_MACHINE = ["doctor"]  # loads every library that is installed
OUTSIDE_OF_SUITES = {"command", "reporter"}


@pytest.fixture
def here(tmp_path):
    """A folder to write projects into."""
    return Project(tmp_path)


def write(here, kind, name=NAME):
    """A project, with what its wheel holds installed for the commands that run in its folder."""
    done = here.mqa("new", name, "--kind", kind)
    assert (done.code, done.err) == (0, "")
    project = Project(here.folder / f"mqa-{name}")
    (wheel,) = WheelBuilder(str(project.folder)).build(directory=str(here.folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(project.site)
    return project


@pytest.fixture(params=KINDS)
def made(request, here):
    """A project of each kind."""
    return write(here, request.param)


def list_commands(project):
    """The commands of mqa that its README has, without their first word."""
    lines = COMMAND.findall((project.folder / "README.md").read_text("utf-8"))
    return [words for words in map(shlex.split, lines) if words != OF_A_MACHINE]


def read_source(project):
    return (project.folder / MODULE / "__init__.py").read_text("utf-8")


def read_pyproject(project):
    return tomllib.loads((project.folder / "pyproject.toml").read_text("utf-8"))


def test_the_commands_of_its_readme_work_until_it_is_removed(made):
    commands = list_commands(made)
    assert commands
    for words in commands:
        done = made.mqa(*words, COLUMNS="100")
        assert done.code == 0, done.err
        assert words[0] != "run" or "PASS  1 check: 1 held" in done.out
    (made.site / f"{MODULE}-0.1.0.dist-info").rename(made.folder / "removed")
    assert {made.mqa(*words).code for words in commands} == {2}


def test_its_wheel_holds_its_package_alone(made):
    assert {path.name for path in made.site.iterdir()} == {MODULE, f"{MODULE}-0.1.0.dist-info"}
    assert (made.site / MODULE / "py.typed").read_bytes() == b""


def test_it_imports_public_names_alone_and_declares_what_it_imports(made):
    tree = ast.parse(read_source(made))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "mqa_registry"]
    assert {alias.name for node in imports for alias in node.names} <= set(mqa_registry.__all__)
    tops = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    froms = {node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    third_party = {
        name.replace("_", "-")
        for name in tops | froms
        if name in {"numpy", "pyarrow", "annotated_types", "mqa_registry"}
    }
    declared = {requirement.partition(">=")[0] for requirement in read_pyproject(made)["project"]["dependencies"]}
    assert declared == third_party
    assert (
        f"mqa-registry>={mqa_registry.__version__.rpartition('.')[0]}"
        in read_pyproject(made)["project"]["dependencies"]
    )


def test_its_description_is_the_first_line_of_its_module(made):
    description = ast.get_docstring(ast.parse(read_source(made))).splitlines()[0]
    assert read_pyproject(made)["project"]["description"] == description
    assert description in (made.folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - OUTSIDE_OF_SUITES))
def test_it_keeps_the_rules_that_need_no_process_and_no_trial(here, kind):
    project = write(here, kind)
    assert f"mqa_api = {HOOKS_VERSION}  #" in read_source(project)
    with installed(project.site):
        cases = [case for case in list_cases(NAME) if case.subject.process is None]
        assert {case.rule.id for case in cases} >= {"named", "documented", "options-documented", "picklable"}
        assert [outcome.message for case in cases if (outcome := case.run()).seen] == []


def test_its_workflow_tests_builds_and_publishes_without_a_password(made):
    text = (made.folder / ".github" / "workflows" / "publish.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert [step["run"] for step in jobs["build"]["steps"] if "run" in step][-2:] == ["pytest", "python -m build"]
    assert (jobs["publish"]["needs"], jobs["publish"]["permissions"]) == ("build", {"id-token": "write"})
    assert jobs["publish"]["steps"][-1]["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert "password" not in text.replace("without a password", "")


def test_every_folder_of_templates_is_of_a_kind():
    assert {path.name for path in TEMPLATES.iterdir()} == {*KINDS.values(), "common", "data"}


def test_the_tests_of_a_plugin_are_three_lines(here):
    lines = (write(here, "slice").folder / "tests" / f"test_{MODULE}.py").read_text("utf-8").splitlines()
    assert [line for line in lines if line] == [
        "from mqa_registry.testing import conformance", f'test_conforms = conformance("{NAME}")',
    ]  # fmt: skip


def test_it_says_what_it_wrote_and_where(here):
    assert here.mqa("new", NAME).out == f"{FOLDER}: 11 files. `README.md` there says how to try it\n"
    assert here.mqa("new", NAME, "--out", "elsewhere", "--kind", "suite").out.startswith("elsewhere: 12 files.")
    assert (here.folder / "elsewhere" / MODULE / "posts.toml").is_file()
    assert sorted(path.name for path in here.folder.iterdir()) == ["elsewhere", FOLDER]


@pytest.mark.parametrize("name", ["x", "a1-b2", "class", "match"])
def test_a_word_of_python_is_a_name_like_any_other(here, name):
    assert name in write(here, "command", name).mqa("--help").out


@pytest.mark.parametrize(
    "name",
    ["", "Smileys", "two_smileys", "-smileys", "smileys-", "two--smileys", "2smileys", "a/b", "../up", "a.b", "a b", "smïley", "x\n"],
)  # fmt: skip
def test_what_can_be_no_name_is_refused(here, name):
    done = here.mqa("new", "--", name)
    assert done.code == 2
    assert (
        "can name no plugin\nhint: write small letters and digits, its words joined by `-`: `swap-names`\n" in done.err
    )
    assert list(here.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [
        ("metric", "metrics", "there is a plugin `metrics` already, of mqa-registry 0.1.0"),
        ("command", "run", "`mqa run` is a command of mqa"),
        ("command", "parity", "there is a command `parity` already, of mqa-registry 0.1.0"),
        ("reporter", "html", "there is a reporter `html` already, of mqa-registry 0.1.0"),
        ("reporter", "json", "`--json` is an option of mqa"),
        ("reporter", "mlflow", "`--mlflow` is an option of mqa"),
        ("slice", "registry", "there is a module `mqa_registry` already: "),
        ("slice", "reports", "there is a module `mqa_reports` already: "),
    ],
)
def test_a_name_that_is_taken_is_refused(here, kind, name, why):
    done = here.mqa("new", name, "--kind", kind)
    assert done.code == 2
    assert done.err.startswith(f"error: {why}")
    assert done.err.endswith("hint: take another name: none replaces another\n")
    assert list(here.folder.iterdir()) == []


def test_a_name_is_taken_by_its_own_kind_alone(here):
    assert here.mqa("new", "run", "--kind", "metric").code == 0
    assert here.mqa("new", "json", "--kind", "command").code == 0
    assert here.mqa("new", "robustness", "--kind", "metric").code == 2


def test_a_plugin_that_is_installed_is_not_written_again(here):
    project = write(here, "slice")
    done = project.mqa("new", NAME)
    assert (done.code, f"there is a plugin `{NAME}` already, of {FOLDER} 0.1.0" in done.err) == (2, True)


def test_there_is_no_other_kind(here):
    assert (
        here.mqa("new", NAME, "--kind", "metrics").err
        == "error: there is no kind `metrics`\nhint: did you mean `metric`?\n"
    )
    assert "hint: kinds are perturbation, metric, slice, " in here.mqa("new", NAME, "--kind", "zzz").err


def test_nothing_that_is_there_is_written_over(here):
    (here.folder / FOLDER).mkdir()
    (here.folder / "file").write_text("mine")
    (here.folder / "link").symlink_to("nowhere")
    for words in ([], ["--out", "file"], ["--out", "link"]):
        done = here.mqa("new", NAME, *words)
        assert (done.code, "is there already\nhint: name another folder with `--out`" in done.err) == (2, True)
    assert list((here.folder / FOLDER).iterdir()) == []
    assert (here.folder / "file").read_text() == "mine"


def test_a_folder_is_made_in_one_that_is_there(here):
    done = here.mqa("new", NAME, "--out", "none/here")
    assert (done.code, done.err.partition("\n")[0]) == (2, "error: there is no folder to make `none/here` in")
