"""The table in place of a model is a plugin as any other, and is held to the same rules."""

from __future__ import annotations

from mqa_registry.testing import Trial, conformance
from mqa_registry.testing.lookup import MODALITIES
from mqa_registry.testing.suite_runs import LOOKUP_FILE

MODEL = {"use": "lookup/model"}
WORDS = {"answers": {"good": "positive"}, "otherwise": "negative"}
NUMBERS = {"answers": {"good": 1.0}, "otherwise": 0.0}

test_conforms = conformance(
    LOOKUP_FILE,
    trials={
        **{name: Trial(model=MODEL, backend={"use": "lookup/backend", **WORDS}) for name in MODALITIES},
        **{f"{name}-value": Trial(model=MODEL, backend={"use": "lookup/backend", **NUMBERS}) for name in MODALITIES},
        "backend": Trial(model={**MODEL, "task": "lookup/text"}, options=WORDS),
    },
)
