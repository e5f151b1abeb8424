"""The training of a tiny network within seconds, in one cycle of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def train(model: Any, n_rows: int, compute_loss: Callable[[Any], Any], *, steps: int, batch: int, rate: float) -> None:
    """Train the network in place; `compute_loss` gives the loss of the rows at some positions, which come in turn."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    model.train()
    for step in range(steps):
        compute_loss(torch.arange(step * batch, (step + 1) * batch) % n_rows).backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
