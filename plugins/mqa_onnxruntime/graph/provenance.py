"""Node provenance: the PyTorch modules, classes and line of code that each node of a graph came from.

Exporters write that into the nodes' metadata, with the paths of the machine that exported. An export is written without:
the metadata are moved into its trace file, and the paths in them are cut to the part inside a package.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.protobuf import all_nodes, messages
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

KEY_PREFIX = "pkg.torch.onnx."  # of the exporter's metadata
FILE = re.compile(r'File "([^"]+)"')
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
MAX_WRAPPERS = 3  # modules that a model was exported inside of
WRAPPED = 10  # one module in so many is inside of a wrapper, at least: a model may be a part of another
TORCH = "torch/"  # lines of PyTorch itself are no line of a model


@dataclass(frozen=True)
class NodeMetadata:
    """What an exporter recorded of one node: the modules around it, their classes, and the stack of its Python code.

    `scopes` and `classes` have one entry per module from the outermost in, the root's name being empty, and may end with
    the operation itself.
    """

    scopes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    fx_node: str = ""
    stack_trace: str = ""


@dataclass(frozen=True)
class NodeProvenance:
    """The modules that a node is part of from the outermost to the innermost, their classes, and the line of code.

    The second call of a module is written `name@1`, the third `name@2`. `recorded` is False where it was concluded from
    neighbouring nodes alone.
    """

    modules: tuple[str, ...]
    classes: tuple[str, ...] = ()
    source: str = ""
    recorded: bool = True

    def class_name(self, module: str) -> str:
        """The class of one of the modules, without its package."""
        depth = self.modules.index(module)
        return self.classes[depth].rpartition(".")[2] if depth < len(self.classes) else ""


UNKNOWN = NodeProvenance((), recorded=False)


def trace_file(path: Path) -> Path:
    """The file that the node metadata of an ONNX file are kept in: `model.trace.json` beside `model.onnx`."""
    return path.with_suffix(".trace.json")


def list_files(path: Path, files: Iterable[str]) -> list[str]:
    """The names of an ONNX file's own `files` and of its trace file, which one of no PyTorch module lacks."""
    return [*files, *([trace_file(path).name] if trace_file(path).is_file() else [])]


def read_metadata(path: Path) -> dict[str, NodeMetadata]:
    """The metadata of an ONNX file's nodes by their names, from its trace file, else from the nodes themselves.

    Empty where there are none; a DataError where the trace file is damaged.
    """
    file = trace_file(path)
    if not file.is_file():
        return _metadata_of(parse_model(path))
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {name: _from_json(one) for name, one in content.items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"`{file}` is no file of node metadata", hint="export the model again") from error


