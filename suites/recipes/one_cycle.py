"""Train a small network on images, in one cycle of the learning rate."""

# ruff: noqa: TID253
# A script that trains always pays for torch.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 0.15  # of the steps
DECAY = 0.01
EACH = 100  # steps, of which the mean loss is printed


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train: so many steps of `batch` rows, up to this learning rate."""

    steps: int
    batch: int
    rate: float


def train(model: torch.nn.Module, n_rows: int, plan: Plan, compute_loss: Callable[[Tensor], Tensor]) -> None:
    """Train the network in place by AdamW; `compute_loss` gives the loss of the rows at some positions."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, total_steps=plan.steps, pct_start=WARM_UP)
    model.train()
    order = torch.cat([torch.randperm(n_rows) for _ in range(plan.steps * plan.batch // n_rows + 1)])
    total = 0.0
    for step in range(plan.steps):
        loss = compute_loss(order[step * plan.batch : (step + 1) * plan.batch])
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += float(loss.detach())
        if (step + 1) % EACH == 0:
            print(f"step {step + 1}: loss {total / EACH:.4f}", flush=True)
            total = 0.0
