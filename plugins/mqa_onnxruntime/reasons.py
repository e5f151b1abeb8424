"""Why ONNX Runtime does not run a file or start a provider: what it says of that, made short, and what mends it."""

from __future__ import annotations

import re

# Where ONNX Runtime says why a provider did not start, the most telling first.
REASONS = (
    re.compile(r"with error: (.+)"),
    re.compile(r"Failed to load (.+)"),
    re.compile(r"\[E:onnxruntime:[^\]]*\] (.+)"),
    # It first looks for a provider of that name among those that were plugged in, and warns that there is none.
    re.compile(r"\[W:onnxruntime:[^\]]*\] (?!No registered plugin)(.+)"),
)
COLOURS = re.compile(r"\x1b\[[\d;]*m")
PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : (?:Load model from .*? failed:)?")
# What mends a file that cannot be run, by what ONNX Runtime says of it.
MENDS = {
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
# What it says where CUDA does not start, whatever the file.
UNSTARTED = re.compile(r"CUDA failure (?!2:)|CUDA_PATH")
# Where in its own source ONNX Runtime noticed: a file, a line, the function with all its parameters and types, and the
# condition that did not hold; or a file and a function by their bare names; or the option at which it first asks CUDA
# anything.
NOTICED = re.compile(
    r"/\S+\.(?:h|cc|cpp):\d+ [^(]*(?:\((?:[^()]|\([^()]*\))*\))+(?: const)?(?: \[with [^\]]*\])? "
    r"(?:[^\n]*? was false\. )?"
    r"|\b\w+\.(?:h|cc|cpp):\d+ \w+ "
    r'|Failed to parse provider option "device_id": (?=CUDA)'
)
# How it names the node that it failed at.
NODE = re.compile(r"Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: ")
# What it tells of a failure of CUDA beside the failure: the GPU, the host's name, and where in its own source that was.
ASIDE = re.compile(r" ; GPU=-?\d+ ; hostname=.*")


def told(error: Exception) -> str:
    """The first line of what ONNX Runtime says of an error."""
    return f"{_bare(str(error)) or type(error).__name__:.300}"


def reason_in(text: str) -> str:
    """Why a provider did not start, from what ONNX Runtime printed; nothing where it printed nothing of the kind."""
    plain = COLOURS.sub("", text)
    found = next((match for pattern in REASONS if (match := pattern.search(plain))), None)
    return f"{_bare(found[1]):.300}" if found else ""


def mend_of(error: Exception) -> str:
    """What mends a file that cannot be run; nothing where that is not known."""
    return next((mend for signs, mend in MENDS.items() if signs.search(str(error))), "")


def starts_nowhere(error: Exception) -> bool:
    """Whether CUDA does not start, whatever the file."""
    return UNSTARTED.search(str(error)) is not None


def _bare(text: str) -> str:
    """The first line of a message, without where in its own source ONNX Runtime noticed."""
    named = NODE.sub(r"node `\2` (\1): ", PREFIX.sub("", NOTICED.sub("", text.strip())))
    lines = ASIDE.sub("", named).strip().splitlines()
    return lines[0] if lines else ""
