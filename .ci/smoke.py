"""Tries an installed mqa: `python -P smoke.py REPOSITORY`, in an empty folder, with the sources out of sight.

The test suite runs on the editable install. What a wheel can lack beyond that is a file, an entry point or a dependency.
So every file of the packages is looked for, every plugin is loaded, and the README's suite, script and commands run once,
on the demo model. Whatever is wrong ends the script with an AssertionError that says what.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

ROWS = 600  # of the demo data, as `test.csv`

MQA = str(Path(sys.executable).with_name("mqa"))


def run(*command: str) -> str:
    """What a command prints on standard output; it has to end with 0."""
    print("+", *command, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{command} ends with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def check_files(repository: Path) -> None:
    """Every file of the packages is installed, and not imported from the repository."""
    installed = {file.as_posix() for file in distribution("mqa-registry").files or ()}
    for folder in (repository, repository / "plugins"):
        packages = [path.parent for path in folder.glob("mqa_*/__init__.py")]
        assert packages, f"no packages in {folder}"
        files = {
            path for package in packages for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"
        }
        missing = {path.relative_to(folder).as_posix() for path in files} - installed
        assert not missing, f"the wheel lacks {sorted(missing)}"
        for package in packages:
            assert f"{package.name}/py.typed" in installed, f"{package.name} has no py.typed"
            where = Path(import_module(package.name).__file__ or "")
            assert not where.is_relative_to(repository), f"{package.name} is imported from {where}"


def check_plugins() -> None:
    """Every plugin of the distribution loads, and gives something."""
    assert "cannot be used" not in run(MQA, "plugins")
    for point in distribution("mqa-registry").entry_points:
        if point.group == "mqa":
            assert f"{point.name}/" in run(MQA, "plugins", point.name), f"the plugin `{point.name}` gives nothing"


def check_readme(repository: Path) -> None:
    """The README's suite and commands, with the demo model as `my-model` and rows of the demo data as `test.csv`."""
    from pyarrow import csv, parquet

    page = (repository / "README.md").read_text(encoding="utf-8")
    suite = re.search(r"^`release.toml`\n\n```toml\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    script = re.search(r"^```python\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    assert suite, "the README has no suite"
    assert script, "the README has no script"
    Path("release.toml").write_text(suite[1], encoding="utf-8")
    shutil.copytree(repository / "suites" / "models" / "reviews-minilm", "my-model")
    rows = parquet.read_table(repository / "suites" / "data" / "sentiment.parquet", columns=["text", "label"])
    csv.write_csv(rows.slice(0, ROWS), "test.csv")

    run(MQA, "validate", "release.toml")
    run(MQA, "run", "release.toml", "--json", "report.json")
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert {result["backend"] for result in report["results"]} == {"torch", "onnx"}
    first, *_, last = run(sys.executable, "-c", script[1]).splitlines()
    assert (first, last) == ("PASS 0", "FAIL")
    assert "PASS" in run(MQA, "judge", "last")
    for command in re.findall(r"^mqa (?:export|parity) .+$", page, re.MULTILINE):
        run(MQA, *command.split()[1:])


def main() -> None:
    """Check everything, in the current folder."""
    repository = Path(sys.argv[1]).resolve()
    assert not list(Path.cwd().iterdir()), "run it in an empty folder"
    check_files(repository)
    assert "Usage" in run(MQA, "--help")
    if find_spec("mqa_registry.__main__"):
        assert "Usage" in run(sys.executable, "-m", "mqa_registry", "--help")
    assert json.loads(run(MQA, "schema"))["type"] == "object"
    check_plugins()
    check_readme(repository)
    print("The installed mqa works.")


if __name__ == "__main__":
    main()
