"""Rows of different lengths as one sequence: what belongs together, attention within rows, the loss where trained.

No padding takes part in a packed pass but what fills it up to a multiple of `ALIGN` tokens, which is a row of its own
that nobody reads. Knows nothing about models beyond the shapes of queries, keys and values.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F

from .render import IGNORED, EncodedRow

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # an older torch: rows one after the other
    varlen_attn = None

# newer ones want to be told that there are more query heads than key heads
GROUPED: dict[str, Any] = (
    {"enable_gqa": True} if varlen_attn and "enable_gqa" in inspect.signature(varlen_attn).parameters else {}
)

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


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, borders: torch.Tensor, longest: int) -> torch.Tensor:
    """Causal attention within each row: (tokens, heads, width) from queries, and keys and values of fewer heads."""
    if varlen_attn is not None and q.is_cuda and q.dtype in (torch.bfloat16, torch.float16):
        return varlen_attn(q, k, v, borders, borders, longest, longest, window_size=(-1, 0), **GROUPED)
    fewer_keys = q.shape[1] != k.shape[1]
    if q.is_cuda:
        # fp32, for which there is no such kernel: a mask of all pairs, which a compiler sees through
        place = torch.arange(len(q), device=q.device)
        row = torch.searchsorted(borders, place, right=True)
        mask = (row[:, None] == row[None, :]) & (place[:, None] >= place[None, :])
        parts = (x.transpose(0, 1)[None] for x in (q, k, v))
        return F.scaled_dot_product_attention(*parts, attn_mask=mask, enable_gqa=fewer_keys)[0].transpose(0, 1)
    attended = []
    for start, end in pairwise(borders.tolist()):
        part = (x[start:end].transpose(0, 1)[None] for x in (q, k, v))
        attended.append(F.scaled_dot_product_attention(*part, is_causal=True, enable_gqa=fewer_keys)[0].transpose(0, 1))
    return torch.cat(attended)


class Select(torch.autograd.Function):
    """x[chosen] for places that differ; the gradient is put back without the sorting that a general index needs."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(chosen)
        context.rows = len(x)
        return x.index_select(0, chosen)

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, outer: torch.Tensor):
        (chosen,) = context.saved_tensors
        return outer.new_zeros((context.rows, outer.shape[1])).index_copy_(0, chosen, outer), None


class ChunkedLoss(torch.autograd.Function):
    """Sum of cross-entropies over `divisor`, a few positions at a time, so that all logits never exist at once.

    hidden (positions, width) are after the last norm. The head is frozen, so its gradient is not needed, and the
    gradient of the loss is made in the same pass.
    """

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx,
        hidden: torch.Tensor,
        head: torch.Tensor,
        targets: torch.Tensor,
        divisor: int,
        chunk: int,
    ) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        tokens = torch.arange(head.shape[0], device=hidden.device)
        for start in range(0, len(hidden), chunk):
            part, target = hidden[start : start + chunk], targets[start : start + chunk, None]
            logits = F.linear(part, head).float()
            total = logits.logsumexp(dim=1, keepdim=True)
            loss += (total - logits.gather(1, target)).sum()
            logits.sub_(total).exp_().sub_((tokens[None, :] == target).to(logits.dtype)).div_(divisor)
            gradient[start : start + chunk] = logits.to(hidden.dtype) @ head
        context.save_for_backward(gradient)
        return loss / divisor

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, outer: torch.Tensor):
        (gradient,) = context.saved_tensors
        return gradient * outer.to(gradient.dtype), None, None, None, None
