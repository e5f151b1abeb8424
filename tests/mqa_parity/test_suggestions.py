"""What a new suite asks of two backends, and of one."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_parity.suggestions import suggest_parity
from mqa_registry import SuiteContext


@pytest.mark.parametrize(
    ("backends", "schema", "measures"),
    [
        (("torch", "onnx"), "label", ["parity/tensors", "parity/agreement"]),
        (("torch", "onnx"), "vector", ["parity/tensors"]),
        (("onnx",), "label", [{"use": "parity/invariance", "rows": 4}]),
    ],
)
def test_an_export_promises_what_its_model_does(backends, schema, measures):
    context = SuiteContext(
        schema=schema, metric="", classes=(), fields={"text": "text"}, rows=pa.table({"text": ["a"]}), backends=backends
    )
    found = list(suggest_parity(context))
    assert [one.table["measure"] for one in found] == measures
    assert {one.bounds for one in found} == {"promise"}
