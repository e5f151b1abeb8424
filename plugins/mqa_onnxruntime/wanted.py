"""The ONNX file that a suite asks for: a given one, or the model's export."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.exports import LIMIT, kept_export
from mqa_onnxruntime.graph import file_sha256, read_graph
from mqa_onnxruntime.interface import Interface
from mqa_onnxruntime.recipe import recipe, recipe_digest
from mqa_onnxruntime.stamp import check_stamp
from mqa_onnxruntime.variant import PLAIN, Variant
from mqa_registry import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from mqa_registry import Conditions, Subject


@dataclass(frozen=True)
class Wanted:
    """Which file is to be run. `limit` are the seconds that an export may take, `custom_ops` a library of operators.

    `interface` is what is said of its inputs and outputs.
    """

    path: Path | None = None
    opset: int | None = None
    variant: Variant = PLAIN
    custom_ops: Path | None = None
    limit: float = LIMIT
    interface: Interface = field(default_factory=Interface)

    def __post_init__(self) -> None:
        if self.limit <= 0:
            raise DataError(f"`export_timeout` is {self.limit:g}, and an export needs some seconds")
        self._check_file(self.path)

    def _check_file(self, path: Path | None) -> None:
        for name in self._for_exports() if path else ():
            raise DataError(f"`{name}` is for an export, and `{path}` is one already", hint="leave one of the two out")

    def _given(self, subject: Subject) -> Path | None:
        """The file that is there already: a given one, or the model itself."""
        path = self.path or subject.model.file
        self._check_file(path)
        return path

    def _for_exports(self) -> list[str]:
        """The options that say something of an export."""
        said = {"opset": self.opset is not None, "precision": self.variant.precision != PLAIN.precision}
        return [name for name, given in said.items() if given]

    def known(self, subject: Subject) -> dict[str, str]:
        """What there is to know of the file before anything is exported: its bytes, or the recipe it is made by."""
        self._check_library(subject.conditions)
        path = self._given(subject)
        known = self._known_file(path) if path else self._known_export(subject)
        known |= self.interface.known()
        return known if self.custom_ops is None else known | {"custom_ops": file_sha256(self.custom_ops)}

    def had(self, subject: Subject) -> tuple[Path, dict[str, Any]]:
        """The file itself, exported now where that has to be, and what a report tells of it."""
        if path := self._given(subject):
            return path, {"exporter": "given", **read_graph(path).facts()}
        export = kept_export(subject.of_length(None), self.opset, self.variant, limit=self.limit)
        levels = [finding["level"] for finding in export.audit["findings"]]
        found = {level: levels.count(level) for level in dict.fromkeys(levels)}
        facts = {"exporter": export.exporter, **export.facts, "precision": self.variant.precision}
        return export.path, facts | ({"audit": found} if found else {})

    def _check_library(self, conditions: Conditions) -> None:
        if self.custom_ops is not None and not conditions.allow_code:
            raise DataError(
                f"`custom_ops` is a library of code, `{self.custom_ops}`, and that is not run",
                hint="see where it is from, then allow it with `--allow-code`",
            )

    def _known_file(self, path: Path) -> dict[str, str]:
        """With the bytes of its external data; refused where it needs code that nobody gave, or has no such inputs."""
        graph = read_graph(path)
        self.interface.check_names([value.name for value in graph.inputs], graph.outputs, path)
        if graph.foreign and self.custom_ops is None:
            raise DataError(
                f"`{path}` uses the operator `{graph.foreign[0]}`, which ONNX Runtime does not bring",
                hint="in a suite, give the backend its library as `custom_ops`, and allow it with `--allow-code`",
            )
        sha256 = graph.sha256()
        check_stamp(path, sha256)
        return {"onnx": sha256, "precision": graph.precision}

    def _known_export(self, subject: Subject) -> dict[str, str]:
        """Nothing need be exported to find what the store has for it."""
        digest = recipe_digest(recipe(subject.of_length(None), self.opset, self.variant))
        return {"export": digest, "precision": self.variant.precision}
