"""Model cards by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = """---
license: mit
model-index:
- name: reviews
  results:
"""


@pytest.fixture
def write_card(tmp_path) -> Callable[..., Path]:
    """A card whose `model-index` has these entries, each a data set's fields and its metrics, as YAML writes them."""

    def write(*entries: tuple[str, str], **rest: Any) -> Path:
        results = "".join(
            f"  - task: {{type: {rest.get('task', 'text-classification')}}}\n    dataset: {{{dataset}}}\n"
            f"    metrics: [{metrics}]\n"
            for dataset, metrics in entries
        )
        card = tmp_path / "README.md"
        card.write_text(f"{HEAD}{results}---\n# reviews\n", encoding="utf-8")
        return card

    return write
