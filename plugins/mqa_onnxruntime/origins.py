"""Where each node of a graph comes from: the PyTorch module, its class, and the line of its code."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
STACK = "pkg.torch.onnx.stack_trace"

FRAME = re.compile(r'File "([^"]+)", line (\d+)')
PACKAGES = re.compile(r"^.*[/\\](?:site|dist)-packages[/\\]")
LIBRARIES = ("torch/", "torch\\")  # whose lines are nobody's model code


@dataclass(frozen=True)
class Origin:
    """The modules that a node is part of, from the outermost to the innermost, their classes, and the line of code.

    The second call of a module is written `name@1`, the third `name@2`.
    """

    modules: tuple[str, ...]
    classes: tuple[str, ...] = ()
    source: str = ""

    def class_of(self, module: str) -> str:
        """The class of one of the modules, without the package it is in."""
        place = self.modules.index(module)
        return self.classes[place].rpartition(".")[2] if place < len(self.classes) else ""


NOWHERE = Origin(())


def read_origins(nodes: Sequence[Any], sidecar: Path | None = None) -> list[Origin]:
    """The origin of each node: from its own metadata, a side file, its name, or its neighbours."""
    kept = _sidecar(sidecar)
    own = [_from_metadata(node) or _from_entry(kept.get(node.name)) or _from_name(node.name) for node in nodes]
    return _adopted(nodes, own) if any(own) else [NOWHERE] * len(nodes)


def source_line(stack: str) -> str:
    """The innermost line of a stack that is not PyTorch's own, as `package/module.py:123`."""
    frames = [(PACKAGES.sub("", path), line) for path, line in FRAME.findall(stack)]
    ours = [frame for frame in frames if not frame[0].startswith(LIBRARIES)]
    if not ours:
        return ""
    path, line = ours[-1]
    return f"{_without_home(path)}:{line}"


def _without_home(path: str) -> str:
    """A path that tells nothing of a machine: what is outside of a package keeps its file and folder."""
    parts = path.replace("\\", "/").split("/")
    return "/".join(parts[-2:]) if path.startswith("/") or ":" in parts[0] else "/".join(parts)


def _from_metadata(node: Any) -> Origin | None:
    said = {entry.key: entry.value for entry in node.metadata_props}
    if SCOPES not in said:
        return None
    return _origin(_names(said[SCOPES]), _names(said.get(CLASSES, "[]")), said.get(STACK, ""))


def _names(text: str) -> list[str]:
    """A list as the exporter writes it; nothing where it is none."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _from_entry(entry: Any) -> Origin | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("scopes"), list):
        return None
    scopes, classes = [str(one) for one in entry["scopes"]], [str(one) for one in entry.get("classes") or ()]
    return _origin(scopes, classes, str(entry.get("stack_trace", "")))


def _origin(scopes: Sequence[str], classes: Sequence[str], stack: str) -> Origin | None:
    """The last of both lists is the operation itself."""
    if not scopes[:-1]:
        return None
    return Origin(tuple(scopes[:-1]), tuple(classes[:-1]), source_line(stack))


def _from_name(name: str) -> Origin | None:
    """Of names such as `/encoder/layer.0/dense/MatMul`, which other exporters give."""
    steps = name.split("/")
    if steps[0] or len(steps) < 3:
        return None
    return Origin(("", *accumulate(steps[1:-1], lambda path, step: f"{path}.{step}")))


def _sidecar(path: Path | None) -> Mapping[str, Any]:
    if path is None or not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _adopted(nodes: Sequence[Any], own: Sequence[Origin | None]) -> list[Origin]:
    """A node that says nothing belongs where those that read its outputs do; if nobody reads them, where its inputs do.

    Such nodes come from tools that rewrite a graph: quantization, conversion, optimization.
    """
    found = list(own)
    readers: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(place)
    for place in reversed(range(len(nodes))):
        behind = [found[reader] for name in nodes[place].output for reader in readers.get(name, ())]
        found[place] = found[place] or _shared(behind)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output}
    for place, node in enumerate(nodes):
        before = [found[makers[name]] for name in node.input if name in makers]
        found[place] = found[place] or _shared(before)
    return [origin or NOWHERE for origin in found]


def _shared(origins: Iterable[Origin | None]) -> Origin | None:
    """What some nodes have in common: the modules that all of them are part of."""
    told = [origin for origin in origins if origin is not None]
    if not told:
        return None
    same = next(
        (depth for depth, names in enumerate(zip(*(one.modules for one in told), strict=False)) if len(set(names)) > 1),
        min(len(one.modules) for one in told),
    )
    first = told[0]
    return Origin(first.modules[:same], first.classes[:same], first.source)
