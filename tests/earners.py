"""People with an income that follows from their columns, and models of it: a pipeline of scikit-learn and one of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

WORK = ("clerk", "driver", "manager")
EFFECTS = {"clerk": 0.0, "driver": -1.0, "manager": 1.5}
ROWS = 600

# Beside which a command runs; `{weights}` is the file of its weights.
MODULE = '''
import torch
from safetensors.torch import load_file


class Earners(torch.nn.Module):
    """Two numbers as a matrix, and a category by its position."""

    labels = ["high", "low"]

    def __init__(self):
        super().__init__()
        self.work = torch.nn.Embedding(3, 2)
        self.hidden = torch.nn.Linear(4, 8)
        self.output = torch.nn.Linear(8, 2)
        self.register_buffer("mean", torch.tensor([45.0, 40.0]))
        self.register_buffer("deviation", torch.tensor([16.0, 10.0]))

    def forward(self, numbers, work):
        scaled = (numbers - self.mean) / self.deviation
        return self.output(torch.relu(self.hidden(torch.cat([scaled, self.work(work[:, 0])], dim=1))))


def build():
    model = Earners()
    model.load_state_dict(load_file("{weights}"))
    return model
'''


def make_people(rows: int = ROWS, seed: int = 7) -> pa.Table:
    """Rows of `id`, two features that are numbers, one that is a category, `sex`, and the income, `low` or `high`."""
    rng = np.random.default_rng(seed)
    age, hours = rng.integers(17, 75, rows), rng.normal(40, 10, rows).round(1)
    work = rng.choice(WORK, rows)
    score = (age - 45) / 8 + (hours - 40) / 5 + np.array([EFFECTS[one] for one in work])
    return pa.table(
        {
            "id": [f"p{row}" for row in range(rows)],
            "age": age,
            "hours": hours,
            "work": work,
            "sex": rng.choice(["Female", "Male"], rows),
            "income": np.where(score + rng.logistic(0, 0.5, rows) > 0, "high", "low"),
        }
    )


def write_people(folder: Path, table: pa.Table | None = None) -> None:
    """Write the rows as `people.parquet`."""
    pq.write_table(make_people() if table is None else table, folder / "people.parquet")


def fit_pipeline(estimator: Any = None, **encoder: Any) -> Any:
    """A pipeline that encodes the category and scales the numbers, with a logistic regression unless another is given."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = make_people(1000, seed=1).to_pandas()
    columns = ColumnTransformer(
        [
            ("work", OneHotEncoder(sparse_output=False, **encoder), ["work"]),
            ("numbers", StandardScaler(), ["age", "hours"]),
        ]
    )
    pipeline = make_pipeline(columns, estimator or LogisticRegression())
    return pipeline.fit(frame[["age", "hours", "work"]], frame["income"])


def train_module(folder: Path) -> None:
    """Write `earners.py`, whose function `build` gives a trained network, and its weights."""
    import torch
    from safetensors.torch import save_file

    (folder / "earners.py").write_text(MODULE.replace("{weights}", "earners.safetensors"), "utf-8")
    scope: dict[str, Any] = {}
    exec(MODULE, scope)
    torch.manual_seed(7)
    model, people = scope["Earners"](), make_people(1000, seed=1)
    numbers = torch.tensor(np.column_stack([people["age"], people["hours"]]), dtype=torch.float32)
    work = torch.tensor([[WORK.index(one)] for one in people["work"].to_pylist()])
    labels = torch.tensor([model.labels.index(one) for one in people["income"].to_pylist()])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(numbers, work), labels).backward()
        optimizer.step()
    save_file(model.state_dict(), folder / "earners.safetensors")
