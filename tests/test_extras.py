"""Optional packages: a suite that needs a missing one is refused before anything runs, with the command that installs it."""

from __future__ import annotations

from functools import partial

import pytest

from mqa_registry import UsageError, optional_import
from mqa_registry.extras import install_command, is_installed, missing_packages
from tests.cli.conftest import Project, installed

PLUGIN = '''
from mqa_registry import Dataset, Metric, Perturbation, Slice, hookimpl, optional_import

def shout(example, rng):
    """Every text in capitals."""
    return {field: text.upper() for field, text in example.items()}

def script(example):
    """The script of a text."""
    with optional_import("acme-scripts"):
        import acme_scripts

@hookimpl
def mqa_perturbations():
    yield Perturbation("shout", shout, modality="text", requires=("acme-voices", "pytest"))
    yield Perturbation("whisper", shout, modality="text", requires=("pytest",))

@hookimpl
def mqa_slices():
    yield Slice("script", script, requires=("acme-scripts",))
    yield Slice("undeclared", script)
'''
METADATA = """\
Metadata-Version: 2.4
Name: acme-mqa
Version: 1.0
Provides-Extra: all
Provides-Extra: voices
Requires-Dist: acme_voices>=2; extra == "all"
Requires-Dist: pytest; extra == "all"
Requires-Dist: acme_voices>=2; extra == "voices"
Requires-Dist: what is this?
Requires-Dist: numpy; python_version >= "3"
"""
SUITE = """\
format = 1
[data.posts]
use = "datasets/file"
path = "posts.csv"
[backends.replayed]
use = "replay/file"
path = "posts.csv"
"""
CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = {{ min = 0.5 }}\n{}\n'
POSTS = "id,text,target,label\n1,good,positive,positive\n2,bad,negative,negative\n"


@pytest.fixture
def acme(tmp_path):
    """A folder with an installed plugin, which lists what one of its perturbations requires under an extra."""
    (tmp_path / "mqa_acme.py").write_text(PLUGIN, "utf-8")
    (tmp_path / "posts.csv").write_text(POSTS, "utf-8")
    info = tmp_path / "acme_mqa-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA, "utf-8")
    (info / "entry_points.txt").write_text("[mqa]\nacme = mqa_acme\n", "utf-8")
    return tmp_path


@pytest.fixture
def mqa(acme):
    with installed(acme):
        yield partial(Project(acme).mqa, COLUMNS="200")


@pytest.mark.parametrize("command", ["validate", "run", "rows"])
def test_a_suite_that_needs_a_missing_package_is_refused_with_the_command_that_installs_it(acme, mqa, command):
    checks = [CHECK.format('perturb = "acme/shout"'), CHECK.format('by = "acme/script"')]
    (acme / "suite.toml").write_text(SUITE + "".join(checks), "utf-8")
    done = mqa(command, "suite.toml", *(("--out", "out") if command == "rows" else ()))
    assert done.code == 2, done.out + done.err
    assert "`acme/shout` requires the package `acme-voices`, which is not installed" in done.err
    assert 'pip install "acme-mqa[voices]"' in done.err
    assert "`acme/script` requires the package `acme-scripts`, which is not installed" in done.err
    assert "pip install acme-scripts" in done.err
    assert "suite.toml:11:11" in done.err
    assert "pytest" not in done.err
    assert not (acme / ".mqa").exists()


def test_checks_that_are_left_out_need_nothing(acme, mqa):
    checks = [CHECK.format('name = "loud"\nperturb = "acme/shout"'), CHECK.format('name = "plain"')]
    (acme / "suite.toml").write_text(SUITE + "".join(checks), "utf-8")
    assert mqa("run", "suite.toml", "--dry-run").code == 2
    done = mqa("run", "suite.toml", "--dry-run", "--only", "plain")
    assert done.code == 0, done.err


def test_a_package_that_no_contribution_declared_is_named_by_what_it_is_imported_for(acme, mqa):
    (acme / "suite.toml").write_text(SUITE + CHECK.format('by = "acme/undeclared"'), "utf-8")
    done = mqa("validate", "suite.toml")
    assert done.code == 2
    assert "the package `acme-scripts` is not installed" in done.err
    assert "pip install acme-scripts" in done.err


def test_the_page_of_a_contribution_says_what_it_requires(mqa):
    shown = mqa("plugins", "acme/shout").out
    assert 'requires the package acme-voices, which is not installed: pip install "acme-mqa[voices]"' in shown
    assert "requires the package pytest\n" in shown


def test_the_names_of_packages_are_a_tuple(acme, mqa):
    path = acme / "mqa_acme.py"
    path.write_text(path.read_text("utf-8").replace('("acme-scripts",)', '"acme-scripts"'), "utf-8")
    assert "slice `script`: `requires` must be a tuple of names of packages" in mqa("plugins", "acme").out


def test_what_is_installed_is_found_by_the_name_that_pip_installs():
    assert is_installed("pyarrow")
    assert list(missing_packages(["pyarrow", "no-such-package", "PyArrow"])) == ["no-such-package"]


def test_a_package_of_no_extra_is_installed_by_its_name():
    assert install_command("no-such-package") == "pip install no-such-package"


def test_an_import_that_fails_names_the_package_and_the_command():
    with (
        pytest.raises(UsageError, match="the package `no-such-package` is not installed") as caught,
        optional_import("no-such-package"),
    ):
        import no_such_package  # noqa: F401
    assert caught.value.hint == "pip install no-such-package"


def test_an_import_that_fails_in_a_package_that_is_there_is_its_own_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), optional_import("numpy"):
        import numpy.no_such_module  # noqa: F401


def test_any_other_error_passes():
    with pytest.raises(ValueError, match="else"), optional_import("no-such-package"):
        raise ValueError("something else")
