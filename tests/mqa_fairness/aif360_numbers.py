"""Where `aif360_numbers.json` comes from: AIF360 itself, on rows drawn at random.

AIF360 is no dependency of the tests. To make the file again, in an environment of its own:

    pip install aif360==0.6.1
    python tests/mqa_fairness/aif360_numbers.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

SIGNED = (
    "statistical_parity_difference",
    "disparate_impact",
    "true_positive_rate_difference",
    "average_odds_difference",
    "average_abs_odds_difference",
)
ALPHAS = (0.5, 1, 2, 3)


def main() -> None:
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    rng = np.random.default_rng(20261122)
    cases = []
    for rows, share in ((24, 0.5), (200, 0.3), (500, 0.7)):
        sex = rng.integers(0, 2, rows)
        target = (rng.random(rows) < share).astype(int)
        predicted = np.where(rng.random(rows) < 0.3 - 0.1 * sex, 1 - target, target)
        frame = pd.DataFrame({"sex": sex, "label": target})
        truth = BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["sex"])
        said = truth.copy()
        said.labels = predicted.reshape(-1, 1).astype(float)
        metric = ClassificationMetric(truth, said, unprivileged_groups=[{"sex": 0}], privileged_groups=[{"sex": 1}])
        table = np.zeros((2, 2, 2), dtype=int)
        np.add.at(table, (sex, target, predicted), 1)
        cases.append(
            {
                "rows by sex, target and prediction": table.tolist(),
                **{name: float(getattr(metric, name)()) for name in SIGNED},
                "generalized_entropy_index": {
                    str(alpha): float(metric.generalized_entropy_index(alpha)) for alpha in ALPHAS
                },
                "between_group_generalized_entropy_index": {
                    str(alpha): float(metric.between_group_generalized_entropy_index(alpha)) for alpha in ALPHAS
                },
                "theil_index": float(metric.theil_index()),
            }
        )
    Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
