"""The page `README.md`: its commands are pinned, its suite is sound, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app
from mqa_registry.plugins import load_all

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


def marked_command(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```console\n(.+?)\n```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("name", "what", "last"),
    [
        ("run", ".", [".venv/bin/mqa", "run", "suites/nlp.toml"]),
        ("test", ".[test]", [".venv/bin/pytest", "-n", "auto", "--dist", "loadfile"]),
    ],
)
def test_the_commands_start_from_nothing_and_are_pinned(name, what, last):
    steps = [shlex.split(step) for step in marked_command(name).split(" && ")]
    assert steps == [
        ["python", "-m", "venv", ".venv"],
        [".venv/bin/pip", "install", "-c", "constraints.txt", "-e", what],
        last,
    ]
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


def test_the_suite_for_ones_own_model_is_sound(tmp_path):
    suite = re.search(r"^`release.toml`\n\n```toml\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert suite is not None
    (tmp_path / "release.toml").write_text(suite[1], "utf-8")
    (tmp_path / "my-model").symlink_to(ROOT / "suites" / "models" / "reviews-minilm")
    pc.write_csv(
        pq.read_table(ROOT / "suites" / "data" / "sentiment.parquet", columns=["text", "label"]), tmp_path / "test.csv"
    )
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "release.toml")])
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("page", ["README.md", "mqa_registry/README.md", "plugins/README.md", "plugins/audio.md", "plugins/parity.md", "plugins/ray.md", "plugins/reports.md", "plugins/tasks.md", "plugins/vision.md", "suites/README.md", *(
    path.relative_to(ROOT).as_posix() for path in sorted((ROOT / ".github").rglob("*.md")))])  # fmt: skip
def test_links_of_a_page_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()] == []


def test_what_needs_an_extra_is_named_with_it():
    section = PAGE[PAGE.index("## Optional packages") : PAGE.index("## Where to read on")]
    for plugin in load_all().plugins.values():
        if f"[`{plugin.name}`]" in section:  # with its page, which says what needs the extra
            continue
        if all(one.requires for one in plugin.contributions):
            assert f"`{plugin.name}/" in section
            continue
        for one in plugin.contributions:
            if one.requires and "emoji" not in one.requires:
                assert f"`{plugin.name}/{one.name}`" in section
    assert all(f"`{extra}`" in section for extra in EXTRAS if extra != "test")


def test_the_linter_of_a_commit_is_the_pinned_one():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"ruff-pre-commit\n +rev: v(\S+)", hooks)
    assert f"ruff=={version}" in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
