"""The reference way to an optimizer step's gradients: padded micro-batches through the model as transformers has it.

The packed paths (packed.py) compute the same in other floating-point sums.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from ..data.render import IGNORED, EncodedRow
from ..models import adapters
from ..models.loading import Loaded
from ..models.logits import head_sees


class PaddedPath:
    """`gradients`, `losses`, `clip` and `stepped` are what the training loop asks of a path.

    `ahead`: whether a step may be launched before the figures of the one before have been read.
    """

    plan = None
    ahead = False

    def __init__(self, loaded: Loaded, adapter: Any, micro_batch_size: int):
        self._loaded, self._adapter, self._micro_batch_size = loaded, adapter, micro_batch_size
        self.parameters = adapters.trained(adapter)
        self.optimized = list(self.parameters.values())

    def gradients(self, rows: list[EncodedRow]) -> tuple[float, int]:
        return gradients_of(self._loaded, self._adapter, rows, self._micro_batch_size)

    def losses(self, rows: list[EncodedRow]) -> Iterator[float]:
        self._adapter.eval()
        try:
            with torch.no_grad():
                for ids, labels, mask in micro_batches(self._loaded, rows, self._micro_batch_size):
                    yield summed_loss(self._loaded, self._adapter, ids, labels, mask).item()
        finally:
            self._adapter.train()

    def clip(self, limit: float) -> torch.Tensor:
        return torch.nn.utils.clip_grad_norm_(self.optimized, limit)

    def stepped(self) -> None:
        for parameter in self.optimized:
            parameter.grad = None


def gradients_of(loaded: Loaded, adapter: Any, rows: list[EncodedRow], micro_batch_size: int) -> tuple[float, int]:
    """Adds the gradients of one optimizer step; returns its loss and the number of its trained tokens.

    Rows of similar length share a micro-batch, which saves padding and does not change the sum.
    """
    total = sum(row.trained for row in rows)
    loss_sum = 0.0
    for ids, labels, mask in micro_batches(loaded, rows, micro_batch_size):
        loss = summed_loss(loaded, adapter, ids, labels, mask) / total
        loss.backward()
        loss_sum += loss.item()
    return loss_sum, total


def micro_batches(
    loaded: Loaded, rows: list[EncodedRow], size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    for part in by_length(rows, size):
        yield collate(part, loaded)


def by_length(rows: list[EncodedRow], size: int) -> Iterator[list[EncodedRow]]:
    """Micro-batches of `size` rows, the longest first, so that little is padding."""
    ordered = sorted(rows, key=lambda row: -len(row.ids))
    for start in range(0, len(rows), size):
        yield ordered[start : start + size]


def summed_loss(
    loaded: Loaded, adapter: Any, ids: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """The sum of the cross-entropies of a micro-batch's trained tokens."""
    targets = labels[:, 1:]
    positions = targets != IGNORED
    with loaded.half_precision():
        logits = logits_at(adapter, ids, mask, positions)
    return F.cross_entropy(logits.float(), targets[positions], reduction="sum")


def logits_at(adapter: Any, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Logits (trained tokens, vocabulary) at the positions whose next token is trained."""
    with head_sees(adapter, lambda hidden: hidden[:, :-1][positions]):
        return adapter(input_ids=ids, attention_mask=mask, use_cache=False).logits


def collate(rows: list[EncodedRow], loaded: Loaded) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, labels and attention mask, each (rows, longest row), padded on the right."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), longest), loaded.tokenizer.pad_token_id)
    labels = torch.full((len(rows), longest), IGNORED)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        labels[i, : len(row.ids)] = torch.tensor(row.labels)
        mask[i, : len(row.ids)] = 1
    return ids.to(loaded.device), labels.to(loaded.device), mask.to(loaded.device)
