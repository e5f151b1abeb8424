"""A folder with a two-tower model and a matrix factorisation, trained in a second, and rows for both."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Project, forget_modules

USERS, ITEMS, GENRES, CANDIDATES = 400, 80, 4, 12
STEPS, BATCH = 120, 4000
CODE = f"""
from pathlib import Path

import torch

HERE = Path(__file__).parent

class Tower(torch.nn.Module):
    def __init__(self, count):
        super().__init__()
        self.identity = torch.nn.Embedding(count, 8)
        self.out = torch.nn.Linear(8, 8)

    def forward(self, number):
        return self.out(self.identity(number))

class TwoTower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.items = Tower({USERS}), Tower({ITEMS})

    def forward(self, user, item):
        return {{"user_embedding": self.users(user), "item_embedding": self.items(item)}}

class Factors(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.users = torch.nn.Embedding({USERS}, 8)
        self.items = torch.nn.Embedding({ITEMS}, 8)
        self.bias = torch.nn.Embedding({ITEMS}, 1)

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(-1, keepdim=True) + self.bias(item)

def load(model, name):
    file = HERE / name
    if file.exists():
        model.load_state_dict(torch.load(file, weights_only=True))
    return model.eval()

def build():
    return load(TwoTower(), "towers.pt")

def factors():
    return load(Factors(), "factors.pt")
"""


def likes(user, item):
    """What is relevant: the items of a user's genre."""
    return (user - item) % GENRES == 0


def score(model, user, item):
    """The score of pairs by the model itself: the oracle."""
    outputs = model(user, item)
    if isinstance(outputs, dict):
        return (outputs["user_embedding"] * outputs["item_embedding"]).sum(-1)
    return outputs[:, 0]


def train(model):
    import torch

    user, item = (torch.tensor(one.ravel()) for one in np.meshgrid(np.arange(USERS), np.arange(ITEMS), indexing="ij"))
    wanted = torch.tensor(likes(user.numpy(), item.numpy())).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(STEPS):
        some = torch.randint(len(user), (BATCH,))
        scores = score(model, user[some], item[some])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, wanted[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def make_candidates():
    """A row for each candidate, with its user: two of twelve are relevant, in a random order."""
    rng, rows = np.random.default_rng(7), []
    for user in range(USERS):
        liked = rng.choice([item for item in range(ITEMS) if likes(user, item)], 2, replace=False)
        others = rng.choice([item for item in range(ITEMS) if not likes(user, item)], CANDIDATES - 2, replace=False)
        rows += [
            {
                "user_id": f"u{user}",
                "item_id": f"i{item}",
                "user": user,
                "item": item,
                "clicked": float(likes(user, item)),
                "country": ["here", "there"][user % 2],
            }
            for item in rng.permutation([*liked, *others]).tolist()
        ]
    return rows


@pytest.fixture(scope="session")
def recommender(tmp_path_factory):
    """The folder, not to be changed; `columns` has the candidates and the scores of each model for them."""
    import torch

    project = Project(tmp_path_factory.mktemp("recommender"))
    (project.folder / "model").mkdir()
    (project.folder / "model" / "two_tower.py").write_text(CODE, "utf-8")
    names = {"__file__": str(project.folder / "model" / "two_tower.py")}
    exec(CODE, names)
    torch.manual_seed(7)
    models = {"towers": names["TwoTower"](), "factors": names["Factors"]()}
    rows = make_candidates()
    pairs = [torch.tensor([row[field] for row in rows]) for field in ("user", "item")]
    for name, model in models.items():
        train(model)
        torch.save(model.state_dict(), project.folder / "model" / f"{name}.pt")
        with torch.no_grad():
            project.columns[name] = score(model, *pairs).tolist()
    project.columns["rows"] = rows
    pq.write_table(pa.Table.from_pylist(rows), project.folder / "candidates.parquet")
    users = {"user_id": [f"u{user}" for user in range(USERS)], "user_number": list(range(USERS))}
    users["clicked"] = [[f"i{item}" for item in range(ITEMS) if likes(user, item)] for user in range(USERS)]
    pq.write_table(pa.table(users), project.folder / "users.parquet")
    items = {"item_id": [f"i{item}" for item in range(ITEMS)], "item_number": list(range(ITEMS))}
    pq.write_table(pa.table(items), project.folder / "items.parquet")
    return project


@pytest.fixture(autouse=True)
def forget_models(recommender):
    """Another folder may have a module of the same name."""
    yield
    forget_modules(recommender.folder)
    sys.modules.pop("two_tower", None)
