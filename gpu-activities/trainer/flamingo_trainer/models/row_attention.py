"""Causal attention within each of the rows that stand behind each other in one sequence."""

import inspect
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # with an older torch rows are attended to one after the other
    varlen_attn = None

# Newer versions must be told that there are more query heads than key heads.
GROUPED: dict[str, Any] = (
    {"enable_gqa": True} if varlen_attn and "enable_gqa" in inspect.signature(varlen_attn).parameters else {}
)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, borders: torch.Tensor, longest: int) -> torch.Tensor:
    """Causal attention within each row: (tokens, heads, width) from queries, and keys and values of fewer heads."""
    if varlen_attn is not None and q.is_cuda and q.dtype in (torch.bfloat16, torch.float16):
        return varlen_attn(q, k, v, borders, borders, longest, longest, window_size=(-1, 0), **GROUPED)
    fewer_keys = q.shape[1] != k.shape[1]
    if q.is_cuda:
        # There is no such kernel for fp32, so this masks all pairs, which a compiler sees through.
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