def move_metadata(path: Path) -> None:
    """Move the metadata of an ONNX file's nodes into its trace file, and remove all other notes of its exporter."""
    model = parse_model(path)
    content = {name: asdict(metadata) for name, metadata in _metadata_of(model).items()}
    trace_file(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for message in messages(model):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    path.write_bytes(model.SerializeToString())


def resolve_provenance(nodes: Sequence[Any], metadata: Mapping[str, NodeMetadata]) -> list[NodeProvenance]:
    """The provenance of each node, from its metadata, its name, or its neighbours."""
    recorded = [_from_metadata(_find_metadata(node.name or node.output[0], metadata)) for node in nodes]
    own = [one or _from_name(node.name) for one, node in zip(recorded, nodes, strict=True)]
    return _fill_from_neighbours(nodes, own) if any(own) else [UNKNOWN] * len(nodes)


def align_provenance(provenance: Sequence[NodeProvenance], modules: Collection[str]) -> list[NodeProvenance]:
    """The provenance by the names of a model's `modules`, which may have been exported inside of wrappers, or have some.

    That prefix is exchanged which makes most of them modules of the model; of several the shortest, then the first in
    the alphabet. The names stay as they are where no other prefix makes more of them modules. A module whose container
    the exporter left out, since it is never called, gets the one name that ends in its own.
    """
    names = {name for one in provenance for name in one.modules}
    targets = frozenset(modules)
    if not targets or names - {""} <= targets:
        return list(provenance)
    best = min(product(_wrappers(names), _wrappers(targets)), key=lambda change: _rank_change(names, targets, *change))
    moved = {name: _with_prefix(name, *best) for name in names}
    aligned = {name: _with_containers(one, targets) for name, one in moved.items() if one is not None}
    return [_renamed(one, aligned) for one in provenance]


def source_line(stack: str) -> str:
    """The innermost line of a stack that is not PyTorch's own, as `package/module.py:123`."""
    frames = [frame for frame in FRAME.findall(stack) if not frame[0].startswith(TORCH)]
    return ":".join(frames[-1]) if frames else ""


def _metadata_of(model: Any) -> dict[str, NodeMetadata]:
    nodes = [node for node in all_nodes(model) if node.name or node.output]
    found = {node.name or node.output[0]: dict(_recorded_fields(node)) for node in nodes}
    return {name: _from_json(fields) for name, fields in found.items() if fields}


def _recorded_fields(node: Any) -> Iterator[tuple[str, Any]]:
    """The fields of NodeMetadata that a node's metadata have."""
    entries = node.metadata_props
    recorded = {one.key.removeprefix(KEY_PREFIX): one.value for one in entries if one.key.startswith(KEY_PREFIX)}
    for field, key in (("scopes", "name_scopes"), ("classes", "class_hierarchy")):
        if names := _parse_names(recorded.get(key, "")):
            yield field, names
    if recorded.get("fx_node"):
        yield "fx_node", recorded["fx_node"]
    if recorded.get("stack_trace"):
        yield "stack_trace", FILE.sub(lambda match: f'File "{_package_path(Path(match[1]))}"', recorded["stack_trace"])


def _parse_names(text: str) -> list[str]:
    """The strings of a Python list literal."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _package_path(file: Path) -> str:
    """A source file relative to the entry of `sys.path` it lies in, so that it names no folder of the machine."""
    return _relative_to(file, tuple(sys.path))


@lru_cache(maxsize=1024)
def _relative_to(file: Path, entries: tuple[str, ...]) -> str:
    roots = [Path(entry) for entry in entries if entry and Path(entry).is_absolute() and file.is_relative_to(entry)]
    root = max(roots, key=lambda one: len(one.parts), default=file.parent)
    return file.relative_to(root).as_posix()


def _from_json(fields: Mapping[str, Any]) -> NodeMetadata:
    scopes, classes = (tuple(str(name) for name in fields.get(key, ())) for key in ("scopes", "classes"))
    return NodeMetadata(scopes, classes, str(fields.get("fx_node", "")), str(fields.get("stack_trace", "")))


def _find_metadata(name: str, metadata: Mapping[str, NodeMetadata]) -> NodeMetadata | None:
    """The metadata of a node; of one made in another's place, such as `node_linear_MatMul_quant`, those of the other."""
    while name not in metadata:
        name, _, suffix = name.rpartition("_")
        if not name or suffix.isdecimal():  # another node's number
            return None
    return metadata[name]


def _from_metadata(metadata: NodeMetadata | None) -> NodeProvenance | None:
    """The last of the scopes and classes is the operation itself."""
    if metadata is None or not metadata.scopes[:-1]:
        return None
    return NodeProvenance(metadata.scopes[:-1], metadata.classes[:-1], source_line(metadata.stack_trace))


def _from_name(name: str) -> NodeProvenance | None:
    """From a name such as `/encoder/layer.0/dense/MatMul`, which other exporters give; `/MatMul` is the root's own."""
    steps = name.split("/")
    if steps[0] or len(steps) < 2:
        return None
    return NodeProvenance(("", *_module_paths(steps[1:-1])))


def _module_paths(steps: Sequence[str]) -> Iterator[str]:
    """The names of modules, each inside of the one before; a numbered one comes with the name of its container."""
    path = ""
    for before, step in pairwise(("", *steps)):
        own = step.removeprefix(f"{before}.") if before else step
        path = f"{path}.{own}".removeprefix(".")
        yield path


def _fill_from_neighbours(nodes: Sequence[Any], own: Sequence[NodeProvenance | None]) -> list[NodeProvenance]:
    """Give a node without provenance that of the nodes that read its outputs; if none does, that of its inputs.

    Such nodes come from tools that rewrite a graph: quantization, conversion, optimization.
    """
    filled = list(own)
    readers: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(index)
    for index in reversed(range(len(nodes))):
        after = [filled[reader] for name in nodes[index].output for reader in readers.get(name, ())]
        filled[index] = filled[index] or _common(after)
    makers = {name: index for index, node in enumerate(nodes) for name in node.output}
    for index, node in enumerate(nodes):
        before = [filled[makers[name]] for name in node.input if name in makers]
        filled[index] = filled[index] or _common(before)
    return [one or UNKNOWN for one in filled]


def _common(provenance: Iterable[NodeProvenance | None]) -> NodeProvenance | None:
    """The modules that all of some nodes are part of."""
    found = [one for one in provenance if one is not None]
    if not found:
        return None
    levels = zip(*(one.modules for one in found), strict=False)
    shortest = min(len(one.modules) for one in found)
    depth = next((depth for depth, names in enumerate(levels) if len(set(names)) > 1), shortest)
    first = found[0]
    return NodeProvenance(first.modules[:depth], first.classes[:depth], first.source, recorded=False)


def _wrappers(names: Collection[str]) -> list[str]:
    """The outer modules that enough of these are inside of; and none, as the empty name."""
    counts = Counter(prefix for name in names for prefix in _prefixes(name))
    return ["", *(prefix for prefix, count in counts.items() if count * WRAPPED >= len(names))]


def _prefixes(name: str) -> list[str]:
    """A module and those around it, from the outermost in, `MAX_WRAPPERS` at most."""
    steps = name.split(".")
    return [".".join(steps[:depth]) for depth in range(1, min(len(steps), MAX_WRAPPERS) + 1) if name]


def _rank_change(names: Collection[str], targets: frozenset[str], old: str, new: str) -> tuple[int, int, str, str]:
    """A rank of exchanging a prefix, the lowest for the best; it is the same whatever the order of the names.

    The new prefix is no match itself: every exchange makes it a name.
    """
    matches = ({_with_prefix(name, old, new) for name in names} & targets) - {new}
    return -len(matches), len(old) + len(new), old, new


def _with_containers(name: str, modules: Collection[str]) -> str:
    """A name with the containers that stand in it in the model, where one module alone may be meant."""
    if name in modules or not name:
        return name
    outer, _, own = name.rpartition(".")
    outer = _with_containers(outer, modules)
    inside = [one for one in modules if one.endswith(f".{own}") and (not outer or one.startswith(f"{outer}."))]
    return inside[0] if len(inside) == 1 else f"{outer}.{own}".removeprefix(".")


def _with_prefix(name: str, old: str, new: str) -> str | None:
    """A name with another prefix; None where it does not have the old one."""
    if old and name != old and not name.startswith(f"{old}."):
        return None
    rest = name[len(old) :].removeprefix(".") if old else name
    return ".".join(part for part in (new, rest) if part)


def _renamed(provenance: NodeProvenance, names: Mapping[str, str]) -> NodeProvenance:
    aligned = [(names[name], depth) for depth, name in enumerate(provenance.modules) if name in names]
    classes = tuple(provenance.classes[depth] for _, depth in aligned if depth < len(provenance.classes))
    return NodeProvenance(tuple(name for name, _ in aligned), classes, provenance.source, provenance.recorded)
