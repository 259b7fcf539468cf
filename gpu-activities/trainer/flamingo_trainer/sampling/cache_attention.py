"""Attention of one new token per answer over a cache of fixed size, of which each answer has filled a part.

The new keys and values are written into the cache at `position`, and each answer attends to what it has up to there:
memory traffic is that of the tokens that exist, not of the cache's size. On a GPU one Triton kernel does it
(triton_attention.py); elsewhere PyTorch, with a mask.
"""

import torch
import torch.nn.functional as F


def attend_cache(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: torch.Tensor,
) -> torch.Tensor:
    """(answers, heads, width) from `q`; `k`, `v` (answers, kv heads, width); cache (answers, tokens, kv heads, width).

    Overwrites the cache at `position` (answers,).
    """
    width = q.shape[-1]
    if q.is_cuda and width in (64, 128, 256):
        from .triton_attention import attend_cache_triton

        return attend_cache_triton(q, k, v, keys, values, position)
    rows = torch.arange(len(q), device=q.device)
    keys[rows, position], values[rows, position] = k, v
    # On a CPU only as far as the longest answer has come. A captured graph can not look, and takes all.
    length = keys.shape[1] if q.is_cuda else int(position.max()) + 1
    mask = torch.arange(length, device=q.device)[None, :] <= position[:, None]
    return F.scaled_dot_product_attention(
        q[:, :, None],
        keys[:, :length].transpose(1, 2),
        values[:, :length].transpose(1, 2),
        attn_mask=mask[:, None, None, :],
        enable_gqa=q.shape[1] != k.shape[1],
    )[:, :, 0]
