"""What a library's error says, in one line."""

from __future__ import annotations


def reason(error: BaseException) -> str:
    """The first line of it, and the next where that one only announces it; of one with a traceback, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    traced = any(line.startswith("Traceback") for line in lines)  # TorchScript shows its own within the error
    told = lines[-1] if traced else " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"{told:.200}"
