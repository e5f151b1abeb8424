"""Commands that installed distributions give: listed without importing them, run as mqa's own, each by itself."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest

from mqa_registry.cli import command_group
from mqa_registry.cli.commands.doctor import _check_commands
from tests.cli.conftest import Project

MODULE = '''
import sys
from typing import Annotated

import typer

from mqa_registry import DataError, ReportOptions, RunOptions, flags, output

print("acme is imported", file=sys.stderr)


def greet(
    who: Annotated[str, typer.Argument(help="Whom.")],
    *,
    loud: Annotated[bool, typer.Option("--loud", help="Loudly.")] = False,
    options: Annotated[RunOptions, flags("limit", "plugin_files")],
    report: Annotated[ReportOptions, flags("json", "quiet")],
) -> int:
    """Greet somebody, a number of times.

    More is told by the command's own help alone.
    """
    if who == "nobody":
        raise DataError("there is nobody", hint="name somebody")
    if who == "crash":
        raise ValueError("no such luck")
    if not report.quiet:
        print(f"{'HELLO' if loud else 'hello'} {who} {options.limit} {options.plugin_files} {report.json}", file=output())
    return 4 if loud else 0


def spell(options: Annotated[RunOptions, flags("nothing")]) -> None:
    """Take what no command line has."""


NOTHING = None
'''


def install(folder, name, commands, module=MODULE, version="1.0"):
    """Lay a distribution with commands out, as pip does."""
    package = f"{name.replace('-', '_')}_commands"
    (folder / f"{package}.py").write_text(module)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        f"{command} = {target if ':' in target else f'{package}:{target}'}" for command, target in commands.items()
    ]
    (about / "entry_points.txt").write_text("[mqa.commands]\n" + "\n".join(lines) + "\n")


@pytest.fixture
def mqa(tmp_path):
    """mqa in this process, which sees what is installed in `site`."""
    project = Project(tmp_path)
    project.site.mkdir()
    (tmp_path / "own.py").write_text("")
    return partial(project.mqa, COLUMNS="80")


@pytest.fixture
def site(mqa, tmp_path):
    return tmp_path / "site"


def listed(done):
    """The lines of the help about commands, by their names."""
    lines = done.out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line[2] != " "}


def test_help_lists_a_command_with_its_one_line_and_imports_nothing_of_it(mqa, site):
    install(site, "acme", {"greet": "greet"})
    done = mqa("--help")
    assert listed(done)["greet"] == "Greet somebody, a number of times."
    assert {"run", "judge", "parity", "export", "doctor"} <= listed(done).keys()
    assert "acme is imported" not in done.err


def test_a_command_has_flags_of_its_own_and_those_it_asks_for_and_gives_the_exit_code(mqa, site):
    install(site, "acme", {"greet": "greet"})
    done = mqa("greet", "Ada", "--loud", "--limit", "3", "--plugin", "own.py", "--plugin=own.py", "--json", "r.json")
    assert (done.code, done.out) == (
        4,
        "HELLO Ada 3 (PosixPath('own.py'), PosixPath('own.py')) r.json\n",
    ), done.err
    assert mqa("greet", "Ada").out == "hello Ada None () None\n"
    help_ = mqa("greet", "--help").out
    assert "More is told" in help_
    assert {"--loud", "--limit", "--plugin", "--json", "-q", "--debug"} <= set(help_.split())
    assert "--device" not in help_


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nobody",), 2, ("error: there is nobody", "hint: name somebody")),
        (("crash",), 3, ("error: ValueError: no such luck", "hint: run again with `--debug`")),
        (("Ada", "--json", "no/r.json"), 2, ("error: there is no folder to write `no/r.json`", "hint: make it first")),
        (("Ada", "--json", "own.py"), 2, ("error: `own.py` is there already", "hint: write to another file")),
    ],
)
def test_what_goes_wrong_in_it_is_told_as_of_any_command(mqa, site, arguments, code, words):
    install(site, "acme", {"greet": "greet"})
    (site.parent / "own.py").write_text("# mine")
    done = mqa("greet", *arguments)
    lines = done.err.splitlines()[1:]
    assert done.code == code
    assert all(line.startswith(start) for line, start in zip(lines, words, strict=True)), done.err


def test_debug_shows_the_traceback_of_a_command(mqa, site):
    install(site, "acme", {"greet": "greet"})
    assert "Traceback" in mqa("greet", "crash", "--debug").err


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("missing", "AttributeError: module 'acme_commands' has no attribute 'missing'"),
        ("NOTHING", "TypeError: its entry point names no function"),
        ("spell", "TypeError: `RunOptions` has no flag `nothing`"),
        ("nowhere:greet", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_command_that_cannot_be_used_costs_itself_alone(mqa, site, target, reason):
    install(site, "acme", {"greet": "greet", "broken": target})
    done = mqa("broken")
    assert done.code == 2
    error, hint = done.err.splitlines()[-2:]
    assert error.startswith(f"error: the command `broken` of acme 1.0 cannot be used: {reason}"), done.err
    assert hint == "hint: `pip install --upgrade acme`, or `pip uninstall acme`"
    assert mqa("greet", "Ada").code == 0
    shown = listed(mqa("--help"))
    assert shown["greet"] == "Greet somebody, a number of times."
    assert shown["broken"] in {"Given by acme 1.0.", "Take what no command line has."}


def test_a_module_that_fails_says_where_and_help_still_lists_it(mqa, site):
    install(site, "acme", {"greet": "greet"}, MODULE.replace('print("acme', 'raise OSError("acme'))
    assert listed(mqa("--help"))["greet"] == "Greet somebody, a number of times."
    done = mqa("greet", "Ada")
    assert done.code == 2
    assert "cannot be used: TypeError" in done.err
    assert "(acme_commands.py, line " in done.err


def test_two_distributions_that_give_one_command_are_both_named(mqa, site):
    install(site, "acme", {"greet": "greet"})
    install(site, "best", {"greet": "greet", "hello": "greet"}, version="2.1")
    done = mqa("greet", "Ada")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: 2 distributions give a command `greet`: acme 1.0 and best 2.1\nhint: uninstall all but one\n"
    )
    assert listed(mqa("--help"))["greet"] == "Given by acme 1.0 and best 2.1: uninstall all but one."
    assert mqa("hello", "Ada").out == "hello Ada None () None\n"


def test_mqas_own_commands_are_replaced_by_none(mqa, site):
    install(site, "acme", {"schema": "greet"})
    assert "Greet" not in mqa("schema", "--help").out
    assert listed(mqa("--help"))["schema"].startswith("Print the JSON Schema")


@pytest.fixture
def examined(site, monkeypatch):
    """What `mqa doctor` finds of commands, in this process."""
    monkeypatch.syspath_prepend(str(site))

    def examine():
        command_group.plugin_entry_points.cache_clear()
        return {finding.topic: (finding.level, finding.message) for finding in _check_commands()}

    yield examine
    command_group.plugin_entry_points.cache_clear()


@pytest.mark.parametrize("name", ["two words", "-option", "\x1b[31mred", "a/b"])
def test_what_is_no_word_of_a_command_line_names_no_command(examined, site, name):
    install(site, "acme", {name: "missing", "greet": "greet"})
    assert examined() == {}
    assert "greet" in command_group.plugin_entry_points()
    assert name not in command_group.plugin_entry_points()


def test_doctor_tells_of_commands_that_cannot_be_called(examined, site):
    assert examined() == {}
    install(site, "acme", {"schema": "greet", "broken": "missing", "greet": "greet"})
    found = examined()
    assert found["schema"] == ("problem", "the command `schema` of acme 1.0 is never called: mqa has its own")
    assert found["broken"][1].startswith("the command `broken` of acme 1.0 cannot be used")
    assert found.keys() == {"schema", "broken"}


def test_a_command_that_is_not_there_is_refused_with_those_that_are_like_it(mqa, site):
    install(site, "acme", {"greet": "greet"})
    done = mqa("great")
    assert (done.code, "Did you mean 'greet'?" in done.err) == (2, True)


def test_what_is_no_plugins_command_asks_no_distribution(mqa, site):
    """A run finds its command among mqa's own, and does not look through what is installed."""
    program = "import sys; sys.argv = ['mqa', 'run', '--help']\nfrom mqa_registry.cli import app\ntry:\n    app()\n"
    program += "finally:\n    print('importlib.metadata' in sys.modules and 'found', file=sys.stderr)"
    code = (
        program
        + "\n    from mqa_registry.cli.command_group import plugin_entry_points; print(plugin_entry_points.cache_info().misses, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "0"
