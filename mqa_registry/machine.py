"""The machine's devices and memory, read from the system's own files, so that asking for one loads no model library."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mqa_registry.errors import DataError, UsageError

CPUS = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")
CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")  # what a container may take; `max` is all

DEVICE = re.compile(r"auto|cpu|cuda(?::(?P<index>\d+))?")
UNKNOWN = "unknown"
SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?:(?P<unit>[kmgt])(?P<binary>i)?)?b?", re.IGNORECASE)
UNITS = "kmgt"  # the powers of 1,000, or of 1,024 as in `GiB`
MAX_THREADS = 1024  # more than any machine has cores; thread pools crash at 100,000
TIMEOUT = 20.0  # seconds for `nvidia-smi`: it wakes a driver that nothing keeps awake, which takes some for each GPU


@dataclass(frozen=True)
class Device:
    """A processor that can run a model. `name` is what its maker calls it, `unknown` where the system does not say."""

    kind: Literal["cpu", "cuda"]
    name: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


def check_device(name: str) -> re.Match[str]:
    """The parts of a device's name; UsageError where it is none. Whether it is there is not looked at."""
    found = DEVICE.fullmatch(name)
    if found is None:
        raise UsageError(f"there is no device `{name}`", hint="write `auto`, `cpu`, `cuda` or `cuda:1`")
    return found


def find_device(name: str, *, cuda: bool = True) -> Device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` means here; it need not be there when it is asked for by name.

    `auto` is the first GPU that the driver lists, where there is one and `cuda` says that it can be used; else the CPU.
    """
    found = check_device(name)
    if name == "cpu" or (name == "auto" and not (cuda and gpu_names())):
        return Device("cpu", cpu_name())
    index = int(found["index"] or 0)
    names = gpu_names()
    return Device("cuda", names[index] if index < len(names) else UNKNOWN, index)


def check_threads(number: int | None) -> None:
    """A DataError for a number of threads that no machine runs; None is as many as a library takes by itself."""
    if number is not None and number < 1:
        raise DataError(f"`threads` is {number}, and a backend needs at least one")
    if number is not None and number > MAX_THREADS:
        raise DataError(
            f"`threads` is {number:,}, and more than {MAX_THREADS:,} are not started", hint="take the number of cores"
        )


def available_cores() -> int:
    """How many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_size(text: str) -> int:
    """The bytes of a size as `2GB`, `512MiB` or `4096`; a UsageError where it is none, or nothing."""
    found = SIZE.fullmatch(text.strip())
    size = 0
    if found is not None:
        power = UNITS.index(found["unit"].lower()) + 1 if found["unit"] else 0
        size = int(float(found["number"]) * (1024 if found["binary"] else 1000) ** power)
    if size < 1:
        raise UsageError(f"`{text}` is no size of memory", hint="write `2GB`, `512MiB` or a number of bytes")
    return size


def memory_size() -> int:
    """The bytes of memory that this machine, or the container around this process, has; 0 where the system does not say."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no POSIX
        return 0
    try:
        return min(total, int(CONTAINER_MEMORY.read_text()))
    except (OSError, ValueError):
        return total


@cache
def cpu_name() -> str:
    """What the CPU's maker calls it."""
    return _field(CPUS, "model name") or platform.processor() or platform.machine() or UNKNOWN


@cache
def gpu_names() -> tuple[str, ...]:
    """The names of the NVIDIA GPUs that a process started here would see, in its order."""
    names = _driver_names() or _tool_names()
    visible_devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names if visible_devices is None else _visible(names, visible_devices)


def _driver_names() -> tuple[str, ...]:
    """As the Linux driver lists them, by address on the bus."""
    try:
        folders = sorted(GPUS.iterdir())
    except OSError:
        return ()
    return tuple(_field(folder / "information", "Model") or UNKNOWN for folder in folders)


def _tool_names() -> tuple[str, ...]:
    """As `nvidia-smi` lists them, on systems whose driver has no files to read."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=TIMEOUT, check=True)  # noqa: S603 - fixed words, and the tool's own path
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def _visible(names: tuple[str, ...], visible_devices: str) -> tuple[str, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES lets through: it stops at the first entry that is no GPU here."""
    visible: list[str] = []
    for entry in (part.strip() for part in visible_devices.split(",")):
        if entry.startswith(("GPU-", "MIG-")):
            # An identifier does not say which; the names only differ on machines with mixed GPUs.
            visible.append(names[0] if len(set(names)) == 1 else UNKNOWN)
        elif entry.isdigit() and int(entry) < len(names):
            visible.append(names[int(entry)])
        else:
            break
    return tuple(visible)


def _field(file: Path, name: str) -> str:
    """The value of a `name : value` line in one of the system's files, or nothing."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() == name:
                    return value.strip()
    except OSError:
        pass
    return ""
