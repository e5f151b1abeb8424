"""Devices are found by reading the system's own files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mqa_registry import RunOptions, UsageError, find_device, machine


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, real_gpu_names):
    """Names are read once a process; every test reads its own."""
    monkeypatch.setattr(machine, "gpu_names", real_gpu_names)
    for name in ("cpu_name", "gpu_names"):
        getattr(machine, name).cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    yield
    for name in ("cpu_name", "gpu_names"):
        getattr(machine, name).cache_clear()


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """A machine on which the driver lists these GPUs."""

    def listed(*names):
        for number, name in enumerate(names):
            folder = tmp_path / f"0000:0{number}:00.0"
            folder.mkdir()
            (folder / "information").write_text(f"Model: \t\t {name}\nIRQ: 7\n")
        monkeypatch.setattr(machine, "GPUS", tmp_path)

    return listed


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "GPUS", tmp_path / "none")
    device = find_device("auto")
    assert (device.kind, str(device)) == ("cpu", "cpu")
    assert device.name


def test_auto_is_the_first_gpu_where_there_is_one_that_can_be_used(gpus):
    gpus("NVIDIA H200", "NVIDIA L4")
    assert str(find_device("auto")) == "cuda:0"
    assert find_device("auto").name == "NVIDIA H200"
    assert find_device("auto", cuda=False).kind == "cpu"
    assert find_device("cpu").kind == "cpu"


def test_a_gpu_is_asked_for_by_number(gpus):
    gpus("NVIDIA H200", "NVIDIA L4")
    assert find_device("cuda:1").name == "NVIDIA L4"
    assert str(find_device("cuda")) == "cuda:0"


def test_a_gpu_that_is_not_there_can_be_asked_for_and_is_unknown(gpus):
    gpus("NVIDIA H200")
    assert (str(find_device("cuda:5")), find_device("cuda:5").name) == ("cuda:5", "unknown")


@pytest.mark.parametrize("word", ["", "gpu", "cuda:", "cuda:-1", "CPU", "cuda:1:2", "cuda:x"])
def test_another_word_is_no_device(word):
    with pytest.raises(UsageError, match="no device"):
        find_device(word)


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1", ("B",)), ("1,0", ("B", "A")), ("", ()), ("-1", ()), ("0,7,1", ("A",)), ("GPU-3f1c", ("unknown",))],
)
def test_only_the_gpus_that_a_process_may_see_count(gpus, monkeypatch, visible, names):
    gpus("A", "B")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpu_names() == names


def test_without_driver_files_the_tool_of_the_driver_is_run(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA RTX 6000'\necho 'NVIDIA T4'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(machine, "GPUS", tmp_path / "none")
    monkeypatch.setattr(machine.shutil, "which", lambda _: str(tool))
    assert machine.gpu_names() == ("NVIDIA RTX 6000", "NVIDIA T4")


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 9\n", "#!/bin/sh\nsleep 60\n", "no program"])
def test_a_tool_that_fails_or_hangs_lists_no_gpu(monkeypatch, tmp_path, script):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(script)
    tool.chmod(0o755)
    monkeypatch.setattr(machine, "GPUS", tmp_path / "none")
    monkeypatch.setattr(machine, "TIMEOUT", 0.2)
    monkeypatch.setattr(machine.shutil, "which", lambda _: str(tool))
    assert machine.gpu_names() == ()


def test_a_cpu_without_a_name_in_the_systems_file_still_has_one(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPUS", tmp_path / "none")
    assert machine.cpu_name()


def test_finding_a_device_loads_no_numerical_library():
    code = "import sys; from mqa_registry import find_device; find_device('auto'); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("2GB", 2 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5g", 15 * 10**8),
        ("3 kB", 3000),
        ("1tib", 2**40),
    ],
)
def test_a_size_of_memory_is_a_number_with_a_unit(text, size):
    assert machine.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "2XB", "-1GB", "5ib", "GB", "1e9", "0.1b"])
def test_anything_else_is_no_size(text):
    with pytest.raises(UsageError, match="is no size of memory"):
        machine.parse_size(text)


def test_memory_is_that_of_the_machine_or_of_the_container_around_the_process(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CONTAINER_MEMORY", tmp_path / "memory.max")
    whole = machine.memory_size()
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory_size() == whole > 2**20
    (tmp_path / "memory.max").write_text(f"{2**20}\n")
    assert machine.memory_size() == 2**20


def test_rows_at_work_take_a_quarter_of_the_memory_and_one_gigabyte_at_most(monkeypatch):
    for size, expected in ((2**40, 2**30), (2**30, 2**28), (0, 2**30)):
        monkeypatch.setattr("mqa_registry.run_options.memory_size", lambda size=size: size)
        assert RunOptions().memory_bytes == expected
    assert RunOptions(memory="2GB").memory_bytes == 2 * 10**9
    with pytest.raises(UsageError):
        RunOptions(memory="much")
