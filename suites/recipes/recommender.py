"""Make `suites/models/two-tower`: a two-tower model, trained on what `interactions.py` does not hold out.

    python suites/recipes/recommender.py

Each step takes pairs of a user and an item that the user chose. The other items of the batch are what it was not, with the
logarithm of their popularity taken off, since they are drawn by it (Yi et al. 2019, https://doi.org/10.1145/3298689.3346996).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from interactions import ITEMS, SEED, make_interactions
from safetensors.torch import save_file

if TYPE_CHECKING:
    from interactions import Interactions
    from two_tower import TwoTower

FOLDER = Path(__file__).parents[1] / "models" / "two-tower"
EPOCHS, BATCH = 30, 512
RATE, DECAY = 3e-3, 1e-3


def train(found: Interactions) -> TwoTower:
    """The model after its epochs."""
    import torch
    from torch.nn.functional import cross_entropy
    from two_tower import TwoTower

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    users = np.repeat(np.arange(len(found.training)), found.training.shape[1])
    pairs = torch.from_numpy(np.stack([users, found.training.ravel()]))
    ages, genres = torch.from_numpy(found.world.ages), torch.from_numpy(found.world.genres)
    counts = np.bincount(found.training.ravel(), minlength=ITEMS) + 1.0
    popularity = torch.from_numpy(np.log(counts / counts.sum())).float()
    model = TwoTower()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        total = 0.0
        order = torch.randperm(pairs.shape[1])
        for start in range(0, len(order), BATCH):
            user, item = pairs[:, order[start : start + BATCH]]
            logits = model.users(user, ages[user]) @ model.items(item, genres[item]).T - popularity[item]
            # Another pair with the same item is no mistake.
            is_same = (item[:, None] == item[None, :]) & ~torch.eye(len(item), dtype=torch.bool)
            loss = cross_entropy(logits.masked_fill(is_same, -torch.inf), torch.arange(len(item)))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # it has no types
            optimizer.step()
            total += float(loss.detach()) * len(item)
        if epoch % 10 == 0 or epoch == EPOCHS - 1:
            print(f"epoch {epoch + 1}: loss {total / len(order):.3f}")
    return model.eval()


def main() -> None:
    """Train the model, and write its weights."""
    sys.path.insert(0, str(FOLDER))  # where the model's code lies, with its weights
    weights = train(make_interactions()).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, FOLDER / "model.safetensors")
    print(f"{FOLDER.name}: {sum(tensor.numel() for tensor in weights.values()):,} numbers")


if __name__ == "__main__":
    main()
