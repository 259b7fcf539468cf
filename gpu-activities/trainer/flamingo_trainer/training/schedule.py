"""Which rows each optimizer step has, at which learning rate, and when training ends early.

Everything here is a function of the recipe and the step, so an interrupted run computes it again.
"""

import hashlib
import math
from typing import Any

import torch


def schedule(settings: dict[str, Any], step: int, total: int) -> float:
    """Factor of the learning rate in the optimizer step that follows `step` finished ones.

    `warmupFrom: zero` is transformers' schedule of the same kind, whose first step changes nothing; with `first` the
    first step already counts 1/warmupSteps. `cosine` falls to 0 over half a wave.
    """
    warmup = settings["warmupSteps"]
    rise = (step + (settings["warmupFrom"] == "first")) / warmup if warmup > 0 else 1.0
    if settings["kind"] == "constant":
        return min(1.0, rise)
    if settings["kind"] == "cosine":
        if step < warmup:
            return min(1.0, rise)
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))))
    return min(1.0, rise, max(0.0, (total - step) / max(1, total - warmup)))


def steps_of(rows: int, recipe: dict[str, Any]) -> list[list[int]]:
    """The rows of every optimizer step of the run, by their number from 0, in order; at most `maxSteps`."""
    size, per_epoch = recipe["batchSize"], steps_in_epoch(rows, recipe)
    orders = (row_order(recipe["seeds"]["dataOrder"], epoch, rows) for epoch in range(recipe["epochs"]))
    steps = [order[batch * size : (batch + 1) * size] for order in orders for batch in range(per_epoch)]
    return steps[: recipe.get("maxSteps")]


def steps_in_epoch(rows: int, recipe: dict[str, Any]) -> int:
    """`partial` keeps the short last batch of an epoch, `drop` leaves it out."""
    whole = rows // recipe["batchSize"]
    return whole if recipe["lastBatch"] == "drop" or rows % recipe["batchSize"] == 0 else whole + 1


def row_order(seed: int, epoch: int, rows: int) -> list[int]:
    """The order of an epoch. The seed is hashed, so that the epochs of neighbouring seeds have nothing in common."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))
    return torch.randperm(rows, generator=generator).tolist()


def has_settled(log: list[dict[str, Any]], rule: dict[str, Any] | None) -> bool:
    """Whether the losses of more than `rule["steps"]` steps up to now all lie below `rule["loss"]`."""
    if rule is None:
        return False
    last = log[-rule["steps"] - 1 :]
    return len(last) > rule["steps"] and all(entry["loss"] < rule["loss"] for entry in last)
