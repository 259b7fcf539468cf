"""Which side padding is on and how many rows share a forward pass: nothing but rounding."""

import pytest
import torch

from flamingo_trainer.data.render import EncodedRow
from flamingo_trainer.sampling.generate import pad_left
from flamingo_trainer.training.padded import collate

from ..families import CONFIGS, family

LENGTHS = [3, 31, 17, 8, 24, 5]


def right(loaded, part):
    """The logits (tokens, vocabulary) of each row, padded as training pads."""
    ids, _, mask = collate([EncodedRow(1, row, row, truncated=False) for row in part], loaded)
    logits = loaded.model(input_ids=ids, attention_mask=mask).logits
    return [each[: len(row)] for each, row in zip(logits, part, strict=True)]


def left(loaded, part):
    """The same, padded as sampling pads prompts."""
    ids, mask = pad_left(part, loaded.tokenizer.pad_token_id, loaded.device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    logits = loaded.model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    return [each[-len(row) :] for each, row in zip(logits, part, strict=True)]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("side", [right, left])
@torch.no_grad()
def test_padding_side_and_batch_size_change_fp32_logits_by_at_most_1e_5_relative(name, side):
    loaded = family(name)
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(3, len(loaded.tokenizer), (length,), generator=generator).tolist() for length in LENGTHS]
    alone = [loaded.model(input_ids=torch.tensor([row])).logits[0] for row in rows]
    for size in (1, 2, 4, 6):
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        found = [logits for part in batches for logits in side(loaded, part)]
        for logits, expected in zip(found, alone, strict=True):
            assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()
