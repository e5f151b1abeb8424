"""Tags: names that people give to kept runs, as `v1.2`; each is a file in the store with the id of its run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, UsageError
from mqa_registry.files import is_special
from mqa_registry.reports.output import explain_file_errors, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAST = "last"  # names the newest run
TAGS = "tags"  # the folder of a store with a file for each tag
TAG_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,99}", re.ASCII)
REPORT_SUFFIX = ".json"  # of a run's name that means a file
LIKE_AN_ID = re.compile(r"\d{8}(-|$)")


def tag_run(store: Path, run: str, tag: str) -> None:
    """Give a kept run a name; a run that had it loses it. A UsageError where it can be no name, or would be ambiguous."""
    check_tag(tag)
    with explain_file_errors(store / TAGS):
        (store / TAGS).mkdir(exist_ok=True)
    write_text(store / TAGS / tag, f"{run}\n")


def check_tag(tag: str) -> None:
    """Raise a UsageError where a tag could not be told from an id or a report, or can be no name of a file."""
    if TAG_NAME.fullmatch(tag) and tag != LAST and not LIKE_AN_ID.match(tag) and not tag.endswith(REPORT_SUFFIX):
        return
    problem = (
        f"`{tag}` cannot be a tag: it is letters, digits, `.`, `_`, `+` and `-`, neither `{LAST}` nor like an id, "
        f"and no name of a report, which ends in `{REPORT_SUFFIX}`"
    )
    raise UsageError(problem, hint="write `--tag v1.2`")


def list_tags(run: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """The names of a run among all `tags`, as `read_tags` gives them."""
    return tuple(tag for tag, tagged in tags.items() if tagged == run)


def read_tags(store: Path) -> dict[str, str]:
    """The name of the run of each tag, by the tag; a run may be gone."""
    try:
        files = [file for file in (store / TAGS).iterdir() if TAG_NAME.fullmatch(file.name) and not is_special(file)]
        return {file.name: file.read_text("utf-8").strip() for file in sorted(files) if not file.is_symlink()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"the tags of the store `{store}` cannot be read: {error}") from error
