"""The Triton kernel of cache_attention.py: one program per answer and key-value head.

Imported only where there is a GPU (or Triton's interpreter, in a test).
"""

import torch
import triton
import triton.language as tl


@triton.jit
def kernel(
    q_at, k_at, v_at, keys_at, values_at, position_at, out_at,
    answer_stride, token_stride, scale,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    answer, head = tl.program_id(0), tl.program_id(1)
    position = tl.load(position_at + answer)
    lanes = tl.arange(0, WIDTH)
    cache = answer.to(tl.int64) * answer_stride + head * WIDTH
    own = (answer * KV_HEADS + head) * WIDTH + lanes
    k_new, v_new = tl.load(k_at + own), tl.load(v_at + own)
    place = cache + position * token_stride + lanes
    tl.store(keys_at + place, k_new)
    tl.store(values_at + place, v_new)

    # The heads that share these keys are filled up to the smallest matrix product.
    rows = tl.arange(0, ROWS)
    heads = ((answer * KV_HEADS + head) * GROUP + rows[:, None]) * WIDTH + lanes[None, :]
    q = tl.load(q_at + heads, mask=rows[:, None] < GROUP, other=0.0)
    # The sums start with the new token, which is not read back from the cache.
    largest = tl.sum(q.to(tl.float32) * k_new.to(tl.float32)[None, :], axis=1) * scale
    total = tl.full((ROWS,), 1.0, tl.float32)
    weighted = tl.zeros((ROWS, WIDTH), tl.float32) + v_new.to(tl.float32)[None, :]
    for start in range(0, position, BLOCK):
        tokens = start + tl.arange(0, BLOCK)
        there = tokens < position
        block = cache + tokens[:, None] * token_stride + lanes[None, :]
        k = tl.load(keys_at + block, mask=there[:, None], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale
        scores = tl.where(there[None, :], scores, float("-inf"))
        larger = tl.maximum(largest, tl.max(scores, axis=1))
        shares = tl.exp(scores - larger[:, None])
        shrink = tl.exp(largest - larger)
        v = tl.load(values_at + block, mask=there[:, None], other=0.0)
        total = total * shrink + tl.sum(shares, axis=1)
        weighted = weighted * shrink[:, None] + tl.dot(shares.to(v.dtype), v, input_precision=PRECISION)
        largest = larger
    tl.store(out_at + heads, (weighted / total[:, None]).to(out_at.dtype.element_ty), mask=rows[:, None] < GROUP)


def attend_cache_triton(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: torch.Tensor,
) -> torch.Tensor:
    """As cache_attention.attend_cache, which hands its parameters on."""
    answers, heads, width = q.shape
    kv_heads = k.shape[1]
    group = heads // kv_heads
    out = torch.empty((answers, heads, width), dtype=q.dtype, device=q.device)
    kernel[(answers, kv_heads)](
        q.contiguous(), k.contiguous(), v.contiguous(), keys, values, position, out,
        keys.stride(0), keys.stride(1), width**-0.5,
        KV_HEADS=kv_heads, GROUP=group, ROWS=max(16, triton.next_power_of_2(group)), WIDTH=width,
        BLOCK=64 if width <= 128 else 32, PRECISION="ieee", num_warps=4,
    )  # fmt: skip
    return out
