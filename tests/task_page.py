"""The suites that `plugins/tasks.md` shows, one for each task."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "plugins" / "tasks.md").read_text("utf-8")


def read_suite(name: str) -> str:
    """The suite of this name."""
    suites = re.findall(r'^```toml\n(format = 1\nname = "(.+?)"\n.+?)^```', PAGE, re.MULTILINE | re.DOTALL)
    (suite,) = (text for text, found in suites if found == name)
    return str(suite)
