"""Shell completion, as `mqa --install-completion` sets it up, in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")

# As readline does where a person presses TAB behind a line: find the function for the command's name, and call it.
COMPLETE = """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
spec=$(complete -p mqa) || exit 9
function=$(sed -E 's/.*-F ([^ ]+).*/\\1/' <<< "$spec")
"$function" mqa "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder, in which a bash has installed the completion."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    command = home / "bin" / "mqa"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom mqa_registry.cli import main\nsys.argv[0] = 'mqa'\nmain()\n"
    )
    command.chmod(0o755)
    done = shell(
        home, "mqa --install-completion && mqa --show-completion; exit $?"
    )  # a last command would take the shell's place
    assert done.returncode == 0, done.stderr
    assert "completion installed" in done.stdout
    assert "_MQA_COMPLETE=complete_bash" in done.stdout
    return home


def shell(home, script, *arguments):
    """A bash that reads its start-up file, with a terminal's environment."""
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"HOME": str(home), "PATH": path, "TERM": "dumb"}
    environment.pop("BASH_ENV", None)
    rc = f"[ -f {home}/.bashrc ] && . {home}/.bashrc\n"
    return subprocess.run(
        [str(BASH), "-c", rc + script, "bash", *arguments],
        env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def completed(home, *words):
    done = shell(home, COMPLETE, "mqa", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_is_installed_for_the_shell_that_asks(home):
    assert Path(home, ".bashrc").read_text().strip()
    assert "complete" in shell(home, "complete -p mqa").stdout


COMMANDS = [
    "init",
    "run",
    "judge",
    "report",
    "compare",
    "runs",
    "validate",
    "rows",
    "suites",
    "plugins",
    "search",
    "new",
    "doctor",
    "schema",
    "export",
    "parity",
]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("ru",), ["run", "runs"]),
        (("pa",), ["parity"]),
        (("",), COMMANDS),
        (("run", "--dr"), ["--dry-run"]),
        (("parity", "--in"), ["--inputs", "--input"]),
        (("nothing", "--x"), []),
    ],
)
def test_commands_and_their_options_are_completed(home, words, found):
    assert completed(home, *words) == found
