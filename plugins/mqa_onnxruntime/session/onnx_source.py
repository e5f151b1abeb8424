"""The ONNX file that a backend runs: a given one, the model itself, or the model's export."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.export.cache import cached_export, export_recipe, recipe_digest
from mqa_onnxruntime.export.stamp import check_stamp
from mqa_onnxruntime.graph.onnx_file import file_sha256, read_onnx_file
from mqa_registry import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from mqa_onnxruntime.options import SessionOptions
    from mqa_registry import ModelUnderTest


@dataclass(frozen=True)
class OnnxSource:
    """Finds the ONNX file of a model under test, as the options ask for it."""

    model_under_test: ModelUnderTest
    options: SessionOptions

    @property
    def given_file(self) -> Path | None:
        """The file that is there already: that of `path`, or the model itself; None of a model to export."""
        path = self.options.path or self.model_under_test.model.file
        if path is not None:
            self.options.check_no_export(path)
        return path

    def fingerprint(self) -> dict[str, str]:
        """What the file is known by before anything is exported: the digest of its bytes, or of the export's recipe."""
        custom_ops = self.options.custom_ops
        if custom_ops is not None and not self.model_under_test.run_context.allow_code:
            raise DataError(
                f"`custom_ops` is a library of code, `{custom_ops}`, and that is not run",
                hint="see where it is from, then allow it with `--allow-code`",
            )
        path = self.given_file
        fingerprint = self._fingerprint_file(path) if path else self._fingerprint_export()
        fingerprint |= self.options.interface.identity()
        return fingerprint if custom_ops is None else fingerprint | {"custom_ops": file_sha256(custom_ops)}

    def resolve(self) -> tuple[Path, dict[str, Any]]:
        """The file, exported now unless the export is kept already, and its facts for the report."""
        if path := self.given_file:
            return path, {"exporter": "given", **read_onnx_file(path).facts()}
        options = self.options
        export = cached_export(
            self.model_under_test.with_length(None),
            options.opset,
            options.export_precision,
            timeout=options.export_timeout,
        )
        levels = dict(Counter(finding["level"] for finding in export.audit["findings"]))
        facts = {"exporter": export.exporter, **export.facts, "precision": options.precision}
        return export.path, facts | ({"audit": levels} if levels else {})

    def _fingerprint_file(self, path: Path) -> dict[str, str]:
        """A DataError where it needs custom operators that are not given, lacks a named input, or was changed."""
        file = read_onnx_file(path)
        self.options.interface.check_names([value.name for value in file.inputs], file.outputs, path)
        if file.custom_operators and self.options.custom_ops is None:
            raise DataError(
                f"`{path}` uses the operator `{file.custom_operators[0]}`, which ONNX Runtime does not bring",
                hint="in a suite, give the backend its library as `custom_ops`, and allow it with `--allow-code`",
            )
        sha256 = file.sha256()
        check_stamp(path, sha256)
        return {"onnx": sha256, "precision": file.precision}

    def _fingerprint_export(self) -> dict[str, str]:
        """The digest by which the store has predictions of the export, which need not exist for that."""
        recipe = export_recipe(
            self.model_under_test.with_length(None), self.options.opset, self.options.export_precision
        )
        return {"export": recipe_digest(recipe), "precision": self.options.precision}
