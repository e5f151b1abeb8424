"""Pinned packages: download them, check their hashes, read members without installing."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PINS = Path(__file__).with_name("packages.txt")


@dataclass(frozen=True)
class Pin:
    """One line of packages.txt."""

    name: str
    sha256: str
    line: str


def read_pins(path: Path = PINS) -> dict[str, Pin]:
    """Read the pins by package name."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    pins = [parse_pin(line) for line in lines]
    return {pin.name: pin for pin in pins}


def parse_pin(line: str) -> Pin:
    """Parse `name==version --hash=sha256:digest`."""
    match = re.fullmatch(r"([\w.-]+)==\S+\s+--hash=sha256:([0-9a-f]{64})", line)
    if match is None:
        raise ValueError(f"not a pinned requirement: {line!r}")
    return Pin(name=match[1], sha256=match[2], line=line)


@contextmanager
def open_packages(names: list[str], folder: Path | None = None) -> Iterator[dict[str, Path]]:
    """Give the verified archive of each named package, from `folder` or else by pip."""
    pins = [read_pins()[name] for name in names]
    if folder is not None:
        yield find_archives(pins, folder)
        return
    with TemporaryDirectory() as scratch:
        download(pins, Path(scratch))
        yield find_archives(pins, Path(scratch))


def download(pins: list[Pin], folder: Path) -> None:
    """Download exactly the pinned archives into a folder."""
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{pin.line}\n" for pin in pins), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    # The wheel of vaderSentiment leaves out the ratings; its sdist has them.
    command += ["--no-binary", "vaderSentiment", "--requirement", str(wanted), "--dest", str(folder)]
    subprocess.run(command, check=True)


def find_archives(pins: list[Pin], folder: Path) -> dict[str, Path]:
    """Find the archive of each pin by its digest; a file with another digest is never read."""
    archives = [path for path in sorted(folder.iterdir()) if path.name.endswith((".whl", ".tar.gz"))]
    by_digest = {digest(path): path for path in archives}
    missing = [pin.name for pin in pins if pin.sha256 not in by_digest]
    if missing:
        raise FileNotFoundError(f"no file with the pinned hash in the packages folder for: {', '.join(missing)}")
    return {pin.name: by_digest[pin.sha256] for pin in pins}


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_wheel(wheel: Path, member: str) -> bytes:
    """Read one member of a wheel into memory."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def read_tar(archive: Path | bytes, member: str) -> bytes:
    """Read one regular file of a .tar.gz into memory; nothing is unpacked to disk."""
    content = archive if isinstance(archive, bytes) else archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
        file = opened.extractfile(opened.getmember(member))
        if file is None:
            raise ValueError(f"{member} is not a regular file")
        return file.read()
