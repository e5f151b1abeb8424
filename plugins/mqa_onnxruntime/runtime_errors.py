"""ONNX Runtime's errors on files and providers, made short, and their fixes."""

from __future__ import annotations

import re

# Patterns of the reason why a provider did not start, the most specific first.
PROVIDER_FAILURES = (
    re.compile(r"with error: (.+)"),
    re.compile(r"Failed to load (.+)"),
    re.compile(r"\[E:onnxruntime:[^\]]*\] (.+)"),
    # It first looks for a provider of that name among those that were plugged in, and warns that there is none.
    re.compile(r"\[W:onnxruntime:[^\]]*\] (?!No registered plugin)(.+)"),
)
COLOURS = re.compile(r"\x1b\[[\d;]*m")
PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : (?:Load model from .*? failed:)?")
# The fixes of a file that cannot be run, by ONNX Runtime's message.
FIXES = {
    re.compile(r"'tensor\(bfloat16\)'"): "export it with an `opset` of 22 or newer, whose operators take bfloat16",
    re.compile(r"opset version|IR version|No Op registered|NOT_IMPLEMENTED"): "take a newer ONNX Runtime, or export the"
    " model with an `opset` that this one has",
    re.compile(
        r"INVALID_GRAPH|INVALID_PROTOBUF|[Ii]nvalid model|Missing opset|does not match expected size"
    ): "it is damaged: export the model again",
    re.compile("Invalid device ID"): "name a GPU that is there: `nvidia-smi` lists them",
    re.compile(
        "graph capture feature"
    ): "leave out `cuda_graph`: the model copies between CPU and GPU, or has branches",
}
# Messages of a CUDA that does not start with any file.
CUDA_UNAVAILABLE = re.compile(r"CUDA failure (?!2:)|CUDA_PATH")
# Where in its own source ONNX Runtime noticed: a file, a line, the function with all its parameters and types, and the
# condition that did not hold; or a file and a function by their bare names; or the option at which it first asks CUDA
# anything.
SOURCE_LOCATION = re.compile(
    r"/\S+\.(?:h|cc|cpp):\d+ [^(]*(?:\((?:[^()]|\([^()]*\))*\))+(?: const)?(?: \[with [^\]]*\])? "
    r"(?:[^\n]*? was false\. )?"
    r"|\b\w+\.(?:h|cc|cpp):\d+ \w+ "
    r'|Failed to parse provider option "device_id": (?=CUDA)'
)
# How it names the node that it failed at.
NODE = re.compile(r"Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: ")
# What it adds to a failure of CUDA: the GPU, the host's name, and where in its own source that was.
CUDA_DETAILS = re.compile(r" ; GPU=-?\d+ ; hostname=.*")
# How its allocators, and the libraries of CUDA under it, say that there is no memory left.
OUT_OF_MEMORY = (
    "bad_alloc", "bad allocation", "failed to allocate", "out of memory", "smaller than requested bytes",
    "alloc_failed", "allocation_failed",
)  # fmt: skip


def first_line(error: Exception) -> str:
    """The first line of an error's message, without prefixes and source locations; 300 characters at most."""
    return f"{_shorten(str(error)) or type(error).__name__:.300}"


def provider_failure(text: str) -> str:
    """Why a provider did not start, from what ONNX Runtime printed; empty where it printed nothing of the kind."""
    plain = without_colours(text)
    found = next((match for pattern in PROVIDER_FAILURES if (match := pattern.search(plain))), None)
    return f"{_shorten(found[1]):.300}" if found else ""


def without_colours(text: str) -> str:
    """Printed text without the escape sequences of a terminal."""
    return COLOURS.sub("", text)


def fix_for(error: Exception) -> str:
    """The fix of a file that cannot be run; empty where none is known."""
    return next((fix for pattern, fix in FIXES.items() if pattern.search(str(error))), "")


def is_cuda_unavailable(error: Exception) -> bool:
    """Whether the reason is CUDA, which would start with no file."""
    return CUDA_UNAVAILABLE.search(str(error)) is not None


def is_out_of_memory(error: Exception) -> bool:
    """Whether there was no memory left, on the CPU or a GPU."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in OUT_OF_MEMORY)


def _shorten(text: str) -> str:
    named = NODE.sub(r"node `\2` (\1): ", PREFIX.sub("", SOURCE_LOCATION.sub("", text.strip())))
    lines = CUDA_DETAILS.sub("", named).strip().splitlines()
    return lines[0] if lines else ""
