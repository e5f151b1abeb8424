"""Files of a model's folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, file_format

if TYPE_CHECKING:
    from pathlib import Path


def check_fetched(file: Path) -> None:
    """A DataError for a file that git-LFS did not fetch."""
    if file_format(file) is FileFormat.LFS_POINTER:
        raise DataError(
            f"`{file}` is a pointer of git-LFS in place of the file",
            hint=f"`git lfs pull` in `{file.parent}` fetches the file itself",
        )


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; a DataError where there is none."""
    try:
        check_fetched(file)
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"`{file}` is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"`{file}` holds no JSON object")
    return content
