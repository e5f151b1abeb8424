"""Kernels that a configuration asks for are told by what transformers makes of it, not by its keys alone."""

from __future__ import annotations

import pytest

from mqa_registry import DataError
from mqa_transformers.checkpoint import check_kernels, list_implementations


def test_implementations_are_listed_for_the_model_and_its_parts():
    config = {
        "attn_implementation": "a/b",
        "vision_config": {"_attn_implementation": {"": "c/d", "x": "sdpa"}},
        "id": "e/f",
    }
    assert sorted(list_implementations(config)) == ["a/b", "c/d", "sdpa"]


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "experts_implementation"])
def test_a_kernel_is_refused_whichever_key_asks_for_it(key):
    from transformers import BertConfig

    config = BertConfig.from_dict({key: "somebody/kernel"})
    with pytest.raises(DataError, match="`somebody/kernel`") as refused:
        check_kernels(config, is_trusted=False)
    assert "--trust-remote-code" in refused.value.hint
    check_kernels(config, is_trusted=True)


def test_a_kernel_that_a_part_asks_for_is_refused():
    from transformers import CLIPConfig

    config = CLIPConfig.from_dict({"attn_implementation": {"text_config": "somebody/kernel"}})
    with pytest.raises(DataError, match="`somebody/kernel`"):
        check_kernels(config, is_trusted=False)


def test_a_plain_configuration_asks_for_no_kernel():
    from transformers import BertConfig

    check_kernels(BertConfig(), is_trusted=False)
    check_kernels(BertConfig(attn_implementation="eager"), is_trusted=False)
