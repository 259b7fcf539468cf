"""Rows of different lengths as one sequence: what belongs together, attention within rows, the loss where trained.

No padding takes part in a packed pass but what fills it up to a multiple of `ALIGN` tokens, which is a row of its own
that nobody reads. Knows nothing about models beyond the shapes of queries, keys and values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .render import IGNORED, EncodedRow

# Tokens; matrix products like even sizes. Costs at most half a percent of a step of the study.
ALIGN = 16


@dataclass(frozen=True)
class Packed:
    """`ids` and `positions` (tokens,), `borders` (rows + 1,) int32, `chosen` the places whose next token is trained.

    `targets` are those next tokens, `longest` an upper bound of the rows' lengths.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    borders: torch.Tensor
    longest: int
    chosen: torch.Tensor
    targets: torch.Tensor


def pack(rows: Sequence[EncodedRow], padding: int, longest: int, device: torch.device) -> Packed:
    """Rows behind each other, in their order."""
    ids: list[int] = []
    positions: list[int] = []
    borders, chosen, targets = [0], [], []
    for row in rows:
        start = len(ids)
        for place, label in enumerate(row.labels[1:]):
            if label != IGNORED:
                chosen.append(start + place)
                targets.append(label)
        ids += row.ids
        positions += range(len(row.ids))
        borders.append(len(ids))
    fill = -len(ids) % ALIGN
    if fill:
        ids += [padding] * fill
        positions += range(fill)
        borders.append(len(ids))
    whole = torch.tensor([*ids, *positions, *borders, *chosen, *targets])
    if device.type == "cuda":
        whole = whole.pin_memory()
    sizes = (len(ids), len(positions), len(borders), len(chosen), len(targets))
    parts = whole.to(device, non_blocking=True).split(sizes)
    return Packed(parts[0], parts[1], parts[2].to(torch.int32), max(longest, ALIGN), parts[3], parts[4])


def split_by_tokens(rows: Sequence[EncodedRow], budget: int) -> list[list[EncodedRow]]:
    """Rows in their order, cut where the next one would exceed `budget` tokens; a longer row stands alone."""
    parts: list[list[EncodedRow]] = []
    tokens = 0
    for row in rows:
        if not parts or tokens + len(row.ids) > budget:
            parts.append([])
            tokens = 0
        parts[-1].append(row)
        tokens += len(row.ids)
    return parts
