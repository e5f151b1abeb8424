"""What a library's error says, in one line."""

from __future__ import annotations


def reason(error: BaseException) -> str:
    """The first line of it, and the next where that one only announces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    told = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"{told:.200}"
