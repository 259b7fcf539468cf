"""Fine-tuning through Unsloth's model: `training.backend: unsloth`.

Everything that the recipe declares stays this program's: the rows with their masks, their order, the loss as a mean
over the step's trained tokens, the optimizer, the schedule, the checkpoints. Unsloth brings the model's forward and
backward passes (its kernels, its offloaded recomputing of activations), and with them other floating-point sums.
Resumed from a checkpoint a run goes on in the same state; that it ends in the same bits is not promised, since some of
Unsloth's kernels are chosen by timing.
"""

from collections.abc import Iterator
from typing import Any

import torch

from ..data.render import EncodedRow
from ..failures import Failure
from ..models.loading import Loaded
from .padded import PaddedPath, by_length, collate


class UnslothPath(PaddedPath):
    """The reference's micro-batches through Unsloth's fused loss."""

    def __init__(self, loaded: Loaded, adapter: Any, recipe: dict[str, Any]):
        if recipe.get("packing", "none") != "none":
            raise Failure("config", "the backend 'unsloth' trains on padded rows: packing must be none")
        super().__init__(loaded, adapter, recipe["microBatchSize"])

    def gradients(self, rows: list[EncodedRow]) -> tuple[float, int]:
        """Adds the gradients of one optimizer step; returns its loss and the number of its trained tokens.

        Unsloth sums over the trained tokens of a micro-batch and divides by the number that it is given, so the sum
        over the micro-batches is the declared mean.
        """
        total = sum(row.trained for row in rows)
        loss_sum = 0.0
        for part in by_length(rows, self._micro_batch_size):
            loss = self._loss(part, total)
            loss.backward()
            loss_sum += loss.item()
        return loss_sum, total

    def losses(self, rows: list[EncodedRow]) -> Iterator[float]:
        """The summed losses of `rows`, micro-batch by micro-batch, without a gradient.

        Unsloth gives no logits back where it has labels, so a sum is the mean times the trained tokens.
        """
        self._adapter.eval()
        try:
            with torch.no_grad():
                for part in by_length(rows, self._micro_batch_size):
                    trained = sum(row.trained for row in part)
                    yield self._loss(part, trained).item() * trained
        finally:
            self._adapter.train()

    def _loss(self, rows: list[EncodedRow], divisor: int) -> torch.Tensor:
        ids, labels, mask = collate(rows, self._loaded)
        return self._adapter(input_ids=ids, attention_mask=mask, labels=labels, num_items_in_batch=divisor).loss
