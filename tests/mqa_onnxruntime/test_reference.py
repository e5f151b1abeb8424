"""What an export is held against answers by name, or by places where a model names nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mqa_onnxruntime.reference import reference_of


class Giving(torch.nn.Module):
    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, words, mask):
        return self.give(words.float())


@pytest.mark.parametrize(
    ("give", "names"),
    [
        (lambda x: {"logits": x, "cache": None}, ["logits"]),
        (lambda x: x, ["output"]),
        (lambda x: (x, 2 * x), ["0", "1"]),
    ],
)
def test_a_model_answers_in_whatever_form_it_has(make, give, names):
    subject = make(of=Giving(give).eval())
    batch = subject.codec.collate(subject.codec.encode(subject.task.sample))
    answers = reference_of(subject, None, batch).run(batch)
    assert list(answers) == names
    np.testing.assert_array_equal(answers[names[0]], batch["words"].astype(np.float32))
