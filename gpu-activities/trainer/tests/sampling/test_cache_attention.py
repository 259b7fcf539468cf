"""Attention of one new token over a cache is the last row of attention over all tokens."""

import pytest
import torch
import torch.nn.functional as F

from flamingo_trainer.sampling.cache_attention import attend_cache


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (6, 2)])
def test_each_answer_attends_to_what_it_has_and_the_new_token_is_kept(heads, kv_heads):
    generator = torch.Generator().manual_seed(heads)

    def some(*sizes):
        return torch.randn(*sizes, generator=generator)

    position, width = torch.tensor([0, 3, 11]), 8
    q, k, v = some(3, heads, width), some(3, kv_heads, width), some(3, kv_heads, width)
    keys, values = some(3, 16, kv_heads, width), some(3, 16, kv_heads, width)
    before = keys.clone(), values.clone()
    found = attend_cache(q, k, v, keys, values, position)
    for answer, place in enumerate(position.tolist()):
        for cache, new, old in ((keys, k, before[0]), (values, v, before[1])):
            assert torch.equal(cache[answer, place], new[answer])
            rest = torch.arange(16) != place
            assert torch.equal(cache[answer, rest], old[answer, rest])
        past = (x[answer, : place + 1].repeat_interleave(heads // kv_heads, 1).transpose(0, 1) for x in (keys, values))
        expected = F.scaled_dot_product_attention(q[answer][:, None], *past)[:, 0]
        torch.testing.assert_close(found[answer], expected, rtol=1e-5, atol=1e-6)
