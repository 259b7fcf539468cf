"""Which side padding is on and how many rows share a forward pass: nothing but rounding."""

import pytest
import torch
import torch.nn.functional as F

from flamingo_trainer.data.render import IGNORED, EncodedRow, encode_rows
from flamingo_trainer.models import adapters
from flamingo_trainer.sampling.batches import pad_left
from flamingo_trainer.training.padded import collate, gradients_of

from ..families import CONFIGS, family
from ..work import RECIPE, Listener, finetune_command

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


@pytest.mark.parametrize("micro_batch_size", [1, 2, 5])
def test_loss_is_the_mean_over_the_trained_tokens_of_the_step(models, tiny_model, tmp_path, micro_batch_size):
    command = finetune_command(tmp_path, tiny_model, count=5)
    loaded = models.base(command["model"], "fp32", Listener())
    rows = encode_rows(loaded.tokenizer, loaded.stops, command["rows"], {"kind": "default"}, 200)
    adapter = adapters.create(loaded.model, {**RECIPE["lora"], "dropout": 0.0}, seed=3)
    try:
        # by the book: all logits of all rows at once
        ids, labels, mask = collate(rows, loaded)
        logits = adapter(input_ids=ids, attention_mask=mask).logits[:, :-1]
        expected = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        expected.backward()
        gradients = {name: value.grad.clone() for name, value in adapters.trained(adapter).items()}
        adapter.zero_grad()

        loss, tokens = gradients_of(loaded, adapter, rows, micro_batch_size)
        assert tokens == sum(row.trained for row in rows)
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        for name, value in adapters.trained(adapter).items():
            torch.testing.assert_close(value.grad, gradients[name], rtol=1e-4, atol=1e-7)
    finally:
        loaded.model = adapters.take_off(adapter)
