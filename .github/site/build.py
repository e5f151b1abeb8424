"""Builds the site of mqa's pages: python .github/site/build.py FOLDER.

Pages stand beside what they describe. They are copied into one tree, with the files that they link to, and built from there
by MkDocs, which ends with an error where a link of a page leads nowhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEFT_OUT = ("tests/", ".github/pull_request_template.md", ".github/ISSUE_TEMPLATE/")  # no pages for readers
LINK = re.compile(r"\]\(([^)\s]+)\)")


def main(folder: Path) -> None:
    """Build the site into a folder, which need not exist; what it has is replaced."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shutil.copy(HERE / "mkdocs.yml", work)
        pages = list_pages()
        for file in sorted({*pages, *list_linked_files(pages)}):
            copy = work / "pages" / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(work / "mkdocs.yml")]
        subprocess.run([*command, "--site-dir", str(folder.resolve())], check=True)


def list_pages() -> list[Path]:
    """The Markdown files of the repository that are for readers."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if not name.startswith(LEFT_OUT)]


def list_linked_files(pages: Sequence[Path]) -> list[Path]:
    """The files of the repository that pages link to: suites, code, pictures."""
    targets = [
        (page.parent / unquote(urlsplit(link).path)).resolve()
        for page in pages
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not urlsplit(link).scheme and urlsplit(link).path
    ]
    return [target for target in targets if target.is_file() and target.is_relative_to(ROOT)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
