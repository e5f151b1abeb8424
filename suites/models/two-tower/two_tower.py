"""A two-tower recommender: the vector of a user and that of an item, whose dot product is the score of the pair."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

USERS, AGES, ITEMS, GENRES = 600, 5, 300, 8
WIDTH = 16  # of an embedding
WEIGHTS = Path(__file__).with_name("model.safetensors")


class Tower(nn.Module):
    """The vector of whatever has a number and a category."""

    def __init__(self, count: int, categories: int) -> None:
        super().__init__()
        self.identity = nn.Embedding(count, WIDTH)
        self.category = nn.Embedding(categories, WIDTH)
        self.hidden = nn.Linear(2 * WIDTH, 2 * WIDTH)
        self.out = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, number: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
        """Of shape (rows, width), for two inputs of shape (rows,)."""
        features = torch.cat([self.identity(number), self.category(category)], dim=-1)
        vector: torch.Tensor = self.out(torch.relu(self.hidden(features)))
        return vector


class TwoTower(nn.Module):
    """A tower for users and one for items."""

    def __init__(self) -> None:
        super().__init__()
        self.users = Tower(USERS, AGES)
        self.items = Tower(ITEMS, GENRES)

    def forward(
        self, user: torch.Tensor, age: torch.Tensor, item: torch.Tensor, genre: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The score of each pair."""
        users, items = self.users(user, age), self.items(item, genre)
        return {"score": (users * items).sum(dim=-1)}


def build() -> TwoTower:
    """The trained model."""
    model = TwoTower()
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()
