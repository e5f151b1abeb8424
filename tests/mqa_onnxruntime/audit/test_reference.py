"""What an export is compared with."""

from __future__ import annotations

import numpy as np
import torch

from mqa_onnxruntime.audit.reference import reference_of


class Twice(torch.nn.Module):
    def forward(self, words, mask):
        return words.float(), 2 * words.float()


def test_the_model_answers_under_the_names_that_its_export_has(make):
    model_under_test = make(of=Twice().eval())
    batch = model_under_test.codec.collate(model_under_test.codec.encode(model_under_test.task.sample))
    answers = reference_of(model_under_test, None, batch).run(batch)
    assert list(answers) == ["0", "1"]  # test_naming.py has what else a model may give
    np.testing.assert_array_equal(answers["1"], 2 * batch["words"].astype(np.float32))
