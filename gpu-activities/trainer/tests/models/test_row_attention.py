"""Attention within rows is what each row's own attention would be."""

import pytest
import torch
import torch.nn.functional as F

from flamingo_trainer.models.row_attention import attend

BORDERS = [0, 5, 6, 19, 32]


def inputs(heads, kv_heads, width=8):
    generator = torch.Generator().manual_seed(heads)
    return tuple(torch.randn(BORDERS[-1], count, width, generator=generator) for count in (heads, kv_heads, kv_heads))


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (6, 2)])
def test_a_row_attends_to_itself_up_to_each_token(heads, kv_heads):
    q, k, v = inputs(heads, kv_heads)
    found = attend(q, k, v, torch.tensor(BORDERS, dtype=torch.int32), 13)
    place = torch.arange(len(q))
    row = torch.bucketize(place, torch.tensor(BORDERS), right=True)
    mask = (row[:, None] == row[None, :]) & (place[:, None] >= place[None, :])
    every = (q, k.repeat_interleave(heads // kv_heads, 1), v.repeat_interleave(heads // kv_heads, 1))
    expected = F.scaled_dot_product_attention(*(x.transpose(0, 1)[None] for x in every), attn_mask=mask)
    torch.testing.assert_close(found, expected[0].transpose(0, 1), rtol=1e-5, atol=1e-6)


def test_another_row_changes_no_bit_of_the_rest():
    q, k, v = inputs(6, 2)
    borders = torch.tensor(BORDERS, dtype=torch.int32)
    before = attend(q, k, v, borders, 13)
    for part in (q, k, v):
        part[6:19] += 1
    after = attend(q, k, v, borders, 13)
    assert torch.equal(before[:6], after[:6]) and torch.equal(before[19:], after[19:])
    assert not torch.equal(before[6:19], after[6:19])
